//! Lambda and API Gateway, as far as a function can tell: the functions' own binaries, a Runtime API for each of
//! their environments, and events (payload 2.0).
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path as UrlPath, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::clock;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::call::Call;
use crate::service::SERVERS;

/// How long a function may take, as Terraform would set it, and how long the tests wait for one.
const FUNCTION_TIMEOUT: Duration = Duration::from_secs(10);
const TEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Lambda takes no longer answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Every function of one deployment. An invocation takes an idle environment or starts another, as Lambda does.
#[derive(Debug)]
pub struct Functions {
    variables: Vec<(String, String)>,
    idle: Mutex<HashMap<String, Vec<Environment>>>,
    logs: Arc<Mutex<Vec<String>>>,
}

impl Functions {
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self {
            variables,
            idle: Mutex::default(),
            logs: Arc::default(),
        }
    }

    /// Every line that a function has logged so far.
    pub fn logs(&self) -> Vec<String> {
        self.logs.lock().unwrap().clone()
    }

    pub(crate) async fn invoke(&self, call: &Call<'_>) -> Answer {
        let path = call.target.split('?').next().unwrap_or_default();
        let Some(route) = Route::find(&call.method, path) else {
            let body = br#"{"message":"Not Found"}"#;
            let headers = [("content-type", "application/json")];
            let headers = headers
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .into_iter();
            return Answer::new(StatusCode::NOT_FOUND, headers.collect(), body);
        };
        let event = event(call, &route);
        let answer = self.invoke_with(&route.operation, &event).await;
        read_answer(&answer.unwrap_or_else(|error| panic!("the invocation failed: {error}")))
    }

    /// What the function answers to this event, or the error that it reports.
    pub async fn invoke_with(&self, operation: &str, event: &Value) -> Result<Value, String> {
        let idle = self
            .idle
            .lock()
            .unwrap()
            .entry(operation.to_owned())
            .or_default()
            .pop();
        let mut environment = match idle {
            Some(environment) => environment,
            None => Environment::start(operation, &self.variables, &self.logs),
        };
        let answer = environment.invoke(event).await;
        self.idle
            .lock()
            .unwrap()
            .entry(operation.to_owned())
            .or_default()
            .push(environment);
        answer
    }
}

/// One environment of a function: a process, and the Runtime API that it talks to.
#[derive(Debug)]
pub struct Environment {
    process: Child,
    outputs: Vec<JoinHandle<()>>,
    events: mpsc::UnboundedSender<Invocation>,
}

#[derive(Debug)]
struct Invocation {
    request_id: String,
    event: String,
    answer: oneshot::Sender<Result<Value, String>>,
}

impl Environment {
    /// Starts a function's binary, and collects what it logs.
    pub fn start(
        operation: &str,
        variables: &[(String, String)],
        logs: &Arc<Mutex<Vec<String>>>,
    ) -> Self {
        let binary = bootstrap(operation);
        let (events, queue) = mpsc::unbounded_channel();
        let address = runtime_api(queue);
        let mut process = Command::new(&binary)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", operation)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .envs(variables.iter().cloned())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        let outputs = vec![
            collect(process.stdout.take().unwrap(), logs),
            collect(process.stderr.take().unwrap(), logs),
        ];
        Self {
            process,
            outputs,
            events,
        }
    }

    /// Hands the function one event and waits for what it answers.
    pub async fn invoke(&mut self, event: &Value) -> Result<Value, String> {
        let (answer, answered) = oneshot::channel();
        let invocation = Invocation {
            request_id: clock::new_id(),
            event: event.to_string(),
            answer,
        };
        self.events
            .send(invocation)
            .map_err(|_| "its Runtime API is gone".to_owned())?;
        tokio::select! {
            answer = answered => answer.map_err(|_| "there was no answer".to_owned())?,
            status = self.process.wait() => Err(format!("the process ended: {status:?}")),
            () = tokio::time::sleep(TEST_TIMEOUT) => Err("no answer in time".to_owned()),
        }
    }

    /// Waits for a process that ends by itself, and for all that it logs; whether it was a success.
    pub async fn wait(&mut self) -> bool {
        let ended = tokio::time::timeout(TEST_TIMEOUT, self.process.wait()).await;
        let status = ended.expect("the process goes on").unwrap();
        for output in self.outputs.drain(..) {
            output.await.unwrap();
        }
        status.success()
    }
}

