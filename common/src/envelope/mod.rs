//! The original service's single POST: `{"operation", "tableName", "payload"}`, where the payload is the
//! arguments of one of five DynamoDB calls as plain JSON.
//!
//! A call goes to DynamoDB as the client wrote it, with the service's bookkeeping added: to the item, to the
//! update, to the condition. On the way back the bookkeeping is taken out again.

mod arguments;
mod calls;
mod expression;
mod failure;
mod legacy;
mod paths;
mod reply;
mod update;

use std::collections::BTreeMap;

use crate::item::Item;
use crate::json::{self, Json, Malformed, quoted};
use crate::problem::{Failure, Problem};
use crate::store::Store;

use arguments::Arguments;
use failure::TABLE_NOT_FOUND;
pub use failure::with_original_names;

/// The route's path in the API's description. Where a deployment puts it is the gateway's matter.
pub const ENVELOPE_PATH: &str = "/";

/// A request of the original service's form, understood but not yet made.
#[derive(Debug)]
pub enum Request {
    /// The payload's text as it came; `null` if there was none.
    Echo(Vec<u8>),
    Ping,
    Call(Call),
}

/// One of the five calls.
#[derive(Debug)]
pub struct Call {
    operation: Operation,
    table_name: Option<String>,
    arguments: Arguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Create,
    Read,
    Update,
    Delete,
    List,
}

impl Request {
    /// Reads a body, whatever its content type.
    pub fn parse(body: &[u8]) -> Result<Self, Failure> {
        Self::read(body).map_err(with_original_names)
    }

    fn read(body: &[u8]) -> Result<Self, Problem> {
        let json = Json::parse(body).map_err(malformed)?;
        if json.is_too_deep() {
            let detail = "Nesting Levels have exceeded supported limits";
            return Err(Problem::InvalidRequest(detail.to_owned()));
        }
        let Json::Object(mut members) = json else {
            return Err(Problem::InvalidRequest(
                "the body must be an object".to_owned(),
            ));
        };
        let operation = match members.remove("operation") {
            Some(Json::String(operation)) => operation,
            Some(other) => {
                let detail = format!("operation must be a string, not {}", other.kind());
                return Err(Problem::UnknownOperation(detail));
            }
            None => return Err(Problem::UnknownOperation("operation is missing".to_owned())),
        };
        let table_name = table_name(members.remove("tableName"), "tableName")?;
        let operation = match operation.as_str() {
            "echo" => return Ok(Self::Echo(payload_text(body)?)),
            "ping" => return Ok(Self::Ping),
            "create" => Operation::Create,
            "read" => Operation::Read,
            "update" => Operation::Update,
            "delete" => Operation::Delete,
            "list" => Operation::List,
            unknown => {
                let detail = format!("Unrecognized operation {}", quoted(unknown));
                return Err(Problem::UnknownOperation(detail));
            }
        };
        let call = Call {
            operation,
            table_name,
            arguments: payload(members.remove("payload"))?,
        };
        Ok(Self::Call(call))
    }
}

