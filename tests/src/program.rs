//! Local mode as a user starts it: the program, what it prints, and the service that it serves.

use std::ffi::OsStr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::functions::program;
use crate::service::Service;

/// How long the program may take to start or to end.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The running program.
#[derive(Debug)]
pub struct Program {
    process: Child,
    /// The service that it serves.
    pub service: Service,
    /// What it printed until it listened, that line included.
    pub greeting: Vec<String>,
}

/// What a program that has ended leaves.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Program {
    /// Starts it with these arguments, on any free port.
    pub async fn start<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self::start_with(arguments, Stdio::null()).await
    }

    pub async fn start_with<A: AsRef<OsStr>>(
        arguments: impl IntoIterator<Item = A>,
        stderr: Stdio,
    ) -> Self {
        let mut process = command()
            .args(["--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut greeting = Vec::new();
        let (mut url, mut engine) = (None, String::new());
        while url.is_none() {
            let line = tokio::time::timeout(TIMEOUT, lines.next_line()).await;
            let line = line.expect("it does not start").unwrap().expect("it ended");
            url = line.strip_prefix("listening on ").map(str::to_owned);
            if let Some(endpoint) = line.strip_prefix("DynamoDB endpoint ") {
                endpoint.clone_into(&mut engine);
            }
            greeting.push(line);
        }
        // What it prints later goes nowhere, and is no broken pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self {
            process,
            service: Service::at(&url.unwrap(), &engine).await,
            greeting,
        }
    }

    /// Runs it to its end.
    pub async fn run<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Ended {
        let process = command()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = tokio::time::timeout(TIMEOUT, process.wait_with_output()).await;
        let output = output.expect("it does not end").unwrap();
        Ended {
            status: output.status,
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// `kill -9`: it can do nothing about it.
    pub async fn kill(&self) {
        self.signal("-KILL").await;
    }

    /// Ctrl-C.
    pub async fn interrupt(&self) {
        self.signal("-INT").await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        let kill = Command::new("kill").args([signal, &id]).status().await;
        assert!(kill.unwrap().success());
    }

    /// Waits for its end.
    pub async fn wait(mut self) -> ExitStatus {
        let ended = tokio::time::timeout(TIMEOUT, self.process.wait()).await;
        ended.expect("it does not end").unwrap()
    }

    /// All that it has written to standard error, once it has ended.
    pub async fn stderr(&mut self) -> String {
        let mut text = String::new();
        let stderr = self.process.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut text).await.unwrap();
        text
    }
}

/// Without credentials: it must ask nobody for any.
fn command() -> Command {
    let mut command = Command::new(program());
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_PROFILE")
        .env_remove("RUST_LOG")
        .kill_on_drop(true);
    command
}
