//! What the API's description (OpenAPI 3.1) says: the bodies' schemas, and the responses that many operations
//! share. Nothing here runs when a request is served.
#![expect(
    dead_code,
    clippy::struct_field_names,
    reason = "these types describe JSON that other modules read and write, under the names it has"
)]

use serde_json::Value;
use utoipa::openapi::example::Example;
use utoipa::openapi::{Content, OpenApi, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use crate::envelope::with_original_names;
use crate::problem::{Failure, PROBLEM_JSON, ProblemDocument, samples};

/// Gives every error of the service an example for each of the codes that its description names, written by what
/// writes the answers; and every answer of the gateway's own its message.
pub fn add_error_examples(description: &mut OpenApi) {
    let operations = description.paths.paths.values_mut().flat_map(|path| {
        [
            &mut path.get,
            &mut path.put,
            &mut path.post,
            &mut path.patch,
            &mut path.delete,
        ]
    });
    for operation in operations.flatten() {
        for (status, response) in &mut operation.responses.responses {
            if let RefOr::T(response) = response {
                add_examples(status, response);
            }
        }
    }
}

fn add_examples(status: &str, response: &mut Response) {
    let description = response.description.clone();
    for (media_type, content) in &mut response.content {
        let RefOr::T(content) = content else { continue };
        if media_type == PROBLEM_JSON {
            add_problems(&description, content);
        } else if let Some(message) = gateway_message(status) {
            content.example = Some(serde_json::json!({ "message": message }));
        }
    }
}

fn add_problems(description: &str, content: &mut Content) {
    let is_envelope = matches!(&content.schema, Some(RefOr::Ref(schema)) if schema.ref_location.ends_with("EnvelopeProblem"));
    for problem in samples() {
        let code = problem.status_and_code().1;
        if !description.contains(&format!("`{code}`")) {
            continue;
        }
        let failure = if is_envelope {
            with_original_names(problem)
        } else {
            Failure::from(problem)
        };
        let body = failure.body("01a20ab0-5f09-71e0-b381-93790d699969");
        let mut example = Example::new();
        example.value = serde_json::from_slice::<Value>(&body).ok();
        content.examples.insert(code.to_owned(), RefOr::T(example));
    }
}

/// What API Gateway says (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-troubleshooting-jwt.html>
/// and the pages beside it).
fn gateway_message(status: &str) -> Option<&'static str> {
    match status {
        "401" => Some("Unauthorized"),
        "403" => Some("Forbidden"),
        "429" => Some("Too Many Requests"),
        "431" => Some("Request Header Fields Too Large"),
        _ => None,
    }
}

/// An order as it goes out. What is already in the table is never rejected: an item that another program wrote
/// may lack a field or have it with another type, and goes out as it is.
#[derive(ToSchema)]
pub struct Order {
    /// Never changes.
    #[schema(example = "1234ABCG")]
    id: String,
    /// What is ordered.
    #[schema(example = "Beautiful Jacket")]
    product: Option<String>,
    /// An exact decimal.
    #[schema(example = 78.89)]
    price: Option<f64>,
    /// RFC 3339, in UTC to the whole second.
    #[schema(format = DateTime, example = "2024-11-04T10:30:00Z")]
    order_date: Option<String>,
}

/// An order to create. Any further members are kept exactly, except `_rev` and `_shard`, which are reserved.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "1234ABCG", "product": "Beautiful Jacket", "price": 78.89, "order_date": "2024-11-04T10:30:00Z"
}))]
pub struct NewOrder {
    /// Made (a UUIDv7) when it is missing. Not `.` or `..`.
    #[schema(
        nullable = false,
        min_length = 1,
        max_length = 128,
        pattern = "^[A-Za-z0-9._~-]+$"
    )]
    id: Option<String>,
    /// Not blank, no control characters.
    #[schema(min_length = 1, max_length = 256)]
    product: String,
    /// An exact decimal with at most 4 decimal places.
    #[schema(minimum = 0, maximum = 9_999_999_999.999_9)]
    price: f64,
    /// RFC 3339 with an offset; now when it is missing. Stored in UTC to the whole second.
    #[schema(nullable = false, format = DateTime)]
    order_date: Option<String>,
}

