//! `cargo run`: the orders service on this machine.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match local::cli::run(local::cli::Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            local::cli::say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
