//! Every error, and the one place that turns it into a status, a code and a body (RFC 9457).

use std::error::Error;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::item::{Item, write_order};
use crate::json::{write_sequence, write_string};
use crate::revision::EntityTag;
use crate::violation::Violations;

/// What went wrong, in the service's own terms. Handlers return it; [`crate::boundary`] answers with it.
#[derive(Debug)]
pub enum Problem {
    /// The body is not JSON.
    MalformedJson(String),
    /// A query parameter, a header or a cursor is unusable.
    InvalidParameter {
        detail: String,
    },
    /// Well-formed, but not a valid order.
    Invalid(Violations),
    NotFound,
    AlreadyExists,
    PreconditionFailed {
        current: Option<EntityTag>,
    },
    PayloadTooLarge {
        detail: &'static str,
    },
    /// The content type is not one that the route takes; `accept_patch` on a `PATCH` (RFC 5789 §2.2).
    UnsupportedMediaType {
        accept_patch: bool,
    },
    /// The same key, another request.
    IdempotencyKeyReused,
    /// The same key is being processed.
    IdempotencyInFlight,
    /// Writers kept colliding.
    Conflict,
    /// DynamoDB throttles.
    Throttled(Source),
    /// DynamoDB can't be reached within the deadline.
    Unavailable(Source),
    /// A defect.
    Internal(Source),
    /// The envelope's arguments are unusable, or DynamoDB calls them so.
    InvalidRequest(String),
    /// The envelope's operation is missing or none of the seven.
    UnknownOperation(String),
    /// The envelope's table is not on the list, or not there.
    TableNotFound(String),
    /// The envelope's condition does not hold; the old item, where it was asked for.
    ConditionFailed {
        item: Option<Item>,
    },
}

/// An error's cause: logged, never answered.
pub type Source = Box<dyn Error + Send + Sync>;

/// The media type of every error's body.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What a `PATCH` takes.
pub const PATCH_TYPES: &str = "application/merge-patch+json, application/json";

impl Problem {
    #[must_use]
    pub fn invalid_parameter(name: &str, requirement: &str) -> Self {
        Self::InvalidParameter {
            detail: format!("{name} {requirement}"),
        }
    }

    /// One violation of the order's rules.
    #[must_use]
    pub fn invalid(pointer: &str, detail: &str) -> Self {
        Self::Invalid(Violations::one(pointer, detail))
    }

