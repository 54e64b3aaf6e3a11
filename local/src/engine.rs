//! The embedded DynamoDB engine: DynamoDB's API on SQLite, in this process, on a loopback port.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use common::store::client;
use dynoxide::Database;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::server::serve_with_shutdown;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The database file in the data folder, and the file that says that a process has it open.
const DATABASE_FILE: &str = "orders.sqlite";
const LOCK_FILE: &str = "lock";
/// The engine forgets expired items only when told to.
const SWEEP_PERIOD: Duration = Duration::from_mins(1);
/// How long it may take to let requests under way finish.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A running engine. It stops when it is dropped.
#[derive(Debug)]
pub struct Engine {
    endpoint_url: String,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    sweeper: JoinHandle<()>,
    /// Held as long as the engine has the folder.
    _lock: Option<File>,
}

impl Engine {
    /// An engine whose tables go with it.
    ///
    /// # Errors
    ///
    /// One line that says what could not be had.
    pub async fn in_memory() -> Result<Self, String> {
        let database =
            Database::memory().map_err(|error| format!("the engine does not start: {error}"))?;
        Self::serve(database, None).await
    }

    /// An engine whose tables are in this folder, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// A folder that can't be written or that another process has open; a file in it that is no database.
    pub async fn open(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| {
            format!(
                "the data folder {} can't be made: {error}",
                folder.display()
            )
        })?;
        let lock = lock(folder)?;
        let path = folder.join(DATABASE_FILE);
        let unusable = |error| format!("the database {} can't be used: {error}", path.display());
        let text = path
            .to_str()
            .ok_or_else(|| unusable("its path is not UTF-8".to_owned()))?;
        let database = Database::new(text).map_err(|error| unusable(error.to_string()))?;
        // Reads the tables' names: what is no database shows here at the latest.
        database
            .list_tables(ListTablesRequest::default())
            .map_err(|error| unusable(error.to_string()))?;
        Self::serve(database, Some(lock)).await
    }

    async fn serve(database: Database, lock: Option<File>) -> Result<Self, String> {
        let unreachable = |error| format!("the engine gets no port: {error}");
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .map_err(unreachable)?;
        let endpoint_url = format!("http://{}", listener.local_addr().map_err(unreachable)?);
        let (stop, stopped) = oneshot::channel();
        let sweeper = tokio::spawn(sweep(database.clone()));
        let server = tokio::spawn(async move {
            let until = async {
                // A dropped engine stops too.
                let _ = stopped.await;
            };
            if let Err(error) = serve_with_shutdown(listener, database, until).await {
                tracing::error!(error, "the engine failed");
            }
        });
        Ok(Self {
            endpoint_url,
            stop: Some(stop),
            server,
            sweeper,
            _lock: lock,
        })
    }

    /// Where any DynamoDB client reaches it.
    #[must_use]
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// A client of this engine, which knows no credentials but made-up ones.
    pub async fn client(&self) -> Client {
        client_of(&self.endpoint_url).await
    }

    /// Lets requests under way finish, and closes the database.
    pub async fn shutdown(mut self) {
        self.sweeper.abort();
        drop(self.stop.take());
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, &mut self.server)
            .await
            .is_err()
        {
            tracing::warn!("the engine still had requests under way");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

/// A client for a DynamoDB-compatible server that asks for no real credentials.
pub async fn client_of(endpoint_url: &str) -> Client {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint_url)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "made up"));
    client(loader).await
}

/// One process a folder: the engine would let two of them write side by side.
fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join(LOCK_FILE);
    let file = File::create(&path).map_err(|error| {
        format!(
            "the data folder {} can't be written: {error}",
            folder.display()
        )
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(format!(
            "the data folder {} is open in another process",
            folder.display()
        )),
        Err(TryLockError::Error(error)) => {
            Err(format!("{} can't be locked: {error}", path.display()))
        }
    }
}

async fn sweep(database: Database) {
    let mut period = tokio::time::interval(SWEEP_PERIOD);
    loop {
        period.tick().await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || {
            database.sweep_ttl().map_err(|error| error.to_string())
        })
        .await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(error, "expired items could not be swept");
        }
    }
}
