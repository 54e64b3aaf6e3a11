//! `backfill`: brings the items of an adopted table into the listings, by the bookkeeping that they lack.
//!
//! An item that another program wrote has no `_rev` and no `_shard`, and so is in no listing of all orders by
//! date. This sets both, on every item that lacks one, under the condition that it still does: a second run
//! changes nothing, and one that runs beside the service takes nothing from it. Where it stopped, it goes on.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::{AttributeValue, ScalarAttributeType, TableDescription};
use common::item::{ID, Item, ORDER_DATE, PRODUCT, REVISION, SHARD};
use common::revision::Revision;
use common::store::{ConditionFailure, DATE_INDEX, PRODUCT_INDEX, shard_of};
use futures_util::stream::{self, StreamExt};

use crate::cli::explain;

/// How many items one request reads.
const PAGE_ITEMS: i32 = 250;
/// How many items are written at once.
const CONCURRENT_WRITES: usize = 16;
/// DynamoDB's limits for the keys of the indexes, in bytes.
const MAX_PRODUCT_BYTES: usize = 2_048;
const MAX_DATE_BYTES: usize = 1_024;

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Items looked at.
    pub read: u64,
    /// Items whose bookkeeping was set.
    pub set: u64,
    /// Items that the indexes can't take or that DynamoDB takes no write of, each on a line of its own.
    pub reported: u64,
    /// Items without an `order_date`: right, but in no listing by date.
    pub undated: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            read,
            set,
            reported,
            undated,
        } = self;
        write!(
            formatter,
            "{read} items read, {set} set, {reported} reported, {undated} without an order_date"
        )
    }
}

/// Where a backfill of a table stopped: the table, as its server knows it, and the key of the last item that the
/// backfill was through with. A table of the same name elsewhere is another.
#[derive(Clone, Debug)]
pub struct Bookmark {
    path: PathBuf,
}

impl Bookmark {
    /// In this folder, for this table.
    #[must_use]
    pub fn new(folder: &Path, table: &str) -> Self {
        Self {
            path: folder.join(format!("backfill-{table}.at")),
        }
    }