    /// The status and the code; each pair stands in the API's description.
    #[must_use]
    pub fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::InvalidParameter { .. } => (StatusCode::BAD_REQUEST, "invalid_parameter"),
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::UnknownOperation(_) => (StatusCode::BAD_REQUEST, "unknown_operation"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::TableNotFound(_) => (StatusCode::NOT_FOUND, "table_not_found"),
            Self::AlreadyExists => (StatusCode::CONFLICT, "already_exists"),
            Self::IdempotencyInFlight => (StatusCode::CONFLICT, "idempotency_in_flight"),
            Self::Conflict => (StatusCode::CONFLICT, "conflict"),
            Self::ConditionFailed { .. } => (StatusCode::CONFLICT, "condition_failed"),
            Self::PreconditionFailed { .. } => {
                (StatusCode::PRECONDITION_FAILED, "precondition_failed")
            }
            Self::PayloadTooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large"),
            Self::UnsupportedMediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "validation_failed"),
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused")
            }
            Self::Throttled(_) => (StatusCode::SERVICE_UNAVAILABLE, "throttled"),
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// The cause, for the log.
    #[must_use]
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::Throttled(source) | Self::Unavailable(source) | Self::Internal(source) => {
                Some(source)
            }
            _ => None,
        }
    }

    /// One sentence on what went wrong; nothing of the inside.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::MalformedJson(reason) => format!("the body is not usable JSON: {reason}"),
            Self::InvalidParameter { detail }
            | Self::InvalidRequest(detail)
            | Self::UnknownOperation(detail)
            | Self::TableNotFound(detail) => detail.clone(),
            Self::Invalid(_) => {
                "the body is not a valid order: errors lists every violation".to_owned()
            }
            Self::NotFound => "there is no order with this id".to_owned(),
            Self::AlreadyExists => "there is an order with this id already".to_owned(),
            Self::PreconditionFailed { .. } => {
                "If-Match or If-None-Match does not hold for the order as it is now".to_owned()
            }
            Self::PayloadTooLarge { detail } => (*detail).to_owned(),
            Self::UnsupportedMediaType { accept_patch: true } => {
                format!("the content type must be one of {PATCH_TYPES}")
            }
            Self::UnsupportedMediaType {
                accept_patch: false,
            } => "the content type must be application/json".to_owned(),
            Self::IdempotencyKeyReused => {
                "this Idempotency-Key was used with another request body".to_owned()
            }
            Self::IdempotencyInFlight => {
                "a request with this Idempotency-Key is being processed: try again".to_owned()
            }
            Self::Conflict => "other writers kept changing the order: try again".to_owned(),
            Self::ConditionFailed { .. } => "The conditional request failed".to_owned(),
            Self::Throttled(_) => "the database is throttling requests: try again".to_owned(),
            Self::Unavailable(_) => "the database did not answer in time: try again".to_owned(),
            Self::Internal(_) => {
                "an unexpected error: the request id finds it in the logs".to_owned()
            }
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::MalformedJson(_) => "Malformed JSON",
            Self::InvalidParameter { .. } => "Invalid parameter",
            Self::InvalidRequest(_) => "Invalid request",
            Self::UnknownOperation(_) => "Unknown operation",
            Self::NotFound => "Order not found",
            Self::TableNotFound(_) => "Table not found",
            Self::AlreadyExists => "Order already exists",
            Self::IdempotencyInFlight => "Idempotency key in flight",
            Self::Conflict => "Conflict",
            Self::ConditionFailed { .. } => "Condition failed",
            Self::PreconditionFailed { .. } => "Precondition failed",
            Self::PayloadTooLarge { .. } => "Payload too large",
            Self::UnsupportedMediaType { .. } => "Unsupported media type",
            Self::Invalid(_) => "Validation failed",
            Self::IdempotencyKeyReused => "Idempotency key reused",
            Self::Throttled(_) => "Throttled",
            Self::Unavailable(_) => "Unavailable",
            Self::Internal(_) => "Internal error",
        }
    }

    /// The headers that belong to this problem.
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");
        match self {
            Self::IdempotencyInFlight
            | Self::Conflict
            | Self::Throttled(_)
            | Self::Unavailable(_) => {
                vec![(RETRY_AFTER, RETRY_AFTER_SECONDS)]
            }
            Self::PreconditionFailed { current: Some(tag) } => {
                HeaderValue::try_from(tag.to_header())
                    .map(|tag| (ETAG, tag))
                    .into_iter()
                    .collect()
            }
            Self::UnsupportedMediaType { accept_patch: true } => {
                vec![(
                    HeaderName::from_static("accept-patch"),
                    HeaderValue::from_static(PATCH_TYPES),
                )]
            }
            _ => Vec::new(),
        }
    }
}

/// An error of each kind, for the API's description.
#[must_use]
pub fn samples() -> Vec<Problem> {
    let cause = || Source::from("");
    let order = Item::from([(
        crate::item::ID.to_owned(),
        crate::item::AttributeValue::S("1234ABCG".to_owned()),
    )]);
    vec![
        Problem::MalformedJson("expected value at line 1 column 1".to_owned()),
        Problem::invalid_parameter("limit", "must be a whole number from 1 to 100"),
        Problem::invalid("/price", "must be a number, not a string"),
        Problem::NotFound,
        Problem::AlreadyExists,
        Problem::PreconditionFailed { current: None },
        Problem::PayloadTooLarge {
            detail: "the body is larger than 1,048,576 bytes (1 MB)",
        },
        Problem::UnsupportedMediaType {
            accept_patch: false,
        },
        Problem::IdempotencyKeyReused,
        Problem::IdempotencyInFlight,
        Problem::Conflict,
        Problem::Throttled(cause()),
        Problem::Unavailable(cause()),
        Problem::Internal(cause()),
        Problem::InvalidRequest("the payload has an unknown argument: \"Itme\"".to_owned()),
        Problem::UnknownOperation("Unrecognized operation \"remove\"".to_owned()),
        Problem::TableNotFound("Requested resource not found".to_owned()),
        Problem::ConditionFailed { item: Some(order) },
    ]
}

/// The original service's names for an error, for its clients.
#[derive(Debug)]
pub struct OriginalError {
    pub error_type: String,
    pub error_message: String,
}

/// A problem on its way to the boundary, which knows the request's id.
#[derive(Debug)]
pub struct Failure {
    pub problem: Problem,
    /// On the envelope's route only.
    pub original: Option<OriginalError>,
}