fn collect(
    output: impl AsyncRead + Send + Unpin + 'static,
    logs: &Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    let logs = Arc::clone(logs);
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            logs.lock().unwrap().push(line);
        }
    })
}

/// The Runtime API of one environment.
#[derive(Debug)]
struct RuntimeApi {
    queue: AsyncMutex<mpsc::UnboundedReceiver<Invocation>>,
    pending: Mutex<HashMap<String, oneshot::Sender<Result<Value, String>>>>,
}

fn runtime_api(queue: mpsc::UnboundedReceiver<Invocation>) -> String {
    let api = Arc::new(RuntimeApi {
        queue: AsyncMutex::new(queue),
        pending: Mutex::default(),
    });
    let routes = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/2018-06-01/runtime/invocation/{id}/response",
            post(response),
        )
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
        .with_state(api);
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    SERVERS
        .spawn(async move { axum::serve(TcpListener::from_std(listener).unwrap(), routes).await });
    address
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> (HeaderMap, String) {
    let invocation = api.queue.lock().await.recv().await;
    let Some(Invocation {
        request_id,
        event,
        answer,
    }) = invocation
    else {
        // The environment is gone: its process is about to be killed.
        return std::future::pending().await;
    };
    let deadline = clock::Clock::default().unix_seconds() * 1_000
        + i64::try_from(FUNCTION_TIMEOUT.as_millis()).unwrap();
    let headers = [
        ("lambda-runtime-aws-request-id", request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:orders:live".to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1".to_owned(),
        ),
        ("content-type", "application/json".to_owned()),
    ];
    let headers = headers.map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::try_from(value).unwrap(),
        )
    });
    api.pending.lock().unwrap().insert(request_id, answer);
    (headers.into_iter().collect(), event)
}

async fn response(
    State(api): State<Arc<RuntimeApi>>,
    UrlPath(id): UrlPath<String>,
    body: Bytes,
) -> StatusCode {
    let answer = serde_json::from_slice(&body).map_err(|error| error.to_string());
    finish(&api, &id, answer)
}

async fn error(
    State(api): State<Arc<RuntimeApi>>,
    UrlPath(id): UrlPath<String>,
    body: String,
) -> StatusCode {
    finish(&api, &id, Err(body))
}

async fn init_error(body: String) -> StatusCode {
    eprintln!("a function did not start: {body}");
    StatusCode::ACCEPTED
}

fn finish(api: &RuntimeApi, id: &str, answer: Result<Value, String>) -> StatusCode {
    match api.pending.lock().unwrap().remove(id) {
        Some(waiting) => {
            // A test that has ended waits no longer.
            let _ = waiting.send(answer);
            StatusCode::ACCEPTED
        }
        None => StatusCode::BAD_REQUEST,
    }
}

/// Which operation a request is for, by the API's description, and what stands at its parameters.
struct Route {
    operation: String,
    key: String,
    parameters: Map<String, Value>,
}

impl Route {
    fn find(method: &Method, path: &str) -> Option<Self> {
        static DESCRIPTION: LazyLock<Value> =
            LazyLock::new(|| serde_json::from_str(&local::openapi_json()).unwrap());
        let paths = DESCRIPTION["paths"].as_object()?;
        paths.iter().find_map(|(template, operations)| {
            let parameters = match_template(template, path)?;
            let operation = &operations[method.as_str().to_ascii_lowercase()]["operationId"];
            Some(Self {
                operation: operation.as_str()?.to_owned(),
                key: format!("{method} {template}"),
                parameters,
            })
        })
    }
}

