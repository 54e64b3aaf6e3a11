//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the key and the order in one transaction.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use sha2::{Digest, Sha256};

use super::connection::{database_problem, is_item_too_large, is_throttling, item_too_large};
use super::orders::{Condition, Requirement, check_size, complete};
use super::update::pause_before;
use super::{EXPIRES_AT, IDEMPOTENCY_KEY, Store, StoredOrder};
use crate::item::{AttributeValue, Item};
use crate::json::Json;
use crate::order::Order;
use crate::problem::Problem;
use crate::revision::{Revision, hex};

/// How long a key is remembered, in seconds: 24 hours.
pub const KEY_LIFETIME_SECONDS: i64 = 24 * 60 * 60;
/// How often a transaction is tried that collides with others.
const MAX_ROUNDS: u32 = 8;
/// The longest key, in characters.
const MAX_KEY_CHARS: usize = 255;

/// The digest of the request that a record belongs to, and the order that it made.
const REQUEST: &str = "request";
const ORDER: &str = "order";

/// A caller's key, as its record is found by: a digest of both, so that no key of one caller is ever another's
/// and none can outgrow DynamoDB's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key in a header's value: 1–255 printable ASCII characters, bare or as a quoted string (RFC 8941
    /// §3.3.3). `caller` is whoever the gateway authorized; one common space where nobody is.
    pub fn parse(caller: &str, value: &str) -> Result<Self, Problem> {
        let malformed = || {
            let requirement =
                "must be 1 to 255 printable ASCII characters, bare or as a quoted string";
            Problem::invalid_parameter("Idempotency-Key", requirement)
        };
        let trimmed = value.trim_matches([' ', '\t']);
        let key = match trimmed.strip_prefix('"') {
            Some(opened) => unquote(opened).ok_or_else(malformed)?,
            None => trimmed.to_owned(),
        };
        let is_printable = key.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        if key.is_empty() || key.len() > MAX_KEY_CHARS || !is_printable {
            return Err(malformed());
        }
        Ok(Self(hex(&Sha256::digest(format!(
            "{}:{caller}{key}",
            caller.len()
        )))))
    }
}

/// What follows the opening quote of a quoted string, up to the closing one that ends it.
fn unquote(opened: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = opened.chars();
    loop {
        match characters.next()? {
            '"' => return characters.next().is_none().then_some(text),
            '\\' => match characters.next()? {
                escaped @ ('"' | '\\') => text.push(escaped),
                _ => return None,
            },
            character => text.push(character),
        }
    }
}

/// The outcome of [`Store::create_once`].
#[derive(Debug)]
pub struct Created {
    pub order: StoredOrder,
    /// The order was made by an earlier request with this key.
    pub replayed: bool,
}

impl Store {
    /// Stores a new order once for all requests with this key and this body.
    pub async fn create_once(
        &self,
        order: Order,
        key: &IdempotencyKey,
        body: &Json,
    ) -> Result<Created, Problem> {
        let attempt = Attempt::new(self, order, key, body)?;
        let mut collided_on_key = false;
        for round in 0..MAX_ROUNDS {
            match attempt.send(self).await? {
                Sent::Created => return Ok(attempt.into_created()),
                Sent::KeyKnown(record) => return attempt.answer_from(&record),
                Sent::IdTaken => return Err(Problem::AlreadyExists),
                Sent::Collided { on_key } => collided_on_key = on_key,
            }
            tokio::time::sleep(pause_before(round + 1)).await;
        }
        Err(if collided_on_key {
            Problem::IdempotencyInFlight
        } else {
            Problem::Conflict
        })
    }
}

/// One logical attempt: whatever is sent again is the same to the last byte, under the same token.
struct Attempt {
    token: String,
    revision: Revision,
    request: String,
    item: Item,
    record: Item,
    now: i64,
}

enum Sent {
    Created,
    /// There is a record of this key that has not expired.
    KeyKnown(Item),
    IdTaken,
    /// Another transaction was at the same items.
    Collided {
        on_key: bool,
    },
}

impl Attempt {
    fn new(
        store: &Store,
        order: Order,
        key: &IdempotencyKey,
        body: &Json,
    ) -> Result<Self, Problem> {
        let revision = Revision::new();
        let item = complete(order, &revision)?;
        let mut canonical = Vec::new();
        body.write_canonical(&mut canonical);
        let request = hex(&Sha256::digest(&canonical));
        let now = store.clock.unix_seconds();
        let record = Item::from([
            (IDEMPOTENCY_KEY.to_owned(), AttributeValue::S(key.0.clone())),
            (REQUEST.to_owned(), AttributeValue::S(request.clone())),
            (ORDER.to_owned(), AttributeValue::M(item.clone())),
            (
                EXPIRES_AT.to_owned(),
                AttributeValue::N((now + KEY_LIFETIME_SECONDS).to_string()),
            ),
        ]);
        check_size(&record)?;
        Ok(Self {
            token: revision.as_str().to_owned(),
            revision,
            request,
            item,
            record,
            now,
        })
    }

