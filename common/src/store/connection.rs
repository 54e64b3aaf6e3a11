//! The connection to DynamoDB: its limits, how often a request was sent, and what its errors mean.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::environment::{
    EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider,
};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::item::Item;
use crate::problem::Problem;
use crate::violation::Violations;

/// How often one request is sent at most.
const MAX_ATTEMPTS: u32 = 4;
/// The wait before the first repetition, at most; it doubles, and is cut at random.
const INITIAL_BACKOFF: Duration = Duration::from_millis(100);
/// A pooled connection may be half dead after a freeze: better to send again soon than to wait for it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(2_500);
/// For one request with all its attempts: below the shortest timeout of a function.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(8);

/// A client by a function's environment: credentials, region and endpoint as Lambda sets them. Nothing else is
/// asked, because asking costs start-up time.
pub async fn connect() -> Client {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .credentials_provider(EnvironmentVariableCredentialsProvider::new())
        .region(EnvironmentVariableRegionProvider::new());
    client(loader).await
}

/// A client with the HTTP stack, timeouts and retries that every client of this service has.
pub async fn client(loader: ConfigLoader) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .build();
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let retries = RetryConfig::standard()
        .with_max_attempts(MAX_ATTEMPTS)
        .with_initial_backoff(INITIAL_BACKOFF);
    let config = loader
        .http_client(http)
        .timeout_config(timeouts)
        .retry_config(retries)
        .load()
        .await;
    let config = aws_sdk_dynamodb::config::Builder::from(&config).retry_classifier(Collisions);
    Client::from_conf(config.build())
}

/// A write that meets another's transaction at its item is tried again: the SDK by itself does not.
#[derive(Debug)]
struct Collisions;

impl ClassifyRetry for Collisions {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let error = context
            .output_or_error()
            .and_then(Result::err)
            .and_then(OrchestratorError::as_operation_error);
        let code = error.and_then(|error| {
            let put = error.downcast_ref::<PutItemError>().map(|e| e.code());
            let update = error.downcast_ref::<UpdateItemError>().map(|e| e.code());
            let delete = error.downcast_ref::<DeleteItemError>().map(|e| e.code());
            put.or(update).or(delete).flatten()
        });
        if code.is_some_and(is_collision) {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "Collisions"
    }
}

/// Counts how often a request was sent, and how often it may have been done without its answer arriving. Only
/// where there is such an attempt can a write meet its own.
#[derive(Clone, Debug, Default)]
pub struct Attempts {
    sent: Arc<AtomicU32>,
    unanswered: Arc<AtomicU32>,
}

impl Attempts {
    /// How often it was sent.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether an attempt may have been done, and its answer lost.
    #[must_use]
    pub fn lost_an_answer(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) > 0
    }
}

#[dyn_dispatch_hint]
impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let status = context
            .response()
            .map(|response| response.status().as_u16());
        // A client error was not done. Anything else may have been: no answer, a part of one, a server error.
        if !status.is_some_and(|status| (400..500).contains(&status)) {
            self.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// An error of a conditional write.
pub trait ConditionFailure: Sized {
    /// `Ok` when the condition did not hold, with the item as it is (none when there is none); the error
    /// itself for any other.
    fn current_item(self) -> Result<Option<Item>, Self>;
}

macro_rules! condition_failure {
    ($($error:ident),*) => {$(
        impl<R> ConditionFailure for SdkError<$error, R> {
            fn current_item(self) -> Result<Option<Item>, Self> {
                match self {
                    Self::ServiceError(error) => match error.err() {
                        $error::ConditionalCheckFailedException(failed) => Ok(failed.item.clone()),
                        _ => Err(Self::ServiceError(error)),
                    },
                    other => Err(other),
                }
            }
        }
    )*};
}
condition_failure!(PutItemError, UpdateItemError, DeleteItemError);

/// What an error of DynamoDB means for an order.
pub fn database_problem<E, R>(error: SdkError<E, R>) -> Problem
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let message = error.message().unwrap_or_default().to_owned();
    match error.code() {
        Some(code) if is_throttling(code) => Problem::Throttled(error.into()),
        Some(code) if is_collision(code) => Problem::Conflict,
        Some("InternalServerError" | "ServiceUnavailable" | "InternalFailure") => {
            Problem::Unavailable(error.into())
        }
        Some("ValidationException") if is_item_too_large(&message) => item_too_large(),
        // Its keys are the order's product and date: a type or a length that no index takes.
        Some("ValidationException") if message.to_ascii_lowercase().contains("index key") => {
            Problem::Invalid(Violations::one("", message))
        }
        None if matches!(
            error,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_)
        ) =>
        {
            Problem::Unavailable(error.into())
        }
        _ => Problem::Internal(error.into()),
    }
}

/// DynamoDB's codes for "too many requests".
#[must_use]
pub fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
    )
}

/// DynamoDB's codes for "another write is at the same item".
#[must_use]
pub fn is_collision(code: &str) -> bool {
    matches!(
        code,
        "TransactionConflictException" | "ReplicatedWriteConflictException"
    )
}

/// DynamoDB says so with two messages: one for a put, one for an update.
#[must_use]
pub fn is_item_too_large(message: &str) -> bool {
    message.contains("Item size has exceeded")
        || message.contains("Item size to update has exceeded")
}

#[must_use]
pub fn item_too_large() -> Problem {
    Problem::PayloadTooLarge {
        detail: "the order, with what is stored beside it, is larger than DynamoDB's 400 KB",
    }
}
