//! List orders: from the table in storage order, or from an index by date. The work is that of the page.
//!
//! Every listing is a merge of streams. The table is one stream, a product's orders are one, and all orders
//! by date are as many as there are shards. A page ends at a [`Position`]; the next one begins behind it, in
//! whichever stream it was, so that nothing depends on the order at that place still being there.

use std::cmp::Ordering;
use std::collections::VecDeque;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use futures_util::future::try_join_all;

use super::connection::database_problem;
use super::cursor::Position;
use super::orders::SHARDS;
use super::{DATE_INDEX, PRODUCT_INDEX, Store};
use crate::answer::{MAX_ANSWER_BYTES, escaped_bytes};
use crate::item::{AttributeValue, ID, Item, ORDER_DATE, PRODUCT, SHARD, write_order};
use crate::json::{write_sequence, write_string};
use crate::problem::Problem;

/// A page's orders have at most this many bytes as JSON.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    OldestFirst,
    NewestFirst,
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// How many orders a page holds.
    pub limit: usize,
    /// Exactly this product.
    pub product: Option<String>,
    /// `order_date` from this one on, in UTC to the second.
    pub from: Option<String>,
    /// `order_date` before this one, in UTC to the second.
    pub to: Option<String>,
    pub sort: Option<Direction>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of orders, each as its JSON.
#[derive(Debug, Default)]
pub struct Page {
    pub orders: Vec<Vec<u8>>,
    pub next_cursor: Option<String>,
    bytes: usize,
    escaped_bytes: usize,
}

impl Store {
    /// One page.
    pub async fn list(&self, listing: &Listing) -> Result<Page, Problem> {
        let filter = listing.filter();
        let after = match &listing.cursor {
            Some(cursor) => Some(Position::from_cursor(cursor, &filter)?),
            None => None,
        };
        let mut page = Page::default();
        if listing.is_empty_range() {
            return Ok(page);
        }
        let mut streams = listing.streams(after.as_ref());
        let fetch_size = fetch_size(listing.limit, streams.len());
        let mut last = None;
        while let Some((position, item)) = self.next(listing, &mut streams, fetch_size).await? {
            if !page.add(&item, listing.limit) {
                page.next_cursor = last.map(|position: Position| position.to_cursor(&filter));
                break;
            }
            last = Some(position);
        }
        Ok(page)
    }

    /// The next order of all streams, once each of them shows its own.
    async fn next(
        &self,
        listing: &Listing,
        streams: &mut [Stream],
        fetch_size: usize,
    ) -> Result<Option<(Position, Item)>, Problem> {
        while streams.iter().any(Stream::is_dry) {
            let dry = streams.iter_mut().filter(|stream| stream.is_dry());
            try_join_all(dry.map(|stream| self.fetch(listing, stream, fetch_size))).await?;
        }
        let first = streams
            .iter_mut()
            .filter(|stream| !stream.buffer.is_empty())
            .min_by(|one, other| listing.compare(one.head(), other.head()));
        Ok(first.and_then(|stream| {
            let item = stream.buffer.pop_front()?;
            let order_date = if listing.is_by_date() {
                text(&item, ORDER_DATE)
            } else {
                ""
            };
            let position = Position {
                id: text(&item, ID).to_owned(),
                order_date: order_date.to_owned(),
                stream: stream.number,
            };
            Some((position, item))
        }))
    }

    /// The next orders of one stream.
    async fn fetch(
        &self,
        listing: &Listing,
        stream: &mut Stream,
        fetch_size: usize,
    ) -> Result<(), Problem> {
        let start = match std::mem::replace(&mut stream.rest, Rest::Nothing) {
            Rest::Nothing => return Ok(()),
            Rest::From(bound) => (None, Some(bound)),
            Rest::After(key) => (Some(key), listing.first_bound()),
        };
        let limit = i32::try_from(fetch_size).unwrap_or(i32::MAX);
        let (items, last) = match &stream.source {
            Source::Table => self.scan(limit, start.0, listing.cursor.is_some()).await?,
            source => {
                self.query(listing, source, limit, start, listing.cursor.is_some())
                    .await?
            }
        };
        stream.rest = last.map_or(Rest::Nothing, Rest::After);
        for item in items {
            if listing.is_beyond(&item) {
                stream.rest = Rest::Nothing;
                break;
            }
            stream.buffer.push_back(item);
        }
        Ok(())
    }

