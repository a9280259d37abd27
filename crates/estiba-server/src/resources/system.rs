//! About the server itself.

use axum::Json;
use axum::extract::State;
use estiba_api::{Problem as Document, VersionView};
use http::header;

use crate::problem::Problem;
use crate::state::App;

/// Which Estiba this is.
#[utoipa::path(get, path = "/version", tag = "server", security(()), responses(
    (status = 200, body = VersionView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn version() -> Json<VersionView> {
    Json(VersionView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Whether this server can work: its state answers.
#[utoipa::path(get, path = "/health", tag = "server", security(()), responses(
    (status = 200, body = str, content_type = "text/plain"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn health(State(app): State<App>) -> Result<&'static str, Problem> {
    app.store().last_happening().await?;
    Ok("ok\n")
}

/// Figures for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server", security(()), responses(
    (status = 200, body = str, content_type = "text/plain"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn metrics(
    State(app): State<App>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let kind = "text/plain; version=0.0.4";
    app.logs.measure();
    if let Ok(store) = app.logs.store() {
        app.forwarding.measure(store).await;
    }
    ([(header::CONTENT_TYPE, kind)], app.metrics.render())
}