    async fn send(&self, store: &Store) -> Result<Sent, Problem> {
        let transaction = store
            .client
            .transact_write_items()
            .client_request_token(&self.token)
            .transact_items(self.put_record(&store.config.idempotency_table)?)
            .transact_items(self.put_order(&store.config.table)?);
        match transaction.send().await {
            Ok(_) => Ok(Sent::Created),
            Err(error) => Self::sent_from(error),
        }
    }

    fn put_record(&self, table: &str) -> Result<TransactWriteItem, Problem> {
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(self.record.clone()))
            .condition_expression("attribute_not_exists(#key) OR #expires <= :now")
            .expression_attribute_names("#key", IDEMPOTENCY_KEY)
            .expression_attribute_names("#expires", EXPIRES_AT)
            .expression_attribute_values(":now", AttributeValue::N(self.now.to_string()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        transact(put)
    }

    fn put_order(&self, table: &str) -> Result<TransactWriteItem, Problem> {
        let condition = Condition::new(Requirement::Absent, &self.revision);
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(self.item.clone()))
            .condition_expression(condition.expression)
            .set_expression_attribute_names(Some(condition.names))
            .set_expression_attribute_values(Some(condition.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        transact(put)
    }

    fn sent_from<R>(error: SdkError<TransactWriteItemsError, R>) -> Result<Sent, Problem>
    where
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => {
                Ok(Sent::Collided { on_key: true })
            }
            Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                match canceled.cancellation_reasons() {
                    [key, order] => match Self::reason(key, order) {
                        Some(sent) => sent,
                        None => Err(Problem::Internal(error.into())),
                    },
                    _ => Err(Problem::Internal(error.into())),
                }
            }
            _ => Err(database_problem(error)),
        }
    }

    /// Why the transaction was cancelled, by the reasons of its two parts. The key speaks first: a replay is
    /// one even where the order has been taken by its own first request.
    fn reason(
        key: &CancellationReason,
        order: &CancellationReason,
    ) -> Option<Result<Sent, Problem>> {
        let parts = [key, order];
        let codes: Vec<_> = parts
            .iter()
            .map(|part| part.code().unwrap_or_default())
            .collect();
        let message = |part: &CancellationReason| part.message().unwrap_or_default().to_owned();
        if codes[0] == "ConditionalCheckFailed" {
            return Some(Ok(Sent::KeyKnown(key.item().cloned().unwrap_or_default())));
        }
        if codes[1] == "ConditionalCheckFailed" {
            return Some(Ok(Sent::IdTaken));
        }
        if codes.contains(&"TransactionConflict") {
            return Some(Ok(Sent::Collided {
                on_key: codes[0] == "TransactionConflict",
            }));
        }
        if codes.iter().any(|code| is_throttling(code)) {
            return Some(Err(Problem::Throttled(codes.join(", ").into())));
        }
        let is_too_large = |part: &&CancellationReason| is_item_too_large(&message(part));
        parts
            .iter()
            .any(is_too_large)
            .then(|| Err(item_too_large()))
    }

    fn into_created(self) -> Created {
        Created {
            order: StoredOrder(self.item),
            replayed: false,
        }
    }

    /// The answer where the key has a record: ours, an earlier request's, or one of another request.
    fn answer_from(self, record: &Item) -> Result<Created, Problem> {
        let (Some(AttributeValue::S(request)), Some(AttributeValue::M(order))) =
            (record.get(REQUEST), record.get(ORDER))
        else {
            return Err(Problem::Internal(
                "the record of an idempotency key lacks its attributes".into(),
            ));
        };
        if self.revision.made(order) {
            return Ok(self.into_created());
        }
        if *request != self.request {
            return Err(Problem::IdempotencyKeyReused);
        }
        Ok(Created {
            order: StoredOrder(order.clone()),
            replayed: true,
        })
    }
}

fn transact(
    put: aws_sdk_dynamodb::types::builders::PutBuilder,
) -> Result<TransactWriteItem, Problem> {
    let put = put
        .build()
        .map_err(|error| Problem::Internal(error.into()))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("abc", "\"abc\"")]
    #[case(" abc ", "abc")]
    #[case(r#""a\"b""#, r#"a"b"#)]
    fn a_key_is_the_same_bare_or_quoted(#[case] one: &str, #[case] other: &str) {
        assert_eq!(
            IdempotencyKey::parse("", one).unwrap(),
            IdempotencyKey::parse("", other).unwrap()
        );
    }

    #[test]
    fn the_keys_of_two_callers_are_two_keys() {
        let key = |caller: &str, value: &str| IdempotencyKey::parse(caller, value).unwrap();
        assert_ne!(key("alice", "k"), key("bob", "k"));
        assert_ne!(key("a", "bk"), key("ab", "k"));
    }

    #[rstest]
    #[case("")]
    #[case("\"\"")]
    #[case("\"abc")]
    #[case("\"a\"b")]
    #[case("a\tb")]
    #[case(&"k".repeat(256))]
    fn a_malformed_key_is_refused(#[case] value: &str) {
        assert!(matches!(
            IdempotencyKey::parse("", value),
            Err(Problem::InvalidParameter { .. })
        ));
    }
}