    async fn scan(
        &self,
        limit: i32,
        after: Option<Item>,
        from_cursor: bool,
    ) -> Result<Fetched, Problem> {
        let scan = self
            .client
            .scan()
            .table_name(&self.config.table)
            .limit(limit)
            .set_exclusive_start_key(after);
        let output = scan
            .send()
            .await
            .map_err(|error| listing_problem(error, from_cursor))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }

    async fn query(
        &self,
        listing: &Listing,
        source: &Source,
        limit: i32,
        (after, bound): (Option<Item>, Option<Bound>),
        from_cursor: bool,
    ) -> Result<Fetched, Problem> {
        let (index, name, value) = match source {
            Source::Product(product) => (PRODUCT_INDEX, PRODUCT, product.clone()),
            Source::Table | Source::Shard(_) => (DATE_INDEX, SHARD, source.shard().to_string()),
        };
        let mut condition = "#partition = :partition".to_owned();
        let mut query = self
            .client
            .query()
            .table_name(&self.config.table)
            .index_name(index)
            .expression_attribute_names("#partition", name)
            .expression_attribute_values(":partition", AttributeValue::S(value))
            .scan_index_forward(listing.direction() == Direction::OldestFirst)
            .limit(limit)
            .set_exclusive_start_key(after);
        if let Some(bound) = bound.filter(|bound| bound.operator != Operator::Any) {
            condition.push_str(&format!(" AND #date {} :date", bound.operator.symbol()));
            query = query
                .expression_attribute_names("#date", ORDER_DATE)
                .expression_attribute_values(":date", AttributeValue::S(bound.date));
        }
        let sent = query.key_condition_expression(condition).send().await;
        let output = sent.map_err(|error| listing_problem(error, from_cursor))?;
        Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
    }
}

type Fetched = (Vec<Item>, Option<Item>);

impl Listing {
    fn is_by_date(&self) -> bool {
        self.product.is_some() || self.from.is_some() || self.to.is_some() || self.sort.is_some()
    }

    fn direction(&self) -> Direction {
        self.sort.unwrap_or(Direction::NewestFirst)
    }

    /// What a cursor is bound to: everything but the limit.
    fn filter(&self) -> String {
        if self.is_by_date() {
            format!(
                "{:?}",
                (&self.product, &self.from, &self.to, self.direction())
            )
        } else {
            String::new()
        }
    }

    fn is_empty_range(&self) -> bool {
        matches!((&self.from, &self.to), (Some(from), Some(to)) if from >= to)
    }

    /// Where the listing enters an index: the bound it meets first. The other one ends it, see
    /// [`Listing::is_beyond`].
    fn first_bound(&self) -> Option<Bound> {
        let bound = |operator, date: &String| Bound {
            operator,
            date: date.clone(),
        };
        match self.direction() {
            Direction::OldestFirst => self
                .from
                .as_ref()
                .map(|from| bound(Operator::AtLeast, from)),
            Direction::NewestFirst => self.to.as_ref().map(|to| bound(Operator::Before, to)),
        }
    }

    /// Whether the item stands behind the bound that the listing meets last.
    fn is_beyond(&self, item: &Item) -> bool {
        let date = text(item, ORDER_DATE);
        match self.direction() {
            Direction::OldestFirst => self.to.as_ref().is_some_and(|to| date >= to.as_str()),
            Direction::NewestFirst => self.from.as_ref().is_some_and(|from| date < from.as_str()),
        }
    }

    /// Which of two streams goes first: by the date of its head, in equal dates by its number.
    fn compare(&self, (one, number): (&str, u8), (other, other_number): (&str, u8)) -> Ordering {
        let by_date = match self.direction() {
            Direction::OldestFirst => one.cmp(other),
            Direction::NewestFirst => other.cmp(one),
        };
        by_date.then(number.cmp(&other_number))
    }

    fn streams(&self, after: Option<&Position>) -> Vec<Stream> {
        let sources: Vec<_> = match &self.product {
            _ if !self.is_by_date() => vec![Source::Table],
            Some(product) => vec![Source::Product(product.clone())],
            None => (0..SHARDS).map(Source::Shard).collect(),
        };
        sources
            .into_iter()
            .map(|source| self.stream(source, after))
            .collect()
    }

