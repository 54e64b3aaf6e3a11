//! Serving: the engine, the tables, the API, and an orderly end.

use std::future::IntoFuture;
use std::net::SocketAddr;
use std::time::Duration;

use common::clock::Clock;
use common::config::Config;
use common::store::Store;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::cli::{Serve, TABLE, client, print};
use crate::engine::Engine;
use crate::gateway::Hosts;
use crate::tables;

/// How long requests under way may take to finish at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves until it is told to stop.
///
/// # Errors
///
/// One line: a port in use, a folder that can't be written, a damaged database, a server out of reach.
pub async fn run(serve: &Serve) -> Result<(), String> {
    let in_use = |error| {
        format!(
            "{}:{} can't be listened on: {error}",
            serve.host, serve.port
        )
    };
    let listener = TcpListener::bind((serve.host.as_str(), serve.port))
        .await
        .map_err(in_use)?;
    let address = listener.local_addr().map_err(in_use)?;

    let engine = match (&serve.endpoint_url, serve.memory) {
        (Some(_), _) => None,
        (None, true) => Some(Engine::in_memory().await?),
        (None, false) => Some(Engine::open(&serve.data_dir).await?),
    };
    let client = match &engine {
        Some(engine) => engine.client().await,
        None => client(serve.endpoint_url.as_deref()).await,
    };
    let config = Config::for_table(TABLE);
    tables::create_missing(&client, &config).await?;

    let hosts = if address.ip().is_loopback() {
        Hosts::loopback_and(&serve.host)
    } else {
        Hosts::any()
    };
    let app = crate::app(Store::new(client, config, Clock::default()), hosts);
    let (stop, stopped) = oneshot::channel::<()>();
    let served = axum::serve(listener, app).with_graceful_shutdown(async {
        // A sender that is gone has said the same.
        let _ = stopped.await;
    });
    let server = tokio::spawn(served.into_future());
    if let Err(error) = print(&greeting(serve, engine.as_ref(), address)) {
        tracing::warn!(error);
    }

    wait_for_signal().await;
    tracing::info!("stopping: requests under way are finished; another signal stops at once");
    drop(stop);
    tokio::select! {
        finished = tokio::time::timeout(SHUTDOWN_TIMEOUT, server) => {
            if finished.is_err() {
                tracing::warn!("some requests did not finish in time");
            }
        }
        () = wait_for_signal() => return Ok(()),
    }
    if let Some(engine) = engine {
        engine.shutdown().await;
    }
    Ok(())
}

/// What a user wants to know, and last, once it answers, where.
fn greeting(serve: &Serve, engine: Option<&Engine>, address: SocketAddr) -> String {
    let url = format!("http://{address}");
    let data = match &serve.endpoint_url {
        Some(endpoint) => format!("data: DynamoDB endpoint {endpoint}"),
        None if serve.memory => "data: in memory".to_owned(),
        None => {
            let folder =
                std::path::absolute(&serve.data_dir).unwrap_or_else(|_| serve.data_dir.clone());
            format!("data: {}", folder.display())
        }
    };
    let endpoint = engine
        .map(|engine| format!("DynamoDB endpoint {}\n", engine.endpoint_url()))
        .unwrap_or_default();
    let order = r#"{"product":"Beautiful Jacket","price":78.89}"#;
    format!(
        "{data}\n{endpoint}listening on {url}\ntry: curl -s {url}/orders -H 'content-type: application/json' -d '{order}'\n\
         docs: {url}/docs\n"
    )
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => return tracing::error!(%error, "signals can't be waited for"),
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
