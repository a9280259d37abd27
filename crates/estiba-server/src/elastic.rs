//! The store of logs at `/elastic`, for shippers and for what reads Elasticsearch. It is
//! no part of `/api/v1`: bodies are longer, and refusals look as Elasticsearch's do.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use estiba_log_store::elastic::{Access, Credentials, Grant, Refused, Writer, router};
use http::{StatusCode, Uri, header};
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::auth::{Principal, address};
use crate::problem::Problem;
use crate::state::App;

/// Where it is.
const PREFIX: &str = "/elastic";
/// A body that stands still for this long is given up.
const BODY_SILENCE: Duration = Duration::from_secs(30);

/// The routes below [`PREFIX`].
pub(crate) fn mounted(app: &App) -> Router<App> {
    let endpoint = Endpoint {
        app: app.clone(),
        router: Arc::default(),
    };
    let ask = || any(ask).with_state(endpoint.clone());
    Router::new()
        .route(PREFIX, ask())
        .route("/elastic/", ask())
        .route("/elastic/{*path}", ask())
        .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE))
        .layer(CatchPanicLayer::custom(|_| {
            unavailable(StatusCode::INTERNAL_SERVER_ERROR)
        }))
}

/// The store's own routes, made when this process has the store.
#[derive(Clone)]
struct Endpoint {
    app: App,
    router: Arc<OnceLock<Router>>,
}

async fn ask(State(Endpoint { app, router: made }): State<Endpoint>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let from = address(&parts, &app);
    if let Err(problem) = app.rate.check(from) {
        return refused(problem);
    }
    let store = match app.logs.store() {
        Ok(store) => store,
        Err(_) => return unavailable(StatusCode::SERVICE_UNAVAILABLE),
    };
    let Some(uri) = within(&parts.uri) else {
        return unavailable(StatusCode::BAD_REQUEST);
    };
    let router = made.get_or_init(|| {
        let access = Arc::new(ByToken(app.clone()));
        router(Arc::clone(store), access, app.logs.elastic_settings())
    });
    // Nothing of this server's own routing goes along.
    let mut inner = http::Request::new(body);
    *inner.method_mut() = parts.method;
    *inner.uri_mut() = uri;
    *inner.version_mut() = parts.version;
    *inner.headers_mut() = parts.headers;
    let response = match router.clone().oneshot(inner).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    metrics::counter!("estiba_logs_requests_total", "status" => status.as_u16().to_string())
        .increment(1);
    if status == StatusCode::UNAUTHORIZED
        && let Err(problem) = app.guesses.check(from)
    {
        return refused(problem);
    }
    response
}

/// The address as the store's routes have it.
fn within(uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix(PREFIX)?;
    let rest = if rest.starts_with('/') {
        rest.to_owned()
    } else {
        format!("/{rest}")
    };
    rest.parse().ok()
}

/// A refusal with the waiting time that a problem says.
fn refused(problem: Problem) -> Response {
    let problem = problem.into_response();
    let mut response = unavailable(problem.status());
    if let Some(wait) = problem.headers().get(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, wait.clone());
    }
    response
}

/// As Elasticsearch refuses; every client of it knows the header.
fn unavailable(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("refused");
    let body = serde_json::json!({
        "error": { "type": "estiba_exception", "reason": reason },
        "status": status.as_u16(),
    });
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        ("x-elastic-product", "Elasticsearch"),
    ];
    (status, headers, Body::from(body.to_string())).into_response()
}

/// By the tokens of this server.
struct ByToken(App);

#[async_trait]
impl Access for ByToken {
    async fn grant(&self, credentials: Option<Credentials>) -> Result<Grant, Refused> {
        let credentials = credentials.ok_or(Refused::Unknown)?;
        let found = Principal::of_token(&self.0, &credentials.token, None).await;
        let principal = found
            .map_err(|_| Refused::Unavailable)?
            .map_err(|_| Refused::Unknown)?;
        let write = principal.log_origin().map(|forced| Writer {
            forced,
            ..Writer::default()
        });
        Ok(Grant {
            write,
            read: principal.seen_logs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_taken_away() {
        for (from, to) in [
            ("/elastic", "/"),
            ("/elastic/", "/"),
            ("/elastic?pretty", "/?pretty"),
            ("/elastic/_bulk?timeout=1m", "/_bulk?timeout=1m"),
            ("/elastic/logs-%2A/_search", "/logs-%2A/_search"),
        ] {
            assert_eq!(within(&from.parse().unwrap()).unwrap(), to);
        }
    }
}
