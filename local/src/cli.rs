//! The command line.

use std::error::Error;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use axum::http::Uri;
use clap::{Args, Parser, Subcommand};
use common::config::{DEFAULT_TABLE, has_credentials, region_is_set};
use common::store;
use tracing_subscriber::EnvFilter;

use crate::backfill::{self, Bookmark};
use crate::engine::client_of;
use crate::server;

/// The orders service on this machine: the whole API on an embedded DynamoDB engine.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

/// What `cargo run` does without a subcommand.
#[derive(Args, Clone, Debug)]
pub struct Serve {
    /// The address to listen on. Beyond loopback, anyone who reaches it can read and write orders.
    #[arg(long, default_value = "127.0.0.1")]
    pub host: String,
    /// The port to listen on; 0 for any free one.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The folder with the data.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
    /// Keep the data in memory: it goes with the process.
    #[arg(long, conflicts_with = "data_dir")]
    pub memory: bool,
    /// A DynamoDB-compatible server to use instead of the embedded engine. Missing tables are made.
    #[arg(long, value_name = "URL", value_parser = endpoint_url, conflicts_with_all = ["memory", "data_dir"])]
    pub endpoint_url: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Set the bookkeeping on the items of an adopted table, so that listings by date have them.
    Backfill(Backfill),
}

#[derive(Args, Debug)]
struct Backfill {
    /// The table.
    #[arg(long, value_name = "NAME")]
    table: String,
    /// A DynamoDB-compatible server; AWS, by the usual credentials, where none is given.
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    endpoint_url: Option<String>,
    /// The folder for the note of where it stopped.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data_dir: PathBuf,
}

/// Does what the command line says.
///
/// # Errors
///
/// One line for the user.
pub async fn run(arguments: Arguments) -> Result<(), String> {
    match arguments.command {
        None => {
            init_logging();
            server::run(&arguments.serve).await
        }
        Some(Command::Openapi) => print(&crate::openapi_json()),
        Some(Command::Backfill(arguments)) => run_backfill(&arguments).await,
    }
}

async fn run_backfill(arguments: &Backfill) -> Result<(), String> {
    let folder = &arguments.data_dir;
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("the folder {} can't be made: {error}", folder.display()))?;
    let client = client(arguments.endpoint_url.as_deref()).await;
    let bookmark = Bookmark::new(folder, &arguments.table);
    let done = backfill::run(&client, &arguments.table, &bookmark, |line| say(&line)).await;
    let done = done.map_err(|error| {
        format!("{error}\nwhat was done stays done: run it again to go on from there")
    })?;
    print(&format!("done: {done}\n"))
}

/// A client for this server: with the machine's credentials where it has some in its environment, else with
/// made-up ones. Without a server, for AWS, as any AWS tool finds it.
pub async fn client(endpoint_url: Option<&str>) -> Client {
    let Some(endpoint_url) = endpoint_url else {
        return store::client(aws_config::defaults(BehaviorVersion::latest())).await;
    };
    if !has_credentials() {
        return client_of(endpoint_url).await;
    }
    let loader = aws_config::defaults(BehaviorVersion::latest()).endpoint_url(endpoint_url);
    let loader = if region_is_set() {
        loader
    } else {
        loader.region(Region::new("us-east-1"))
    };
    store::client(loader).await
}

fn endpoint_url(text: &str) -> Result<String, String> {
    let url: Option<Uri> = text.parse().ok();
    let is_right = |url: &Uri| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.host().is_some_and(|host| !host.is_empty())
    };
    match url.filter(is_right) {
        Some(_) => Ok(text.to_owned()),
        None => Err("must be a URL such as http://127.0.0.1:8000".to_owned()),
    }
}

/// An error of the SDK with its causes, in one line.
pub fn explain(what: &str, error: &(impl Error + ProvideErrorMetadata)) -> String {
    if let (Some(code), message) = (error.code(), error.message()) {
        return [what, code, message.unwrap_or_default()].join(": ");
    }
    let mut causes: Vec<String> = vec![what.to_owned()];
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        // Many say what their cause says.
        if !causes.contains(&text) {
            causes.push(text);
        }
        cause = error.source();
    }
    causes.join(": ")
}

/// The table of local mode.
pub const TABLE: &str = DEFAULT_TABLE;

fn init_logging() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,local=info,common=info,dynoxide=error"));
    tracing_subscriber::fmt()
        // Where standard error can't be written, requests are served all the same.
        .log_internal_errors(false)
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

/// To standard output. A reader that has gone wants no more of it; anything else that keeps it from being written
/// is an error.
pub fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(format!("standard output can't be written: {error}"))
        }
        _ => Ok(()),
    }
}

/// To standard error, which need not be there.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
