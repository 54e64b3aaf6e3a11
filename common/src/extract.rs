//! Extractors: what a handler takes from a request, rejected with a [`Problem`] when it is unusable.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use futures_util::StreamExt;
use serde_json::value::RawValue;

use crate::json::{Json, Malformed};
use crate::lambda::Caller;
use crate::order::OrderId;
use crate::problem::Problem;
use crate::revision::Precondition;
use crate::store::IdempotencyKey;

/// The longest body that is taken, in bytes as sent.
pub const MAX_BODY_BYTES: usize = 1_048_576;

/// How much of a body that is too long is read nevertheless: what API Gateway lets through.
const MAX_DRAINED_BYTES: usize = 10 * 1_024 * 1_024;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The body of a `POST` or `PUT`: JSON, sent as JSON.
pub struct JsonBody(pub Json);

/// The body of a `PATCH`: a merge patch (RFC 7396), sent as such or as JSON.
pub struct MergePatchBody(pub Json);

/// A JSON body as it came, its contents checked.
pub struct JsonText(pub Box<RawValue>);

/// A body of any content type.
pub struct RawBody(pub Bytes);

/// The conditions on a write (RFC 9110 §13.1), parsed. Only a `PUT` can make use of `If-None-Match`.
pub struct WriteConditions(pub Precondition);

impl<S: Send + Sync> FromRequestParts<S> for WriteConditions {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let if_match = header(&parts.headers, &IF_MATCH)?;
        let if_none_match = header(&parts.headers, &IF_NONE_MATCH)?;
        Precondition::parse(if_match.as_deref(), if_none_match.as_deref()).map(Self)
    }
}

/// The value of `If-None-Match` on a read.
pub struct IfNoneMatch(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        header(&parts.headers, &IF_NONE_MATCH).map(Self)
    }
}

/// The caller's `Idempotency-Key`, if the request has one.
pub struct IdempotencyHeader(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyHeader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Caller(caller) = parts.extensions.get().cloned().unwrap_or_default();
        let value = header(&parts.headers, &IDEMPOTENCY_KEY)?;
        value
            .map(|value| IdempotencyKey::parse(&caller, &value))
            .transpose()
            .map(Self)
    }
}

/// The id in the path, decoded but not yet parsed.
pub struct PathId(pub String);

impl PathId {
    /// The id, where an id outside of the charset means an order that can't exist.
    pub fn existing(&self) -> Result<OrderId, Problem> {
        OrderId::parse(&self.0).ok_or(Problem::NotFound)
    }
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request.headers().clone(), request.into_body())
            .await
            .map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = read_typed(request, is_json, false).await?;
        Json::parse(&body).map(Self).map_err(malformed)
    }
}

impl<S: Send + Sync> FromRequest<S> for MergePatchBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_patch =
            |essence: &str| matches!(essence, "application/merge-patch+json" | "application/json");
        let body = read_typed(request, is_patch, true).await?;
        Json::parse(&body).map(Self).map_err(malformed)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonText {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let body = read_typed(request, is_json, false).await?;
        let raw = Json::parse_raw(&body).map_err(malformed)?;
        if Json::from_raw(raw).map_err(malformed)?.is_too_deep() {
            return Err(Problem::MalformedJson("it nests too deep".to_owned()));
        }
        Ok(Self(raw.to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What can't be decoded is no id: the empty text stands for it, which is none either.
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        let id = params.and_then(|params| params.iter().next().map(|(_, value)| value.to_owned()));
        Ok(Self(id.unwrap_or_default()))
    }
}

/// The values of a header as one, as API Gateway joins them; `None` where there is none.
///
/// # Errors
///
/// [`Problem::InvalidParameter`] when it holds anything but visible ASCII, blanks and tabs.
pub fn header(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut joined: Option<String> = None;
    for value in headers.get_all(name) {
        let value = value
            .to_str()
            .map_err(|_| Problem::invalid_parameter(name.as_str(), "must be ASCII"))?;
        match &mut joined {
            None => joined = Some(value.to_owned()),
            Some(joined) => {
                joined.push(',');
                joined.push_str(value);
            }
        }
    }
    Ok(joined)
}

/// Whether a media type's essence is JSON (RFC 8259, RFC 6839).
fn is_json(essence: &str) -> bool {
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn read_typed(
    request: Request,
    is_right: impl Fn(&str) -> bool,
    accept_patch: bool,
) -> Result<Bytes, Problem> {
    let headers = request.headers().clone();
    let content_type = header(&headers, &CONTENT_TYPE)
        .ok()
        .flatten()
        .unwrap_or_default();
    let body = read(headers, request.into_body()).await?;
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if is_right(&essence) {
        Ok(body)
    } else {
        Err(Problem::UnsupportedMediaType { accept_patch })
    }
}

async fn read(headers: HeaderMap, body: Body) -> Result<Bytes, Problem> {
    const TOO_LARGE: Problem = Problem::PayloadTooLarge {
        detail: "the body is larger than 1,048,576 bytes (1 MB)",
    };
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > MAX_BODY_BYTES) {
        drain(body).await;
        return Err(TOO_LARGE);
    }
    match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if is_over_limit(&error) => Err(TOO_LARGE),
        Err(_) => Err(Problem::MalformedJson(
            "the body ended before it was complete".to_owned(),
        )),
    }
}

/// Lets the client finish what it is sending: many read no answer before that. A gateway would have bounded it.
async fn drain(body: Body) {
    let mut left = MAX_DRAINED_BYTES;
    let mut chunks = body.into_data_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        match left.checked_sub(chunk.len()) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

fn is_over_limit(error: &axum::Error) -> bool {
    std::error::Error::source(error)
        .is_some_and(<dyn std::error::Error + 'static>::is::<http_body_util::LengthLimitError>)
}

fn malformed(Malformed(reason): Malformed) -> Problem {
    Problem::MalformedJson(reason)
}