/// The parameters, decoded as the gateway does it.
fn match_template(template: &str, path: &str) -> Option<Map<String, Value>> {
    let (expected, given): (Vec<_>, Vec<_>) =
        (template.split('/').collect(), path.split('/').collect());
    if expected.len() != given.len() {
        return None;
    }
    let mut parameters = Map::new();
    for (expected, given) in expected.into_iter().zip(given) {
        match expected
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'))
        {
            Some(name) if !given.is_empty() => {
                let value = percent_decode_str(given).decode_utf8_lossy();
                parameters.insert(name.to_owned(), value.into());
            }
            _ if expected == given => {}
            _ => return None,
        }
    }
    Some(parameters)
}

fn event(call: &Call<'_>, route: &Route) -> Value {
    let (path, query) = call.target.split_once('?').unwrap_or((&call.target, ""));
    let decoded_path = percent_decode_str(path).decode_utf8_lossy();
    let mut headers = Map::from_iter([
        ("host".to_owned(), json!("api.example.com")),
        (
            "content-length".to_owned(),
            json!(call.body.len().to_string()),
        ),
    ]);
    for (name, value) in &call.headers {
        // Repeated headers arrive as one.
        let joined = match headers.get(name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value.clone(),
        };
        headers.insert(name.clone(), joined.into());
    }
    let content_type = headers
        .get("content-type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let text = if arrives_as_text(content_type) {
        str::from_utf8(&call.body).ok().map(ToOwned::to_owned)
    } else {
        None
    };
    let is_base64 = text.is_none();
    let body = text.unwrap_or_else(|| STANDARD.encode(&call.body));
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": decoded_path,
        "rawQueryString": query,
        "headers": headers,
        "pathParameters": route.parameters,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api-id",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": call.method.as_str(),
                "path": decoded_path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "tests",
            },
            "requestId": "gateway-request-id",
            "routeKey": route.key,
            "stage": "$default",
            "time": "04/Nov/2024:10:30:00 +0000",
            "timeEpoch": 1_730_716_200_000_u64,
        },
        "isBase64Encoded": is_base64 && !call.body.is_empty(),
    });
    if !call.body.is_empty() {
        event["body"] = body.into();
    }
    event
}

/// Whether the gateway passes a body of this type on as text; all others arrive as base64.
fn arrives_as_text(content_type: &str) -> bool {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence.starts_with("text/")
        || [
            "application/json",
            "application/xml",
            "application/javascript",
        ]
        .contains(&essence.as_str())
}

/// A function's answer as the gateway passes it on.
fn read_answer(answer: &Value) -> Answer {
    let status = answer["statusCode"].as_u64().unwrap();
    let headers = answer["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            (
                HeaderName::try_from(name).unwrap(),
                HeaderValue::try_from(value.as_str().unwrap()).unwrap(),
            )
        });
    let body = answer["body"].as_str().unwrap_or_default();
    let body = if answer["isBase64Encoded"] == true {
        STANDARD.decode(body).unwrap()
    } else {
        body.into()
    };
    let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
    Answer::new(status, headers.collect(), &body)
}

/// Where this build's binaries are, the functions' and local mode's.
static BUILT: LazyLock<PathBuf> = LazyLock::new(build);

/// The function's binary: `ORDERS_BOOTSTRAPS/<operation>/bootstrap` where that is set, to test what will be
/// deployed; else the one of this build.
pub fn bootstrap(operation: &str) -> PathBuf {
    match std::env::var_os("ORDERS_BOOTSTRAPS") {
        Some(folder) => Path::new(&folder).join(operation).join("bootstrap"),
        None => BUILT.join(operation),
    }
}

/// The program of local mode.
pub fn program() -> PathBuf {
    BUILT.join("local")
}

/// Builds what `cargo test` leaves out: the binaries of other packages. The selection is that of
/// `cargo test --workspace`, so that nothing but the binaries is built.
fn build() -> PathBuf {
    let executable = std::env::current_exe().unwrap();
    // target/<profile>/deps/<test>
    let profile = executable.ancestors().nth(2).unwrap().to_owned();
    let target = profile.parent().unwrap();
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo
        .current_dir(ROOT)
        .args([
            "build",
            "--workspace",
            "--bins",
            "--locked",
            "--quiet",
            "--target-dir",
        ])
        .arg(target);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.status().unwrap();
    assert!(status.success(), "the functions can't be built: {status}");
    profile
}
