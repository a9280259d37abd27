//! `Idempotency-Key`: a write that is sent again is answered as it was, and not
//! done again.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use estiba_model::{Digest, message};
use estiba_store::{Known, StoreError};
use http::{HeaderValue, Method, StatusCode, header};

use crate::auth::Principal;
use crate::problem::Problem;
use crate::state::App;

/// The longest body of a write that has a key.
const MOST_BYTES: usize = 2 << 20;
/// The longest answer that is kept.
const MOST_ANSWERED: usize = 32 << 20;
/// The longest key.
const LONGEST_KEY: usize = 255;

/// Does a write with a key once.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").cloned();
    match key {
        Some(key) if request.method() == Method::POST && is_of_api(&request) => {
            match keyed(&app, &key, request, next).await {
                Ok(response) => response,
                Err(problem) => problem.into_response(),
            }
        }
        _ => next.run(request).await,
    }
}

/// Pages have forms, and what they answer is not kept.
fn is_of_api(request: &Request) -> bool {
    request.uri().path().starts_with("/api/")
}

async fn keyed(
    app: &App,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key
        .to_str()
        .ok()
        .filter(|key| !key.is_empty() && key.len() <= LONGEST_KEY);
    let key = key.ok_or_else(|| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad-idempotency-key",
            message!(
                "Idempotency-Key has to be a text of 1 to {LONGEST_KEY} visible characters",
                "Idempotency-Key tiene que ser un texto de 1 a {LONGEST_KEY} caracteres visibles"
            ),
        )
    })?;
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, MOST_BYTES)
        .await
        .map_err(|_| Problem::too_large())?;
    // Who asks is part of it: nobody gets an answer that is another's.
    let principal = [header::AUTHORIZATION.as_str(), "estiba-chat-account"]
        .map(|name| {
            parts
                .headers
                .get(name)
                .map(HeaderValue::as_bytes)
                .unwrap_or_default()
        })
        .join(&b'\n');
    let principal = Digest::of(&principal);
    let what = [
        parts.method.as_str().as_bytes(),
        parts.uri.path().as_bytes(),
        &body,
    ]
    .join(&b'\n');
    let store = app.store();
    let known = store
        .claim_key(principal.hex(), key, Digest::of(&what).hex())
        .await?;
    // Who asks anew is let in by what is done; whose token was revoked gets no old answer.
    if known != Known::New {
        Principal::from_request_parts(&mut parts, app).await?;
    }
    match known {
        Known::New => {}
        Known::Answered { status, body } => {
            let status = StatusCode::from_u16(status).map_err(|_| Problem::internal())?;
            let mut response = (status, body).into_response();
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            return Ok(response);
        }
        Known::Underway => {
            return Err(Problem::conflict(message!(
                "the request with this Idempotency-Key is still being carried out",
                "el pedido con esta Idempotency-Key todavía está en curso"
            )));
        }
        Known::Other => {
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                message!(
                    "this Idempotency-Key was used for another request",
                    "esta Idempotency-Key se usó para otro pedido"
                ),
            ));
        }
    }
    // On a task of its own: whoever asked may hang up in the middle.
    let (app, key) = (app.clone(), key.to_owned());
    let done = tokio::spawn(async move {
        let response = next.run(Request::from_parts(parts, Body::from(body))).await;
        let (response, kept) = keep(&app, principal.hex(), &key, response).await;
        if let Err(error) = kept {
            tracing::warn!(%error, "an answer can't be kept");
        }
        response
    });
    done.await.map_err(|_| Problem::internal())
}

/// Keeps what was answered, where it is a document that was written; what comes bit by bit
/// may have no end.
async fn keep(
    app: &App,
    principal: &str,
    key: &str,
    response: Response,
) -> (Response, Result<(), StoreError>) {
    let store = app.store();
    if !response.status().is_success() || !is_document(&response) {
        return (response, store.free_key(principal, key).await);
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, MOST_ANSWERED).await else {
        let freed = store.free_key(principal, key).await;
        return (Problem::internal().into_response(), freed);
    };
    let text = String::from_utf8_lossy(&body);
    let kept = store.keep_answer(principal, key, parts.status.as_u16(), &text);
    let kept = kept.await;
    (Response::from_parts(parts, Body::from(body)), kept)
}

fn is_document(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_none_or(|kind| kind == "application/json")
}
