//! The entry point of a function: logging, configuration, the connection, and API Gateway's events.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use futures_util::TryFutureExt;
use http_body_util::Full;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_http::http::header::HOST;
use lambda_http::lambda_runtime::{self, FunctionResponse};
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::tower::ServiceExt;
use lambda_http::{Adapter, Context, Error, LambdaEvent, Service, service_fn};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa_axum::router::OpenApiRouter;

use crate::boundary::{self, Deadline, RequestId};
use crate::clock::{self, Clock};
use crate::config::{Config, log_format_is_json};
use crate::store::{self, Store};

/// How long before the function's own timeout a request is answered, whatever it is doing.
const MARGIN: Duration = Duration::from_millis(400);
/// What may not stand in a query as it is (RFC 3986 §3.4): the rest is left as the client wrote it.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');

/// Whoever the gateway's authorizer let in: a JWT's issuer and subject, or an IAM principal. Empty where there
/// is no authorizer.
#[derive(Clone, Debug, Default)]
pub struct Caller(pub String);

/// Runs a function that works on the orders.
pub async fn serve_with_store(routes: OpenApiRouter<Store>) -> Result<(), Error> {
    init_logging();
    let config = Config::from_env()?;
    let store = Store::new(store::connect().await, config, Clock::default());
    run(routes.with_state(store)).await
}

/// Runs a function that needs no database.
pub async fn serve(routes: OpenApiRouter) -> Result<(), Error> {
    init_logging();
    run(routes).await
}

fn init_logging() {
    let subscriber = lambda_http::tracing::subscriber::fmt()
        .with_target(false)
        .without_time()
        .with_max_level(crate::config::log_level());
    if log_format_is_json() {
        subscriber.json().flatten_event(true).init();
    } else {
        subscriber.init();
    }
}

async fn run(routes: OpenApiRouter) -> Result<(), Error> {
    let (router, description) = routes.split_for_parts();
    let route = description
        .paths
        .paths
        .into_keys()
        .next()
        .ok_or("the function has no route")?;
    let router = boundary::around(router).layer(middleware::from_fn(know_the_invocation));
    lambda_runtime::run_concurrent(Gateway { route, router }).await
}

/// Puts what the invocation says of the request where the boundary and the handlers look for it.
async fn know_the_invocation(mut request: Request, next: Next) -> Response {
    let extensions = request.extensions_mut();
    let invocation = extensions.get::<Context>().map(|context| {
        let left = clock::until_unix_ms(context.deadline).saturating_sub(MARGIN);
        (
            RequestId(context.request_id.clone()),
            Deadline(Instant::now() + left),
        )
    });
    let caller = extensions
        .get::<RequestContext>()
        .map(caller)
        .unwrap_or_default();
    if let Some((request_id, deadline)) = invocation {
        extensions.insert(request_id);
        extensions.insert(deadline);
    }
    extensions.insert(caller);
    next.run(request).await
}

fn caller(context: &RequestContext) -> Caller {
    let authorizer = context.authorizer();
    let jwt = authorizer.and_then(|authorizer| authorizer.jwt.as_ref());
    let iam = authorizer.and_then(|authorizer| authorizer.iam.as_ref());
    let claim = |name: &str| jwt.and_then(|jwt| jwt.claims.get(name)).map(String::as_str);
    if let Some(subject) = claim("sub") {
        return Caller(format!(
            "jwt\n{}\n{subject}",
            claim("iss").unwrap_or_default()
        ));
    }
    let principal = iam.and_then(|iam| iam.user_arn.as_ref().or(iam.caller_id.as_ref()));
    principal
        .map(|principal| Caller(format!("iam\n{principal}")))
        .unwrap_or_default()
}

/// Takes API Gateway's events (payload 2.0) to the function's one route.
///
/// The gateway has chosen the route already and says what stands at its parameters. Its `rawPath` is of no
/// use: it is decoded (`%2F`, `%23`), carries the path of a custom domain or of a route that Terraform set, and
/// would be parsed again. So the path is written anew from the route and the parameters.
#[derive(Clone)]
struct Gateway {
    route: String,
    router: Router,
}

