//! What every answer has: the request's number, the headers of OWASP's list
//! (<https://owasp.org/www-project-secure-headers/>), an ETag, and problems in the
//! language that was asked for.

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estiba_api::Problem as Document;
use estiba_model::{Digest, Lang};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

use crate::auth::address;
use crate::extract::language;
use crate::state::App;

/// The header with a request's number, on the way in and out.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer answers have no ETag.
const MOST_TAGGED_BYTES: usize = 1 << 20;
/// The longest number of a request that is taken over from whoever asks.
const LONGEST_ID: usize = 64;

const SECURITY: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Numbers the request, limits how many come from one address, and completes the
/// answer.
pub(crate) async fn complete(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let lang = language(request.headers());
    let reads_pages = reads_pages(request.headers());
    let tagged = request.method() == Method::GET;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let (parts, body) = request.into_parts();
    let from = address(&parts, &app);
    let line = (parts.method.clone(), parts.uri.path().to_owned());
    let mut response = match app.rate.check(from) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    };
    if content_type(&response) == "application/problem+json" {
        let page_of = reads_pages.then_some(line.1.as_str());
        response = in_language(response, lang, &id, page_of).await;
    } else if tagged && may_be_tagged(&response) {
        response = with_tag(response, known.as_ref()).await;
    }
    let status = response.status().as_u16();
    let (method, path) = line;
    tracing::info!(%method, path, status, request_id = id, "answered");
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn content_type(response: &Response) -> &str {
    let value = response.headers().get(header::CONTENT_TYPE);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// A whole document that is not too long to be hashed.
fn may_be_tagged(response: &Response) -> bool {
    let size = response.body().size_hint().exact();
    response.status() == StatusCode::OK
        && content_type(response) == "application/json"
        && size.is_some_and(|bytes| bytes <= MOST_TAGGED_BYTES as u64)
}

fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= LONGEST_ID
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given
        .filter(is_plain)
        .map_or_else(|| format!("{:032x}", rand::random::<u128>()), str::to_owned)
}

/// Whether it is a browser that shows a page to a person.
fn reads_pages(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT);
    let accept = accept.and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

async fn in_language(response: Response, lang: Lang, id: &str, page_of: Option<&str>) -> Response {
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, MOST_TAGGED_BYTES).await.unwrap_or_default();
    let Ok(mut document) = serde_json::from_slice::<Document>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    let details: Vec<&str> = document.messages.iter().map(|m| m.text(lang)).collect();
    document.detail = details.join("; ");
    document.request_id = Some(id.to_owned());
    if let Some(page) = page_of.and_then(|path| crate::page::refusal(&document, lang, path)) {
        let (made, body) = page.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.extend(made.headers);
        return Response::from_parts(parts, body);
    }
    let text = serde_json::to_vec(&document).unwrap_or_default();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(text))
}

async fn with_tag(response: Response, known: Option<&HeaderValue>) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST_TAGGED_BYTES).await else {
        return crate::problem::Problem::internal().into_response();
    };
    let tag = format!("\"{}\"", Digest::of(&bytes).short());
    let is_known = known
        .and_then(|known| known.to_str().ok())
        .is_some_and(|known| {
            known
                .split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        });
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    parts.headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if is_known {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}
