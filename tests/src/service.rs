//! The service, started anew for a test.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use axum::http::{Method, Request};
use common::clock::Clock;
use common::config::Config;
use common::item::{ID, Item};
use common::store::{IDEMPOTENCY_KEY, Store};
use http_body_util::BodyExt;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local::engine::{Engine, client_of};
use local::gateway::Hosts;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::answer::Answer;
use crate::call::Call;
use crate::functions::Functions;
use crate::proxy::Proxy;

/// Where engines and servers run: whatever a test does with its own thread, they go on.
pub(crate) static SERVERS: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// What stands between the client and the handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Local mode, over HTTP.
    Local,
    /// The functions' own binaries, fed with API Gateway's events.
    Lambda,
}

/// What a test may want otherwise.
#[derive(Clone, Debug)]
pub struct Options {
    pub config: Config,
    /// Another way to the engine than the straight one.
    pub endpoint_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            config: Config::for_table("lambda-apigateway"),
            endpoint_url: None,
        }
    }
}

/// The service on tables of its own.
#[derive(Debug)]
pub struct Service {
    transport: Transport,
    /// Sets the service's clock; for local mode alone.
    pub clock: Clock,
    pub config: Config,
    dynamodb: Client,
    endpoint_url: String,
    /// Held as long as the service is.
    _engine: Option<Engine>,
}

#[derive(Debug)]
enum Transport {
    Http {
        client: Box<HttpClient>,
        base_url: String,
    },
    Functions(Functions),
}

impl Service {
    /// A new one; or, in place of local mode, the deployment that `ORDERS_BASE_URL` names, its tables emptied.
    pub async fn start(backend: Backend) -> Self {
        match std::env::var_os("ORDERS_BASE_URL") {
            Some(url) if backend == Backend::Local => Self::deployed(url.to_str().unwrap()).await,
            _ => Self::start_with(backend, Options::default()).await,
        }
    }

    /// A deployment and its tables, `ORDERS_TABLE` and `ORDERS_IDEMPOTENCY_TABLE`, with the environment's
    /// credentials. Every item in them is deleted, so that each test begins with nothing; tests run one after the
    /// other then.
    async fn deployed(base_url: &str) -> Self {
        let find = |name: &str| std::env::var_os(name).and_then(|value| value.into_string().ok());
        let variable = |name: &str| {
            find(name).unwrap_or_else(|| panic!("{name} must be set beside ORDERS_BASE_URL"))
        };
        let endpoint_url = find("AWS_ENDPOINT_URL");
        let mut service = Self::at(
            base_url,
            endpoint_url.as_deref().unwrap_or("http://127.0.0.1"),
        )
        .await;
        service.dynamodb = local::cli::client(endpoint_url.as_deref()).await;
        service.config.table = variable("ORDERS_TABLE");
        service.config.idempotency_table = variable("ORDERS_IDEMPOTENCY_TABLE");
        for (table, key) in [
            (&service.config.table, ID),
            (&service.config.idempotency_table, IDEMPOTENCY_KEY),
        ] {
            let mut items = service
                .dynamodb
                .scan()
                .table_name(table)
                .into_paginator()
                .items()
                .send();
            while let Some(item) = items.next().await {
                let delete = service.dynamodb.delete_item().table_name(table);
                let key_of_item = item.unwrap()[key].clone();
                delete.key(key, key_of_item).send().await.unwrap();
            }
        }
        service
    }

    pub async fn start_with(backend: Backend, options: Options) -> Self {
        let engine = Self::engine().await;
        Self::start_on(engine, backend, options).await
    }

    /// The service with a proxy between it and its engine.
    pub async fn start_behind_proxy(backend: Backend) -> (Self, Proxy) {
        let engine = Self::engine().await;
        let proxy = Proxy::start(engine.endpoint_url()).await;
        let options = Options {
            endpoint_url: Some(proxy.url().to_owned()),
            ..Options::default()
        };
        (Self::start_on(engine, backend, options).await, proxy)
    }

    /// An engine for [`Service::start_on`].
    pub async fn engine() -> Engine {
        let engine = SERVERS.spawn(Engine::in_memory());
        engine.await.unwrap().unwrap()
    }

    pub async fn start_on(engine: Engine, backend: Backend, options: Options) -> Self {
        let dynamodb = engine.client().await;
        let config = options.config;
        local::tables::create_missing(&dynamodb, &config)
            .await
            .unwrap();
        let clock = Clock::default();
        let endpoint_url = options
            .endpoint_url
            .unwrap_or_else(|| engine.endpoint_url().to_owned());
        let transport = match backend {
            Backend::Local => {
                let client = client_of(&endpoint_url).await;
                let store = Store::new(client, config.clone(), clock.clone());
                Transport::Http {
                    client: http_client(),
                    base_url: listen(store).await,
                }
            }
            Backend::Lambda => {
                Transport::Functions(Functions::new(environment(&endpoint_url, &config)))
            }
        };
        Self {
            transport,
            clock,
            config,
            dynamodb,
            endpoint_url: engine.endpoint_url().to_owned(),
            _engine: Some(engine),
        }
    }

