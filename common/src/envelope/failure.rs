//! Errors under the names that the original's clients know.

use std::error::Error;
use std::fmt::Debug;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::problem::{Failure, OriginalError, Problem};
use crate::store::{database_problem, is_collision, is_item_too_large, is_throttling};

/// What DynamoDB says of a table that is not there.
pub const TABLE_NOT_FOUND: &str = "Requested resource not found";

/// A problem that was found before DynamoDB was asked.
#[must_use]
pub fn with_original_names(problem: Problem) -> Failure {
    let error_type = match &problem {
        Problem::MalformedJson(_) => "SerializationException",
        // What the original's `raise ValueError(...)` was called.
        Problem::UnknownOperation(_) => "ValueError",
        Problem::TableNotFound(_) => "ResourceNotFoundException",
        Problem::ConditionFailed { .. } => "ConditionalCheckFailedException",
        Problem::Throttled(_) => "ThrottlingException",
        Problem::Conflict => "TransactionConflictException",
        Problem::Unavailable(_) | Problem::Internal(_) => "InternalServerError",
        _ => "ValidationException",
    };
    named(problem, error_type)
}

/// An error of DynamoDB's own, a failed condition aside.
pub fn from_dynamodb<E, R>(error: SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: Debug + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().unwrap_or_default().to_owned();
    match code.as_str() {
        "ValidationException" if is_item_too_large(&message) => {
            let problem = Problem::PayloadTooLarge {
                detail: "Item size has exceeded the maximum allowed size",
            };
            named(problem, "ValidationException")
        }
        "ValidationException" | "ItemCollectionSizeLimitExceededException" => {
            named(Problem::InvalidRequest(message), &code)
        }
        // DynamoDB's message may name the real table.
        "ResourceNotFoundException" => {
            with_original_names(Problem::TableNotFound(TABLE_NOT_FOUND.to_owned()))
        }
        _ if is_throttling(&code) || is_collision(&code) => named(database_problem(error), &code),
        _ => with_original_names(database_problem(error)),
    }
}

fn named(problem: Problem, error_type: &str) -> Failure {
    let original = OriginalError {
        error_type: error_type.to_owned(),
        error_message: problem.detail(),
    };
    Failure {
        problem,
        original: Some(original),
    }
}
