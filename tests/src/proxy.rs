//! Stands between the service and its engine: counts what is asked and what it costs, and makes answers fail.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::service::SERVERS;

/// What happens to one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is done, and the connection ends without an answer.
    LoseAnswer,
    /// It is done, and half of the answer arrives.
    CutAnswer,
    /// It is not done, and the connection ends.
    Reset,
    /// It is not done, and DynamoDB says so: a status, and the name of its exception.
    Refuse(u16, &'static str),
    /// It is done, and the answer takes this long.
    Delay(Duration),
}

/// What one operation was asked for, and what that cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    pub requests: u64,
    pub capacity_units: f64,
}

/// A proxy of one engine.
#[derive(Clone, Debug)]
pub struct Proxy {
    url: String,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    engine: Uri,
    client: Client<HttpConnector, Body>,
    /// How many requests of its operation each fault lets through first.
    faults: Mutex<VecDeque<(usize, String, Fault)>>,
    usage: Mutex<BTreeMap<String, Usage>>,
}

impl Proxy {
    /// A proxy of the engine at this URL.
    pub async fn start(engine: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            engine: engine.parse().unwrap(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            faults: Mutex::default(),
            usage: Mutex::default(),
        });
        let proxy = Self {
            url,
            state: Arc::clone(&state),
        };
        let listener = listener.into_std().unwrap();
        SERVERS.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                let serve = service_fn(move |request| Arc::clone(&state).pass(request));
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), serve);
                // An error is a connection that a fault has ended.
                tokio::spawn(connection);
            }
        });
        proxy
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The next requests for this operation (`PutItem`, …) meet these faults, one each.
    pub fn inject(&self, operation: &str, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            self.inject_after(0, operation, fault);
        }
    }

    /// So many requests for this operation are let through, and the next one meets this fault.
    pub fn inject_after(&self, requests: usize, operation: &str, fault: Fault) {
        let mut faults = self.state.faults.lock().unwrap();
        faults.push_back((requests, operation.to_owned(), fault));
    }

    /// Whether every fault has been met.
    pub fn is_through(&self) -> bool {
        self.state.faults.lock().unwrap().is_empty()
    }

    /// What was asked since the last look.
    pub fn take_usage(&self) -> BTreeMap<String, Usage> {
        std::mem::take(&mut self.state.usage.lock().unwrap())
    }
}

impl State {
    async fn pass(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> io::Result<Response<Full<Bytes>>> {
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.to_str().ok()?.rsplit('.').next())
            .unwrap_or_default()
            .to_owned();
        let fault = self.next_fault(&operation);
        match fault {
            Some(Fault::Reset) => return Err(ended()),
            Some(Fault::Refuse(status, exception)) => return Ok(refusal(status, exception)),
            _ => {}
        }
        let (parts, body) = self.forward(request, &operation).await?;
        match fault {
            Some(Fault::LoseAnswer) => return Err(ended()),
            Some(Fault::CutAnswer) => {
                let mut response =
                    Response::from_parts(parts, Full::new(body.slice(..body.len() / 2)));
                // The length stays the whole one's: the client waits for the rest, and the connection ends.
                response
                    .headers_mut()
                    .insert("connection", "close".parse().unwrap());
                return Ok(response);
            }
            Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
            _ => {}
        }
        Ok(Response::from_parts(parts, Full::new(body)))
    }

    fn next_fault(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let at = faults.iter().position(|(_, of, _)| of == operation)?;
        match &mut faults[at].0 {
            0 => faults.remove(at).map(|(_, _, fault)| fault),
            wait => {
                *wait -= 1;
                None
            }
        }
    }

    async fn forward(
        &self,
        request: Request<Incoming>,
        operation: &str,
    ) -> io::Result<(axum::http::response::Parts, Bytes)> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let mut asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        asked["ReturnConsumedCapacity"] = "TOTAL".into();
        let mut target = self.engine.clone().into_parts();
        target.path_and_query = Some("/".parse().unwrap());
        parts.uri = Uri::from_parts(target).unwrap();
        parts.headers.remove("content-length");
        parts.headers.remove("host");
        // The engine trusts the loopback: no signature is checked, so that a request may be changed.
        let measurable = [
            "GetItem",
            "PutItem",
            "UpdateItem",
            "DeleteItem",
            "Query",
            "Scan",
            "TransactWriteItems",
        ];
        let body = if measurable.contains(&operation) {
            Body::from(asked.to_string())
        } else {
            Body::from(body)
        };
        let answer = self.client.request(Request::from_parts(parts, body)).await;
        let (mut parts, body) = answer.map_err(io::Error::other)?.into_parts();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        // Connections are the proxy's own matter.
        parts.headers.remove("connection");
        self.note(operation, &body);
        Ok((parts, body))
    }

    fn note(&self, operation: &str, answer: &Bytes) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let units = |consumed: &Value| consumed["CapacityUnits"].as_f64().unwrap_or_default();
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.iter().map(units).sum(),
            table => units(table),
        };
        let mut usage = self.usage.lock().unwrap();
        let usage = usage.entry(operation.to_owned()).or_default();
        usage.requests += 1;
        usage.capacity_units += consumed;
    }
}

fn ended() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

fn refusal(status: u16, exception: &str) -> Response<Full<Bytes>> {
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{exception}"),
        "message": "injected",
    });
    let mut response = Response::new(Full::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert(
        "content-type",
        "application/x-amz-json-1.0".parse().unwrap(),
    );
    response
}
