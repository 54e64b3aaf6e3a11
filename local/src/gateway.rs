//! What API Gateway does to requests and answers, as far as a client can see it.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html> and the quotas page beside it.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use common::boundary::{RequestId, X_REQUEST_ID};
use common::clock;

/// The request line and all headers together.
const MAX_HEAD_BYTES: usize = 10_240;
const MAX_BODY_BYTES: u64 = 10 * 1024 * 1024;
const APIGW_REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// The names that a request may call the service by.
#[derive(Clone, Debug)]
pub struct Hosts(Option<Arc<[String]>>);

impl Hosts {
    /// Whatever the `Host` says: for a service that others are meant to reach.
    #[must_use]
    pub fn any() -> Self {
        Self(None)
    }

    /// Loopback names and this one. A page of another site that had its own name point here could otherwise
    /// read and write orders from a browser (DNS rebinding).
    #[must_use]
    pub fn loopback_and(host: &str) -> Self {
        let names = ["localhost", "127.0.0.1", "[::1]", host].map(str::to_ascii_lowercase);
        Self(Some(names.into()))
    }

    fn allow(&self, authority: &Authority) -> bool {
        let host = authority.host().to_ascii_lowercase();
        self.0.as_ref().is_none_or(|names| names.contains(&host))
    }
}

/// Puts the gateway around the functions' routes: whatever is none of them is its own 404, for another method,
/// `HEAD` and a trailing slash too.
pub fn around(router: Router, hosts: Hosts) -> Router {
    let no_route = || async { message(StatusCode::NOT_FOUND, "Not Found") };
    let router = router
        .fallback(no_route)
        .method_not_allowed_fallback(no_route);
    // Around the whole router: it adds to an answer what must be taken out again.
    Router::new()
        .fallback_service(router)
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            pass(hosts.clone(), request, next)
        }))
}

async fn pass(hosts: Hosts, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = clock::random_hex();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = if let Some(refused) = refusal(&request, &hosts) {
        refused
    } else {
        join_headers(request.headers_mut());
        request.extensions_mut().insert(RequestId(clock::new_id()));
        next.run(request).await
    };
    // The router names the methods that a path has; the gateway does not.
    response.headers_mut().remove(ALLOW);
    if let Ok(id) = HeaderValue::try_from(&id) {
        response.headers_mut().insert(APIGW_REQUEST_ID, id);
    }
    // A function's boundary has logged its own answer.
    if !response.headers().contains_key(X_REQUEST_ID) {
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = response.status().as_u16();
        tracing::info!(
            method = method.as_str(),
            path,
            status,
            milliseconds,
            request_id = id,
            "gateway"
        );
    }
    response
}

/// The gateway's own answer, where the request does not get to a route.
fn refusal(request: &Request, hosts: &Hosts) -> Option<Response> {
    if head_bytes(request) > MAX_HEAD_BYTES {
        return Some(message(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request Header Fields Too Large",
        ));
    }
    let Some(host) = host(request) else {
        return Some(message(StatusCode::BAD_REQUEST, "Bad Request"));
    };
    if !hosts.allow(&host) {
        return Some(message(StatusCode::FORBIDDEN, "Forbidden"));
    }
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Some(message(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Request Entity Too Large",
        ));
    }
    (request.method() == Method::HEAD).then(|| message(StatusCode::NOT_FOUND, "Not Found"))
}

/// The one `Host` (RFC 9112 §3.2), which stands in the target where HTTP/2 is spoken.
fn host(request: &Request) -> Option<Authority> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse().ok()?,
        (None, None) => request.uri().authority()?.clone(),
        _ => return None,
    };
    let has_a_port = host.as_str().len() > host.host().len();
    let is_valid = !host.as_str().contains('@') && (!has_a_port || host.port_u16().is_some());
    is_valid.then_some(host)
}

fn head_bytes(request: &Request) -> usize {
    const LINE_EXTRA: usize = "  HTTP/1.1\r\n".len();
    const HEADER_EXTRA: usize = ": \r\n".len();
    let uri = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + HEADER_EXTRA);
    request.method().as_str().len() + uri + LINE_EXTRA + headers.sum::<usize>()
}

/// Repeated headers arrive as one, their values joined by commas; cookies by semicolons.
fn join_headers(headers: &mut HeaderMap) {
    let repeated: Vec<_> = headers
        .keys()
        .filter(|name| headers.get_all(*name).iter().nth(1).is_some())
        .cloned()
        .collect();
    for name in repeated {
        let separator: &[u8] = if name == COOKIE { b"; " } else { b"," };
        let values: Vec<_> = headers
            .get_all(&name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        if let Ok(joined) = HeaderValue::from_bytes(&values.join(separator)) {
            headers.insert(name, joined);
        }
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    let mut response = (status, format!(r#"{{"message":"{text}"}}"#)).into_response();
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