impl Failure {
    /// The answer, complete.
    #[must_use]
    pub fn into_answer(self: Arc<Self>, request_id: &str) -> Response {
        let (status, _) = self.problem.status_and_code();
        let mut response = Response::new(Body::from(self.body(request_id)));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        response.headers_mut().extend(self.problem.headers());
        response
    }

    /// The answer's body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Vec<u8> {
        let (status, code) = self.problem.status_and_code();
        let mut members: Vec<(&str, Vec<u8>)> = vec![
            ("type", text(&format!("urn:orders:problem:{code}"))),
            ("title", text(self.problem.title())),
            ("status", status.as_str().into()),
            ("detail", text(&self.problem.detail())),
            ("code", text(code)),
            ("request_id", text(request_id)),
        ];
        if let Problem::Invalid(violations) = &self.problem {
            members.push(("errors", list(violations)));
        }
        if let Problem::ConditionFailed { item: Some(item) } = &self.problem {
            let mut json = Vec::new();
            write_order(item, &mut json);
            members.push(("Item", json));
        }
        if let Some(original) = &self.original {
            members.push(("errorType", text(&original.error_type)));
            members.push(("errorMessage", text(&original.error_message)));
        }
        let mut body = Vec::new();
        write_sequence(b'{', members, b'}', &mut body, |(name, json), out| {
            write_string(name, out);
            out.push(b':');
            out.extend_from_slice(&json);
        });
        body
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 2);
    write_string(text, &mut json);
    json
}

fn list(violations: &Violations) -> Vec<u8> {
    let mut json = Vec::new();
    write_sequence(
        b'[',
        violations.clone().into_list(),
        b']',
        &mut json,
        |violation, out| {
            out.extend_from_slice(b"{\"pointer\":");
            write_string(&violation.pointer, out);
            out.extend_from_slice(b",\"detail\":");
            write_string(&violation.detail, out);
            out.push(b'}');
        },
    );
    json
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            original: None,
        }
    }
}

/// Carries the failure to the boundary as an extension of the response.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (status, _) = self.problem.status_and_code();
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        Failure::from(self).into_response()
    }
}

/// The body of every error: a problem document (RFC 9457) with three members more.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(
    dead_code,
    reason = "it describes the body; the fields are written by Failure::body"
)]
pub struct ProblemDocument {
    /// `urn:orders:problem:` and the code.
    #[schema(example = "urn:orders:problem:not_found")]
    r#type: String,
    /// The code in words.
    title: String,
    /// The response's status.
    status: u16,
    /// One sentence on this very error.
    detail: String,
    /// What a program should look at.
    #[schema(example = "not_found")]
    code: String,
    /// The invocation's request id, as in `x-request-id` and in the logs.
    request_id: String,
    /// With `validation_failed`: every violation, not the first alone.
    #[schema(nullable = false)]
    errors: Option<Vec<ViolationDocument>>,
}

/// The body of an error of the envelope's route: the same, with the original's names for it.
#[derive(ToSchema)]
#[schema(as = EnvelopeProblem)]
#[expect(
    dead_code,
    reason = "it describes the body; the fields are written by Failure::body"
)]
pub struct EnvelopeProblemDocument {
    /// `urn:orders:problem:` and the code.
    #[schema(example = "urn:orders:problem:condition_failed")]
    r#type: String,
    /// The code in words.
    title: String,
    /// The response's status.
    status: u16,
    /// One sentence on this very error.
    detail: String,
    /// What a program should look at.
    #[schema(example = "condition_failed")]
    code: String,
    /// The invocation's request id, as in `x-request-id` and in the logs.
    request_id: String,
    /// The original's name for the error.
    #[schema(rename = "errorType", example = "ConditionalCheckFailedException")]
    error_type: String,
    /// The original's message.
    #[schema(rename = "errorMessage", example = "The conditional request failed")]
    error_message: String,
    /// With `condition_failed`, where `ReturnValuesOnConditionCheckFailure` asked for it: the item as it is.
    #[schema(rename = "Item", required = false, value_type = Object)]
    item: Option<()>,
}

/// One violation.
#[derive(ToSchema)]
#[schema(as = Violation)]
#[expect(
    dead_code,
    reason = "it describes the body; the fields are written by Failure::body"
)]
pub struct ViolationDocument {
    /// A JSON Pointer (RFC 6901) into the request's body.
    #[schema(example = "/price")]
    pointer: String,
    /// What must hold there.
    detail: String,
}
