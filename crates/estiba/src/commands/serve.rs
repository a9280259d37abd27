//! `estiba serve`.

use std::collections::BTreeMap;
use std::path::Path;

use estiba_model::{Name, TargetConfig, message};
use estiba_server::Options;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::cli::Serve;
use crate::context::Context;
use crate::failure::Failure;

/// Answers the API until it is told to end.
pub async fn serve(context: &Context, serve: Serve) -> Result<(), Failure> {
    let engine = context.engine().await?;
    let options = Options {
        targets: serve.targets.as_deref().map(targets).transpose()?,
        behind_proxy: serve.behind_proxy,
        ..Options::default()
    };
    let address = serve.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        Failure::because(message!(
            "nothing can listen at {address}: {error}; choose another address with --listen",
            "no se puede escuchar en {address}: {error}; elija otra dirección con --listen"
        ))
    })?;
    log_to_stderr(context.output.json);
    let stop = when_told_to_end()?;
    let bound = listener.local_addr().unwrap_or(address);
    context.output.line(&message!(
        "listening on http://{bound}; its API is described at http://{bound}/api",
        "escuchando en http://{bound}; su API se describe en http://{bound}/api"
    ));
    context
        .output
        .json(&serde_json::json!({ "event": "listening", "address": bound }));
    estiba_server::serve(listener, engine, options, stop)
        .await
        .map_err(|error| Failure::because(error.message().clone()))
}

/// Cancelled when the process is told to end, by SIGTERM or from the keyboard.
pub fn when_told_to_end() -> Result<CancellationToken, Failure> {
    let unusable = |error: std::io::Error| Failure::file(Path::new("signals"), &error);
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// What happens, on standard error: text for people, JSON for programs.
pub fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_env("ESTIBA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber can't be: this runs once.
    let _ = match json {
        true => log.json().try_init(),
        false => log.try_init(),
    };
}

/// The targets that an operator allows.
fn targets(path: &Path) -> Result<BTreeMap<Name, TargetConfig>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    estiba_project::targets(path, &text).map_err(Failure::Findings)
}