    /// A service that is running, and its database.
    pub async fn at(base_url: &str, endpoint_url: &str) -> Self {
        Self {
            transport: Transport::Http {
                client: http_client(),
                base_url: base_url.to_owned(),
            },
            clock: Clock::default(),
            config: Options::default().config,
            dynamodb: client_of(endpoint_url).await,
            endpoint_url: endpoint_url.to_owned(),
            _engine: None,
        }
    }

    pub fn call(&self, method: Method, target: &str) -> Call<'_> {
        Call::new(self, method, target)
    }

    pub fn get(&self, target: &str) -> Call<'_> {
        self.call(Method::GET, target)
    }

    pub fn delete(&self, target: &str) -> Call<'_> {
        self.call(Method::DELETE, target)
    }

    pub fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.call(Method::POST, target)
            .content_type("application/json")
            .body(body)
    }

    pub fn put(&self, target: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.call(Method::PUT, target)
            .content_type("application/json")
            .body(body)
    }

    pub fn patch(&self, target: &str, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.call(Method::PATCH, target)
            .content_type("application/merge-patch+json")
            .body(body)
    }

    /// A request of the original's clients, with the content type that `curl -d` gives it.
    pub fn envelope(&self, operation: &str, payload: &str) -> Call<'_> {
        let body = format!(
            r#"{{"operation":"{operation}","tableName":"lambda-apigateway","payload":{payload}}}"#
        );
        self.call(Method::POST, "/")
            .content_type("application/x-www-form-urlencoded")
            .body(body)
    }

    pub(crate) async fn try_send(&self, call: Call<'_>) -> Result<Answer, String> {
        match &self.transport {
            Transport::Http { client, base_url } => {
                let mut request = Request::builder()
                    .method(call.method)
                    .uri(format!("{base_url}{}", call.target));
                for (name, value) in &call.headers {
                    request = request.header(name, value);
                }
                let request = request.body(Body::from(call.body)).unwrap();
                read(client.request(request)).await
            }
            Transport::Functions(functions) => Ok(functions.invoke(&call).await),
        }
    }

    /// `http://127.0.0.1:PORT` of local mode.
    pub fn base_url(&self) -> &str {
        match &self.transport {
            Transport::Http { base_url, .. } => base_url,
            Transport::Functions(_) => panic!("functions have no address"),
        }
    }

    /// The functions, for what only they have.
    pub fn functions(&self) -> &Functions {
        match &self.transport {
            Transport::Functions(functions) => functions,
            Transport::Http { .. } => panic!("local mode has no functions"),
        }
    }

    /// A client of the database that is not the service's.
    pub fn dynamodb(&self) -> &Client {
        &self.dynamodb
    }

    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// The item as the table has it, bookkeeping included.
    pub async fn find_item(&self, id: &str) -> Option<Item> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.config.table)
            .key(ID, AttributeValue::S(id.to_owned()))
            .consistent_read(true);
        get.send().await.unwrap().item
    }

    pub async fn item(&self, id: &str) -> Item {
        self.find_item(id).await.unwrap()
    }

    /// Another program writes an item, and knows nothing of bookkeeping.
    pub async fn put_item(&self, item: Item) {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.config.table)
            .set_item(Some(item));
        put.send().await.unwrap();
    }

    /// Every item of the table, by id.
    pub async fn items(&self) -> BTreeMap<String, Item> {
        let mut items = BTreeMap::new();
        let mut pages = self
            .dynamodb
            .scan()
            .table_name(&self.config.table)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(item) = pages.next().await {
            let item = item.unwrap();
            items.insert(item[ID].as_s().unwrap().clone(), item);
        }
        items
    }
}

async fn read(answer: hyper_util::client::legacy::ResponseFuture) -> Result<Answer, String> {
    let (parts, body) = answer
        .await
        .map_err(|error| format!("{error:?}"))?
        .into_parts();
    let body = body.collect().await.map_err(|error| format!("{error:?}"))?;
    Ok(Answer::new(parts.status, parts.headers, &body.to_bytes()))
}

type HttpClient = hyper_util::client::legacy::Client<HttpConnector, Body>;

fn http_client() -> Box<HttpClient> {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    Box::new(client.build_http())
}

async fn listen(store: Store) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let app = local::app(store, Hosts::any());
    let listener = listener.into_std().unwrap();
    SERVERS.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        axum::serve(listener, app).await
    });
    base_url
}

/// What a function's environment says on AWS.
fn environment(endpoint_url: &str, config: &Config) -> Vec<(String, String)> {
    let tables: Vec<_> = config
        .envelope_tables
        .iter()
        .map(|(logical, real)| format!("{logical}={real}"))
        .collect();
    [
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint_url.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
        ("TABLE_NAME", config.table.clone()),
        ("IDEMPOTENCY_TABLE_NAME", config.idempotency_table.clone()),
        ("ENVELOPE_TABLES", tables.join(",")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}