/// An order to put in place of another: complete.
#[derive(ToSchema)]
#[schema(example = json!({
    "product": "Beautiful Jacket", "price": 68.5, "order_date": "2024-11-04T10:30:00Z", "size": "M"
}))]
pub struct ReplacementOrder {
    /// The id in the path, if any.
    #[schema(nullable = false)]
    id: Option<String>,
    /// Not blank, no control characters.
    #[schema(min_length = 1, max_length = 256)]
    product: String,
    /// An exact decimal with at most 4 decimal places.
    #[schema(minimum = 0, maximum = 9_999_999_999.999_9)]
    price: f64,
    /// RFC 3339 with an offset. Stored in UTC to the whole second.
    #[schema(format = DateTime)]
    order_date: String,
}

/// A JSON Merge Patch (RFC 7396): what is named changes, `null` removes, objects merge, arrays replace.
#[derive(ToSchema)]
#[schema(example = json!({"price": 59.9, "gift": {"wrap": true}, "size": null}))]
pub struct OrderPatch {
    /// Not blank, no control characters; can't be removed.
    #[schema(nullable = false, min_length = 1, max_length = 256)]
    product: Option<String>,
    /// An exact decimal with at most 4 decimal places; can't be removed.
    #[schema(nullable = false, minimum = 0, maximum = 9_999_999_999.999_9)]
    price: Option<f64>,
    /// RFC 3339 with an offset; can't be removed.
    #[schema(nullable = false, format = DateTime)]
    order_date: Option<String>,
}

/// A page of orders.
#[derive(ToSchema)]
pub struct OrderPage {
    orders: Vec<Order>,
    /// The `cursor` of the next page; missing on the last one.
    #[schema(nullable = false, max_length = 6144)]
    next_cursor: Option<String>,
}

/// What any operation may answer besides its own.
#[derive(IntoResponses)]
pub enum AnyOperation {
    /// `internal`: a defect; the request id finds it in the logs.
    #[response(status = 500, content_type = "application/problem+json", headers(("x-request-id" = String, description = "The invocation's request id.")))]
    Internal(#[to_schema] ProblemDocument),
    /// The gateway's own: no credentials.
    #[response(status = 401, content_type = "application/json")]
    Unauthorized(#[to_schema] GatewayMessage),
    /// The gateway's own: not allowed.
    #[response(status = 403, content_type = "application/json")]
    Forbidden(#[to_schema] GatewayMessage),
    /// The gateway's own: the request line and the headers have more than 10,240 bytes.
    #[response(status = 431, content_type = "application/json")]
    HeadersTooLarge(#[to_schema] GatewayMessage),
    /// The gateway's own: too many requests.
    #[response(status = 429, content_type = "application/json")]
    TooManyRequests(#[to_schema] GatewayMessage),
}

/// What any operation with the database may answer besides its own.
#[derive(IntoResponses)]
pub enum AnyDatabaseOperation {
    /// `throttled` or `unavailable`: DynamoDB throttles or can't be reached in time. The gateway's own 503 is a
    /// `{"message"}`.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds."), ("x-request-id" = String, description = "The invocation's request id.")))]
    Unavailable(#[to_schema] ProblemDocument),
}

/// What any operation with a body may answer besides its own.
#[derive(IntoResponses)]
pub enum AnyBody {
    /// `payload_too_large`: the body is over 1 MB, or the order over DynamoDB's 400 KB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemDocument),
    /// `unsupported_media_type`: the content type is not JSON.
    #[response(status = 415, content_type = "application/problem+json", headers(("Accept-Patch" = String, description = "On PATCH: the media types that it takes.")))]
    Unsupported(#[to_schema] ProblemDocument),
}

/// An answer of API Gateway's own.
#[derive(ToSchema)]
pub struct GatewayMessage {
    message: String,
}

/// A request of the original service's form.
#[derive(ToSchema)]
#[schema(example = json!({
    "operation": "create",
    "tableName": "lambda-apigateway",
    "payload": {"Item": {
        "id": "1234ABCG", "price": 78.89, "product": "Beautiful Jacket", "order_date": "2024-11-04T10:30:00Z"
    }}
}))]
pub struct Envelope {
    operation: EnvelopeOperation,
    /// A table on the deployment's allow-list; `echo` and `ping` need none.
    #[schema(rename = "tableName", example = "lambda-apigateway")]
    table_name: Option<String>,
    /// The arguments of the call; for `echo`, any JSON.
    #[schema(nullable = false)]
    payload: Option<serde_json::Value>,
}

/// What the original service can do.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum EnvelopeOperation {
    Create,
    Read,
    Update,
    Delete,
    List,
    Echo,
    Ping,
}
