//! Answers that go on end when who asked for them may not have them any more.

use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::Principal;
use super::pipeline::is_identity_token;
use super::request::bearer;
use crate::state::App;

/// How often it is looked at whether a token still holds.
const EVERY: Duration = Duration::from_secs(10);

/// Ends an answer when the token is revoked, ends, or reaches something else than it did.
/// An identity token can't be revoked, and is shorter than what a pipeline may wait for.
pub(crate) async fn while_allowed(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    let is_revocable = bearer(request.headers()).is_some_and(|token| !is_identity_token(&token));
    if !is_revocable {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let mut asked = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let is_whole = response.body().size_hint().exact().is_some();
    if is_whole || !response.status().is_success() {
        return response;
    }
    match Principal::from_request_parts(&mut asked, &app).await {
        Ok(principal) => response.map(|body| {
            let lost = Box::pin(lost(app, asked, principal));
            Body::from_stream(body.into_data_stream().take_until(lost))
        }),
        Err(problem) => problem.into_response(),
    }
}

/// Waits until who asked is somebody else, or nobody.
async fn lost(app: App, asked: Parts, principal: Principal) {
    loop {
        tokio::time::sleep(EVERY).await;
        match Principal::from_request_parts(&mut asked.clone(), &app).await {
            Ok(now) if now == principal => {}
            // The database may be away for a while.
            Err(problem) if problem.status().is_server_error() => {}
            Ok(_) | Err(_) => return,
        }
    }
}
