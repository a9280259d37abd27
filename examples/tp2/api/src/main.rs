//! Keeps notes in PostgreSQL and offers them over HTTP.
//!
//! `api` serves; `api migrate` brings the database up to date and ends.

mod config;
mod http;
mod migrate;
mod notes;

use std::error::Error;
use std::process::ExitCode;

use config::Config;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("api: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(config.log_level)
        .init();
    match std::env::args().nth(1).as_deref() {
        None => serve(config).await,
        Some("migrate") => migrate::run(&config.database).await.map_err(Into::into),
        Some(other) => Err(format!("unknown argument {other:?}; the only one is `migrate`").into()),
    }
}

async fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let mut stop = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(("0.0.0.0", config.port)).await?;
    tracing::info!(port = config.port, version = config.version, "listening");
    axum::serve(listener, http::router(&config))
        // No new connections from here on; requests in flight are answered.
        .with_graceful_shutdown(async move {
            stop.recv().await;
            tracing::info!("stopping");
        })
        .await?;
    tracing::info!("stopped");
    Ok(())
}