type Answer =
    Pin<Box<dyn Future<Output = Result<FunctionResponse<Value, NoStream>, Error>> + Send>>;
/// The type of a streamed answer that is never given.
type NoStream = futures_util::stream::Empty<Result<Vec<u8>, Error>>;

impl Service<LambdaEvent<Box<RawValue>>> for Gateway {
    type Response = FunctionResponse<Value, NoStream>;
    type Error = Error;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, event: LambdaEvent<Box<RawValue>>) -> Answer {
        let Self { route, router } = self.clone();
        Box::pin(async move {
            let request = LambdaRequest::ApiGatewayV2(for_route(&route, read(&event.payload)?));
            let event = LambdaEvent::new(request, event.context);
            let handle = |request: lambda_http::Request| {
                router.clone().oneshot(request).and_then(with_whole_body)
            };
            let answer = Adapter::from(service_fn(handle)).oneshot(event).await?;
            Ok(FunctionResponse::BufferedResponse(serde_json::to_value(
                answer,
            )?))
        })
    }
}

/// An answer whose body is there as a whole, as Lambda wants it.
async fn with_whole_body(
    response: Response,
) -> Result<lambda_http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = response.into_parts();
    // Every body of this service is made in memory and bounded there: reading it can't fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    Ok(Response::from_parts(parts, Full::new(bytes)))
}

/// Reads an event. One whose headers hold what no header may (the gateway passes on bytes beyond ASCII) is read
/// with a tab in each such place, which no header that the service looks at allows: so it is answered, not lost.
fn read(event: &RawValue) -> Result<ApiGatewayV2httpRequest, serde_json::Error> {
    serde_json::from_str(event.get()).or_else(|_| {
        let mut event: Value = serde_json::from_str(event.get())?;
        if let Some(Value::Object(headers)) = event.get_mut("headers") {
            for value in headers.values_mut() {
                let text = value.as_str().unwrap_or_default();
                *value = text
                    .replace(|c: char| !(' '..='~').contains(&c), "\t")
                    .into();
            }
        }
        serde_json::from_value(event)
    })
}

/// The event with the path that the function's route has for the event's parameters, and with nothing in its
/// place that could not be parsed.
fn for_route(route: &str, mut event: ApiGatewayV2httpRequest) -> ApiGatewayV2httpRequest {
    event.raw_path = Some(fill(route, &event.path_parameters));
    event.raw_query_string = event
        .raw_query_string
        .map(|query| utf8_percent_encode(&query, NOT_IN_QUERY).to_string());
    // lambda_http puts the host and the stage before the path, and panics where that is no URI.
    event.headers.remove(HOST);
    event.request_context.domain_name = None;
    event.request_context.stage = None;
    event
}

/// `/orders/{id}` with the parameters in place, each encoded.
fn fill(route: &str, parameters: &HashMap<String, String>) -> String {
    parameters
        .iter()
        .fold(route.to_owned(), |path, (name, value)| {
            let mut encoded = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
            if matches!(value.as_str(), "." | "..") {
                // A dot segment is resolved away, encoded or not. It is no id, and no id it stays with a blank.
                encoded.push_str("%20");
            }
            path.replace(&format!("{{{name}}}"), &encoded)
        })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("a", "/orders/a")]
    #[case("a/b?c#d", "/orders/a%2Fb%3Fc%23d")]
    #[case("ä %2F", "/orders/%C3%A4%20%252F")]
    #[case("..", "/orders/%2E%2E%20")]
    fn a_decoded_parameter_is_encoded_into_the_route(#[case] id: &str, #[case] path: &str) {
        let parameters = HashMap::from([("id".to_owned(), id.to_owned())]);
        assert_eq!(fill("/orders/{id}", &parameters), path);
    }
}
