//! What comes before every request of the API: who asks, how often, and what a test
//! wants to go wrong.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#authentication>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#rate-limits>

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::ApiError;
use crate::faults::{Fault, status};
use crate::ids::new_id;
use crate::world::Shared;

/// The media type without which the API refuses to answer.
const MEDIA: &str = "application/vnd.heroku+json; version=3";

/// Whether a request has the key, as a bearer or as a password.
pub(crate) fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|one| one.to_str().ok());
    let Some((scheme, given)) = given.and_then(|given| given.split_once(' ')) else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return given == key;
    }
    let pair = STANDARD
        .decode(given)
        .ok()
        .and_then(|pair| String::from_utf8(pair).ok());
    pair.is_some_and(|pair| {
        pair.split_once(':')
            .is_some_and(|(_, password)| password == key)
    })
}

fn refusal(world: &Shared, headers: &HeaderMap, remaining: Option<u32>) -> Option<ApiError> {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|one| one.to_str().ok());
    if !has_key(headers, &world.options.key) {
        let message = "Invalid credentials provided.";
        return Some(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            message,
        ));
    }
    if remaining.is_none() {
        let message = "Your account reached the API limit. Please wait a few minutes before making new requests";
        return Some(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limit",
            message,
        ));
    }
    if world.faults.is_suspended() {
        let message = "Your account has been suspended.";
        return Some(ApiError::new(StatusCode::FORBIDDEN, "suspended", message));
    }
    if !accepts.is_some_and(|accepts| accepts.contains(MEDIA)) {
        let message = "Please specify a version along with Heroku's API MIME type, such as \
             `Accept: application/vnd.heroku+json; version=3`.";
        return Some(ApiError::new(
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            message,
        ));
    }
    None
}

/// The middleware.
pub(crate) async fn pass(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let remaining = world.faults.take_request();
    let fault = world.faults.take(request.method(), request.uri().path());
    let mut response = match (fault, refusal(&world, request.headers(), remaining)) {
        (Some(Fault::Answer(code)), _) => {
            let message = "An error occurred. Please try again in a few minutes.";
            ApiError::new(status(code), "internal_server_error", message).into_response()
        }
        (_, Some(refusal)) => refusal.into_response(),
        (fault, None) => {
            let response = next.run(request).await;
            if fault == Some(Fault::LoseAnswer) {
                lost(response)
            } else {
                response
            }
        }
    };
    let left = HeaderValue::from(remaining.unwrap_or_default());
    response.headers_mut().insert("ratelimit-remaining", left);
    if let Ok(id) = HeaderValue::from_str(&new_id()) {
        response.headers_mut().insert("request-id", id);
    }
    response
}

/// The same answer, of which nothing arrives.
fn lost(response: Response) -> Response {
    let (parts, _) = response.into_parts();
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let once = futures::stream::once(std::future::ready(Err::<Bytes, _>(broken)));
    Response::from_parts(parts, Body::from_stream(once))
}