impl Store {
    /// Makes the request; the answer is JSON.
    pub async fn envelope(&self, request: Request) -> Result<Vec<u8>, Failure> {
        match request {
            Request::Echo(payload) => Ok(payload),
            Request::Ping => Ok(br#""pong""#.to_vec()),
            Request::Call(call) => {
                self.call(call)
                    .await
                    .map_err(|failure| match failure.original {
                        Some(_) => failure,
                        None => with_original_names(failure.problem),
                    })
            }
        }
    }

    async fn call(&self, mut call: Call) -> Result<Vec<u8>, Failure> {
        // A table that is not there is said last (404 after 400): when the arguments have been read.
        let table = self.table(&mut call);
        match call.operation {
            Operation::Create => self.envelope_create(table, call.arguments).await,
            Operation::Read => self.envelope_read(table, call.arguments).await,
            Operation::Update => self.envelope_update(table, call.arguments).await,
            Operation::Delete => self.envelope_delete(table, call.arguments).await,
            Operation::List => self.envelope_list(table, call.arguments).await,
        }
    }

    /// The table that the call is for. The payload's name wins, as it did in the original.
    fn table(&self, call: &mut Call) -> Result<Table, Problem> {
        let in_payload = table_name(call.arguments.take("TableName"), "TableName")?;
        let Some(logical) = in_payload.or_else(|| call.table_name.take()) else {
            return Err(Problem::InvalidRequest("tableName is missing".to_owned()));
        };
        match self.config().envelope_tables.get(&logical) {
            Some(real) => Ok(Table {
                real: real.clone(),
                is_orders: *real == self.config().table,
                logical,
            }),
            None => Err(Problem::TableNotFound(TABLE_NOT_FOUND.to_owned())),
        }
    }
}

/// A table on the allow-list.
#[derive(Clone, Debug)]
struct Table {
    /// The name that clients know.
    logical: String,
    real: String,
    /// The table with the two indexes, whose keys DynamoDB checks.
    is_orders: bool,
}

fn malformed(Malformed(reason): Malformed) -> Problem {
    Problem::MalformedJson(reason)
}

/// The payload as it came, for `echo`: its contents were read once, and are right.
fn payload_text(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let raw = Json::parse_raw(body).map_err(malformed)?;
    let mut members: BTreeMap<String, &str> =
        json::members(raw.get(), |_, value| Ok(value)).map_err(malformed)?;
    Ok(members.remove("payload").unwrap_or("null").into())
}

fn table_name(value: Option<Json>, name: &str) -> Result<Option<String>, Problem> {
    match value {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(table)) => Ok(Some(table)),
        Some(other) => Err(Problem::InvalidRequest(format!(
            "{name} must be a string, not {}",
            other.kind()
        ))),
    }
}

fn payload(value: Option<Json>) -> Result<Arguments, Problem> {
    match value {
        None | Some(Json::Null) => Ok(Arguments::default()),
        Some(Json::Object(members)) => Ok(Arguments::new(members)),
        Some(other) => Err(Problem::InvalidRequest(format!(
            "payload must be an object, not {}",
            other.kind()
        ))),
    }
}

/// A key's one attribute names the table's partition key, for conditions that ask whether the item exists.
fn any_name(key: &Item) -> String {
    key.keys().min().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("[]", "invalid_request")]
    #[case("{}", "unknown_operation")]
    #[case(r#"{"operation":5}"#, "unknown_operation")]
    #[case(r#"{"operation":"CREATE"}"#, "unknown_operation")]
    #[case(r#"{"operation":"list","tableName":5}"#, "invalid_request")]
    #[case(r#"{"operation":"list","payload":[]}"#, "invalid_request")]
    #[case(r#"{"operation":"ping","operation":"ping"}"#, "malformed_json")]
    #[case(r#"{"operation":"echo","payload":{"a":1,"a":1}}"#, "malformed_json")]
    #[case("operation=ping", "malformed_json")]
    fn a_body_that_is_no_request_is_refused(#[case] body: &str, #[case] code: &str) {
        let failure = Request::parse(body.as_bytes()).unwrap_err();
        assert_eq!(failure.problem.status_and_code().1, code);
        assert!(failure.original.is_some());
    }

    #[rstest]
    #[case(
        r#"{"operation":"echo","payload":{"z": 1.10, "a":[ ]}}"#,
        r#"{"z": 1.10, "a":[ ]}"#
    )]
    #[case(r#"{"operation":"echo"}"#, "null")]
    #[case(
        r#"{"operation":"echo","payload":123456789012345678901234567890123456789012}"#,
        "123456789012345678901234567890123456789012"
    )]
    fn echo_gives_the_payload_as_it_came(#[case] body: &str, #[case] payload: &str) {
        match Request::parse(body.as_bytes()).unwrap() {
            Request::Echo(text) => assert_eq!(text, payload.as_bytes()),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn any_body_is_a_request_or_a_client_error(
            operation in "(create|read|update|delete|list|echo|ping|x)",
            payload in r#"[\[\]{}:,"a-c0-9eE.+ \\u-]{0,40}"#,
        ) {
            let body = format!(r#"{{"operation":"{operation}","payload":{payload}}}"#);
            if let Err(failure) = Request::parse(body.as_bytes()) {
                prop_assert!(failure.problem.status_and_code().0.is_client_error());
            }
        }
    }
}
