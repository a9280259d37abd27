//! What Heroku's registry lets in: whoever has the key, to apps that are theirs, and
//! images in Docker's own format alone. Heroku: "The Heroku Container Registry only
//! supports Docker Image Manifest V2, Schema 2 … It doesn't support other manifest types".

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;

use crate::gate::has_key;
use crate::world::Shared;

/// The one manifest that is taken.
pub(crate) const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn refused(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message }] });
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        "docker-distribution-api-version",
        HeaderValue::from_static("registry/2.0"),
    );
    if status == StatusCode::UNAUTHORIZED {
        let ask = HeaderValue::from_static("Basic realm=\"registry.heroku.com\"");
        headers.insert(header::WWW_AUTHENTICATE, ask);
    }
    response
}

/// `/v2/APP/TYPE/…`.
fn app_of(path: &str) -> Option<&str> {
    let mut parts = path.strip_prefix("/v2/")?.split('/');
    parts.next().filter(|app| !app.is_empty())
}

fn is_pushed_manifest(request: &Request) -> bool {
    request.method() == Method::PUT && request.uri().path().contains("/manifests/")
}

fn has_good_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|one| one.to_str().ok());
    host.is_some_and(|host| host.parse::<Authority>().is_ok())
}

fn media(headers: &HeaderMap) -> &str {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|one| one.to_str().ok());
    media.unwrap_or_default()
}

/// Passes a request on, or refuses it.
pub(crate) async fn pass(State(world): State<Shared>, mut request: Request) -> Response {
    if !has_key(request.headers(), &world.options.key) {
        let message = "authentication required";
        return refused(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
    }
    let path = request.uri().path();
    if let Some(app) = app_of(path)
        && world.state().app(app).is_err()
    {
        let message = "requested access to the resource is denied";
        return refused(StatusCode::FORBIDDEN, "DENIED", message);
    }
    if is_pushed_manifest(&request) && media(request.headers()) != MANIFEST {
        let message = "The operation is unsupported.";
        return refused(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message);
    }
    let query = request
        .uri()
        .path_and_query()
        .map_or("/", |one| one.as_str());
    let to = format!("http://127.0.0.1:{}{query}", world.images.port());
    let Ok(to) = to.parse::<Uri>() else {
        return refused(StatusCode::BAD_REQUEST, "UNSUPPORTED", "no such address");
    };
    *request.uri_mut() = to;
    request.headers_mut().remove(header::AUTHORIZATION);
    if !has_good_host(request.headers()) {
        // The command of Heroku has one where HEROKU_HOST is an address with its scheme.
        request.headers_mut().remove(header::HOST);
    }
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    match client.request(request).await {
        Ok(response) => response.into_response(),
        Err(error) => refused(StatusCode::BAD_GATEWAY, "UNKNOWN", &error.to_string()),
    }
}
