//! Successful answers: an order with its headers, and JSON that is there as text.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::store::StoredOrder;

/// What Lambda takes of an answer, its body written as a JSON string, with room for the headers.
/// (6 MB: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>)
pub const MAX_ANSWER_BYTES: usize = 5_900_000;

/// How long JSON is once it stands as a string in a function's answer: quotes and backslashes are escaped again.
#[must_use]
pub fn escaped_bytes(json: &[u8]) -> usize {
    let escaped = json.iter().filter(|byte| matches!(byte, b'"' | b'\\'));
    json.len() + escaped.count()
}

/// A body that is JSON already.
#[must_use]
pub fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = (status, Body::from(body)).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An order with its `ETag`.
#[must_use]
pub fn order(status: StatusCode, order: &StoredOrder) -> Response {
    with_tag(json(status, order.to_json()), order)
}

/// An order that was created: 201, with where it is.
#[must_use]
pub fn created(stored: &StoredOrder) -> Response {
    let mut response = order(StatusCode::CREATED, stored);
    if let Ok(location) = HeaderValue::try_from(format!("/orders/{}", stored.id())) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// 304: the client has the order as it is.
#[must_use]
pub fn not_modified(order: &StoredOrder) -> Response {
    with_tag(StatusCode::NOT_MODIFIED.into_response(), order)
}

fn with_tag(mut response: Response, order: &StoredOrder) -> Response {
    if let Ok(tag) = HeaderValue::try_from(order.tag().to_header()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
