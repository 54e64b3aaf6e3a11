//! What surrounds every handler: the request's id, its deadline, its log line, and the one place where a
//! [`Failure`](crate::problem::Failure), a panic or a deadline passed becomes an answer.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::answer::{MAX_ANSWER_BYTES, escaped_bytes};
use crate::clock;
use crate::envelope::{ENVELOPE_PATH, with_original_names};
use crate::problem::{Failure, Problem};

/// The header that carries the request's id in every answer.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a request may take where nobody set a [`Deadline`]: below API Gateway's 30 s.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(28);

/// The invocation's request id, put into the request's extensions by whoever received it.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// The moment after which nobody waits for an answer any more.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Instant);

/// Puts the boundary around the handlers of `router`.
pub fn around(router: Router) -> Router {
    router.layer(middleware::from_fn(answer))
}

async fn answer(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let RequestId(request_id) = request
        .extensions()
        .get()
        .cloned()
        .unwrap_or_else(|| RequestId(clock::random_hex()));
    let Deadline(deadline) = request
        .extensions()
        .get()
        .copied()
        .unwrap_or(Deadline(started + DEFAULT_TIMEOUT));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());

    let span = tracing::info_span!("request", request_id);
    let handled = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span);
    let fail = |problem| failure_at(&path, problem).into_response();
    let mut response = match tokio::time::timeout_at(deadline.into(), handled).await {
        Ok(Ok(response)) => bounded(response).await.unwrap_or_else(fail),
        Ok(Err(panic)) => fail(Problem::Internal(panic_message(&*panic).into())),
        Err(_) => fail(Problem::Unavailable("the request's deadline passed".into())),
    };

    let failure = response.extensions_mut().remove::<Arc<Failure>>();
    if let Some(failure) = &failure {
        response = Arc::clone(failure).into_answer(&request_id);
    }
    if let Ok(value) = HeaderValue::try_from(&request_id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    log(
        &request_id,
        method.as_str(),
        &path,
        &response,
        failure.as_deref(),
        started.elapsed(),
    );
    response
}

/// A problem that no handler returned, in the form of its route.
fn failure_at(path: &str, problem: Problem) -> Failure {
    if path == ENVELOPE_PATH {
        with_original_names(problem)
    } else {
        problem.into()
    }
}

/// The answer, unless it is longer than Lambda takes: then the client gets a problem and not the gateway's bare 500.
/// Only items of other programs can be so long, with numbers that are short in the table and long in JSON.
async fn bounded(response: Response) -> Result<Response, Problem> {
    let bytes = response.body().size_hint().exact().unwrap_or(u64::MAX);
    if bytes <= MAX_ANSWER_BYTES as u64 / 2 {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    match to_bytes(body, MAX_ANSWER_BYTES).await {
        Ok(body) if escaped_bytes(&body) <= MAX_ANSWER_BYTES => {
            Ok(Response::from_parts(parts, Body::from(body)))
        }
        _ => Err(Problem::Internal(
            "the answer is longer than the 6 MB that Lambda takes".into(),
        )),
    }
}

fn log(
    request_id: &str,
    method: &str,
    path: &str,
    response: &Response,
    failure: Option<&Failure>,
    elapsed: Duration,
) {
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let code = failure.map(|failure| failure.problem.status_and_code().1);
    let cause = failure
        .and_then(|failure| failure.problem.source())
        .map(|source| chain(&**source));
    if status >= 500 {
        tracing::error!(
            method,
            path,
            status,
            milliseconds,
            request_id,
            code,
            cause,
            "request"
        );
    } else {
        tracing::info!(
            method,
            path,
            status,
            milliseconds,
            request_id,
            code,
            "request"
        );
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a panic: {}", message.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    async fn send(
        router: Router,
        deadline: Option<Deadline>,
    ) -> (StatusCode, Option<HeaderValue>, String) {
        let mut request = Request::new(Body::empty());
        request
            .extensions_mut()
            .insert(RequestId("the-id".to_owned()));
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(deadline);
        }
        let response = around(router).oneshot(request).await.unwrap();
        let status = response.status();
        let id = response.headers().get(X_REQUEST_ID).cloned();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, id, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_500_problem_that_says_nothing_of_the_inside() {
        async fn panics() {
            panic!("the secret");
        }
        let (status, id, body) = send(Router::new().route("/", get(panics)), None).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(id.unwrap(), "the-id");
        assert!(
            body.contains(r#""code":"internal""#) && body.contains(r#""request_id":"the-id""#),
            "{body}"
        );
        assert!(!body.contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn a_request_that_outlives_its_deadline_is_a_503() {
        let never = Router::new().route("/", get(std::future::pending::<()>));
        let (status, _, body) = send(never, Some(Deadline(Instant::now()))).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(body.contains(r#""code":"unavailable""#), "{body}");
    }
}