    /// A stream, placed behind `after`. Streams with a lower number have shown all of that date, those with a
    /// higher one nothing of it.
    fn stream(&self, source: Source, after: Option<&Position>) -> Stream {
        let number = source.shard();
        let start = || Rest::From(self.first_bound().unwrap_or_default());
        let rest = after.map_or_else(start, |position| {
            let date = position.order_date.clone();
            let operator = match (number.cmp(&position.stream), self.direction()) {
                (Ordering::Equal, _) => return Rest::After(source.key_at(position)),
                (Ordering::Less, Direction::OldestFirst) => Operator::After,
                (Ordering::Less, Direction::NewestFirst) => Operator::Before,
                (Ordering::Greater, Direction::OldestFirst) => Operator::AtLeast,
                (Ordering::Greater, Direction::NewestFirst) => Operator::AtMost,
            };
            Rest::From(Bound { operator, date })
        });
        Stream {
            number,
            source,
            buffer: VecDeque::new(),
            rest,
        }
    }
}

impl Page {
    /// `{"orders":[…],"next_cursor":"…"}`, the cursor where there is a next page.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = Vec::with_capacity(self.bytes + 64);
        json.extend_from_slice(b"{\"orders\":");
        write_sequence(b'[', &self.orders, b']', &mut json, |order, json| {
            json.extend_from_slice(order);
        });
        if let Some(cursor) = &self.next_cursor {
            json.extend_from_slice(b",\"next_cursor\":");
            write_string(cursor, &mut json);
        }
        json.push(b'}');
        json
    }

    /// Whether the order fits the page. The first one always does: an answer too long for Lambda is the boundary's matter.
    fn add(&mut self, item: &Item, limit: usize) -> bool {
        let mut json = Vec::new();
        write_order(item, &mut json);
        let bytes = self.bytes + json.len() + 1;
        let escaped_bytes = self.escaped_bytes + escaped_bytes(&json) + 1;
        let fits = self.orders.len() < limit
            && bytes <= MAX_PAGE_BYTES
            && escaped_bytes <= MAX_ANSWER_BYTES;
        if !fits && !self.orders.is_empty() {
            return false;
        }
        (self.bytes, self.escaped_bytes) = (bytes, escaped_bytes);
        self.orders.push(json);
        true
    }
}

struct Stream {
    number: u8,
    source: Source,
    buffer: VecDeque<Item>,
    rest: Rest,
}

impl Stream {
    /// Nothing to show, but perhaps something to fetch.
    fn is_dry(&self) -> bool {
        self.buffer.is_empty() && !matches!(self.rest, Rest::Nothing)
    }

    fn head(&self) -> (&str, u8) {
        (
            self.buffer
                .front()
                .map_or("", |item| text(item, ORDER_DATE)),
            self.number,
        )
    }
}

enum Source {
    Table,
    Product(String),
    Shard(u8),
}

impl Source {
    fn shard(&self) -> u8 {
        if let Self::Shard(number) = self {
            *number
        } else {
            0
        }
    }

    /// The key of the place in this source that a position is.
    fn key_at(&self, position: &Position) -> Item {
        let mut key = Item::from([(ID.to_owned(), AttributeValue::S(position.id.clone()))]);
        let mut add =
            |name: &str, value: String| key.insert(name.to_owned(), AttributeValue::S(value));
        match self {
            Self::Table => {}
            Self::Product(product) => {
                add(PRODUCT, product.clone());
                add(ORDER_DATE, position.order_date.clone());
            }
            Self::Shard(number) => {
                add(SHARD, number.to_string());
                add(ORDER_DATE, position.order_date.clone());
            }
        }
        key
    }
}

/// What is left of a stream beyond its buffer.
enum Rest {
    Nothing,
    From(Bound),
    /// Behind the place with this key.
    After(Item),
}

#[derive(Default)]
struct Bound {
    operator: Operator,
    date: String,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Operator {
    #[default]
    Any,
    Before,
    AtMost,
    AtLeast,
    After,
}

impl Operator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Before => "<",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::After => ">",
        }
    }
}

/// How many orders one request asks for. One more than the page shows whether there is another page. Of many
/// streams each gives about its share: twice that and a few, so that a second request is rare.
fn fetch_size(limit: usize, streams: usize) -> usize {
    let needed = limit + 1;
    if streams == 1 {
        needed
    } else {
        needed.min(2 * needed.div_ceil(streams) + 4)
    }
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    match item.get(name) {
        Some(AttributeValue::S(text)) => text,
        _ => "",
    }
}

/// A place that DynamoDB calls invalid can only have come from a cursor that this service did not give out.
fn listing_problem<E, R>(error: SdkError<E, R>, from_cursor: bool) -> Problem
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if from_cursor && error.code() == Some("ValidationException") {
        return Problem::invalid_parameter("cursor", "is not one that this service gave out");
    }
    database_problem(error)
}