    /// The key to go on behind, where this very table was left.
    fn read(&self, table: &str) -> io::Result<Option<String>> {
        match fs::read_to_string(&self.path) {
            Ok(note) => Ok(note
                .split_once('\n')
                .filter(|(noted, _)| *noted == table)
                .map(|(_, id)| id.to_owned())),
            // What can't be read was not written by a backfill.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::InvalidData
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Written beside and moved into place: a crash leaves the old one or the new one.
    fn write(&self, table: &str, id: &str) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        fs::write(&beside, format!("{table}\n{id}"))?;
        fs::rename(beside, &self.path)
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Goes through the whole table; `say` gets a line for each page and for each item that the indexes can't take.
///
/// # Errors
///
/// A table that is not there or has other keys, DynamoDB out of reach or throttling for longer than the client
/// retries, a bookmark that can't be written. What was done stays done, and the next run goes on from there.
pub async fn run(
    client: &Client,
    table: &str,
    bookmark: &Bookmark,
    mut say: impl FnMut(String),
) -> Result<Progress, String> {
    let identity = check_table(client, table, &mut say).await?;
    let in_bookmark = |error: io::Error| format!("{}: {error}", bookmark.path.display());
    let mut progress = Progress::default();
    let mut after = bookmark.read(&identity).map_err(in_bookmark)?;
    if let Some(id) = &after {
        say(format!(
            "going on behind {id:?}, where the last run stopped"
        ));
    }
    loop {
        let scan = client
            .scan()
            .table_name(table)
            .limit(PAGE_ITEMS)
            .consistent_read(true)
            .set_exclusive_start_key(
                after
                    .take()
                    .map(|id| HashMap::from([(ID.to_owned(), AttributeValue::S(id))])),
            );
        let page = scan
            .send()
            .await
            .map_err(|error| explain("reading the table", &error))?;
        set_all(client, table, page.items(), &mut progress, &mut say).await?;
        say(progress.to_string());
        let Some(AttributeValue::S(last)) = page.last_evaluated_key().and_then(|key| key.get(ID))
        else {
            break;
        };
        bookmark.write(&identity, last).map_err(in_bookmark)?;
        after = Some(last.clone());
    }
    bookmark.remove().map_err(in_bookmark)?;
    Ok(progress)
}

async fn set_all(
    client: &Client,
    table: &str,
    items: &[Item],
    progress: &mut Progress,
    say: &mut impl FnMut(String),
) -> Result<(), String> {
    for item in items {
        progress.read += 1;
        progress.undated += u64::from(!item.contains_key(ORDER_DATE));
        if let Some(reason) = unindexable(item) {
            progress.reported += 1;
            say(format!("item {:?}: {reason}", id(item)));
        }
    }
    let lacking = items
        .iter()
        .filter(|item| lacks_bookkeeping(item))
        .map(|item| set(client, table, item));
    let mut written = stream::iter(lacking).buffer_unordered(CONCURRENT_WRITES);
    let mut failure = None;
    while let Some(outcome) = written.next().await {
        match outcome {
            Ok(Set::Done) => progress.set += 1,
            Ok(Set::NotNeeded) => {}
            Ok(Set::Refused(id, message)) => {
                progress.reported += 1;
                say(format!("item {id:?} is left as it is: {message}"));
            }
            // What is under way is finished, then the run ends.
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}

enum Set {
    Done,
    /// Another writer was faster, or the item has gone.
    NotNeeded,
    /// DynamoDB takes no write of it.
    Refused(String, String),
}

/// One request: what the item lacks is set, if it still does.
async fn set(client: &Client, table: &str, item: &Item) -> Result<Set, String> {
    let id = id(item);
    let revision = Revision::new();
    let update = client
        .update_item()
        .table_name(table)
        .key(ID, AttributeValue::S(id.to_owned()))
        .update_expression("SET #rev = if_not_exists(#rev, :own), #shard = :shard")
        .condition_expression("attribute_exists(#id) AND (attribute_not_exists(#rev) OR attribute_not_exists(#shard))")
        .expression_attribute_names("#id", ID)
        .expression_attribute_names("#rev", REVISION)
        .expression_attribute_names("#shard", SHARD)
        .expression_attribute_values(":own", revision.to_attribute())
        .expression_attribute_values(":shard", shard_of(id));
    let Err(error) = update.send().await else {
        return Ok(Set::Done);
    };
    match error.current_item() {
        Ok(_) => Ok(Set::NotNeeded),
        Err(error) if error.code() == Some("ValidationException") => Ok(Set::Refused(
            id.to_owned(),
            error.message().unwrap_or_default().to_owned(),
        )),
        Err(error) => Err(explain("writing an item", &error)),
    }
}

fn lacks_bookkeeping(item: &Item) -> bool {
    !item.contains_key(REVISION) || !item.contains_key(SHARD)
}

fn id(item: &Item) -> &str {
    match item.get(ID) {
        Some(AttributeValue::S(id)) => id,
        _ => "",
    }
}

/// Why an item is in no index, where it has what the index is built on.
fn unindexable(item: &Item) -> Option<String> {
    [(PRODUCT, MAX_PRODUCT_BYTES), (ORDER_DATE, MAX_DATE_BYTES)]
        .into_iter()
        .find_map(|(name, max_bytes)| match item.get(name) {
            None => None,
            Some(AttributeValue::S(text)) if (1..=max_bytes).contains(&text.len()) => None,
            Some(AttributeValue::S(text)) => Some(format!(
                "{name} has {} bytes, and an index takes 1 to {max_bytes}",
                text.len()
            )),
            Some(_) => Some(format!("{name} is not a string, and no index takes it")),
        })
}

/// What tells this table from any other, that of the same name on another server among them.
async fn check_table(
    client: &Client,
    table: &str,
    say: &mut impl FnMut(String),
) -> Result<String, String> {
    let described = client.describe_table().table_name(table).send().await;
    let described =
        described.map_err(|error| explain(&format!("looking at the table {table}"), &error))?;
    let description = described
        .table()
        .ok_or_else(|| format!("there is no table {table}"))?;
    if !has_the_key_of_orders(description) {
        return Err(format!(
            "the table {table} has another key than the string {ID}"
        ));
    }
    let has = |index: &str| {
        description
            .global_secondary_indexes()
            .iter()
            .any(|i| i.index_name() == Some(index))
    };
    for index in [PRODUCT_INDEX, DATE_INDEX] {
        if !has(index) {
            say(format!(
                "the table has no index {index} yet: listings need it"
            ));
        }
    }
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let created = description
        .creation_date_time()
        .map(std::string::ToString::to_string);
    Ok([
        text(description.table_arn()),
        text(description.table_id()),
        created.unwrap_or_default(),
    ]
    .join(" "))
}

fn has_the_key_of_orders(description: &TableDescription) -> bool {
    let [key] = description.key_schema() else {
        return false;
    };
    let is_string = |name: &str| {
        description
            .attribute_definitions()
            .iter()
            .any(|definition| {
                definition.attribute_name() == name
                    && *definition.attribute_type() == ScalarAttributeType::S
            })
    };
    key.attribute_name() == ID && is_string(ID)
}
