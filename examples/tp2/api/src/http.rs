//! What is answered at which path.

use std::time::Instant;

use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use crate::config::Config;
use crate::notes::{DatabaseError, Note, Notes};

/// Larger bodies are refused with 413.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// As the database checks it too.
const MAX_NOTE_CHARS: usize = 280;

pub fn router(config: &Config) -> Router {
    let version = config.version.clone();
    let mut router = Router::new()
        .route(
            "/version",
            get(async move || Json(json!({ "version": version }))),
        )
        .route("/health", get(health))
        .route("/notes", get(list).post(add))
        .route("/notes/{id}", delete(remove));
    if config.enable_reset {
        router = router.route("/reset", post(reset));
    }
    router
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn(log))
        .with_state(Notes::new(&config.database))
}

async fn health(State(notes): State<Notes>) -> Response {
    match notes.ping().await {
        Ok(()) => Json(json!({ "database": "up" })).into_response(),
        Err(error) => {
            tracing::warn!(%error, "the database does not answer");
            let body = Json(json!({ "database": "down" }));
            (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
        }
    }
}

async fn list(State(notes): State<Notes>) -> Result<Json<Vec<Note>>, Failure> {
    Ok(Json(notes.newest().await?))
}

#[derive(Deserialize)]
struct NewNote {
    text: String,
}

async fn add(
    State(notes): State<Notes>,
    body: Result<Json<NewNote>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(new) = body?;
    let note = notes.add(valid(&new.text)?).await?;
    let location = format!("/notes/{}", note.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(note)).into_response())
}

async fn remove(
    State(notes): State<Notes>,
    id: Result<Path<i64>, PathRejection>,
) -> Result<StatusCode, Failure> {
    let Path(id) = id?;
    if notes.remove(id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Failure::asked(
            StatusCode::NOT_FOUND,
            "there is no such note",
        ))
    }
}

async fn reset(State(notes): State<Notes>) -> Result<StatusCode, Failure> {
    notes.remove_all().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn valid(text: &str) -> Result<&str, Failure> {
    let text = text.trim();
    let wrong = if text.is_empty() {
        "text is empty".to_owned()
    } else if text.chars().count() > MAX_NOTE_CHARS {
        format!("text is longer than {MAX_NOTE_CHARS} characters")
    } else if text.contains('\0') {
        "text has a NUL, which PostgreSQL cannot keep".to_owned()
    } else {
        return Ok(text);
    };
    Err(Failure::asked(StatusCode::UNPROCESSABLE_ENTITY, wrong))
}

/// A request that came to nothing: `{"error": …}` with its status.
struct Failure {
    status: StatusCode,
    error: String,
}

impl Failure {
    fn asked(status: StatusCode, error: impl Into<String>) -> Self {
        let error = error.into();
        Self { status, error }
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Self {
        Self::asked(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(rejection: PathRejection) -> Self {
        Self::asked(rejection.status(), rejection.body_text())
    }
}

/// The reason is for the log; who asked cannot do anything about it.
impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        tracing::error!(%error, "the database failed");
        let error = "the database does not answer".to_owned();
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            error,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.error }))).into_response()
    }
}

/// One line a request. Probes ask all the time: theirs is for `debug`.
async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let ms = start.elapsed().as_secs_f64() * 1000.0;
    if matches!(path.as_str(), "/health" | "/version") {
        tracing::debug!(%method, path, status, ms, "request");
    } else {
        tracing::info!(%method, path, status, ms, "request");
    }
    response
}
