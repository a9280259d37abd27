//! Requests for logs: a session, and its lines as text or as events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{Line, Session};
use crate::error::ApiError;
use crate::ids::{new_id, now};
use crate::world::Shared;

/// How many lines are given where nobody asks for another number.
const USUAL_LINES: usize = 100;

#[derive(Debug, Deserialize)]
pub(crate) struct New {
    lines: Option<usize>,
    tail: Option<bool>,
    source: Option<String>,
    /// What the command of Heroku calls `dyno_name`.
    dyno: Option<String>,
    dyno_name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

pub(crate) async fn create(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut state = world.state();
    let session = Session {
        logs: Arc::clone(&state.app(&identity)?.logs),
        lines: new.lines.unwrap_or(USUAL_LINES),
        tail: new.tail.unwrap_or_default(),
        source: new.source,
        process: new.dyno.or(new.dyno_name).or(new.kind),
    };
    let id = new_id();
    state.sessions.insert(id.clone(), session);
    let view = json!({
        "created_at": now(),
        "id": id,
        "logplex_url": world.api_url(&format!("/logs/{id}?srv=stand-in")),
        "updated_at": now(),
    });
    Ok((StatusCode::CREATED, Json(view)))
}

/// Lines of a session. A reader that asks for events gets those.
pub(crate) async fn read(
    State(world): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(session) = world.state().sessions.get(&id).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|one| one.to_str().ok());
    let events = accepts.is_some_and(|accepts| accepts.contains("text/event-stream"));
    let (last, following) = session.logs.read(&session);
    let last = stream::iter(last);
    let lines = if session.tail {
        last.chain(follow(session, following, world.ending.clone()))
            .boxed()
    } else {
        last.boxed()
    };
    let written = lines.map(move |line| Ok::<_, Infallible>(written(&line, events)));
    let media = if events {
        "text/event-stream"
    } else {
        "text/plain"
    };
    ([(header::CONTENT_TYPE, media)], Body::from_stream(written)).into_response()
}

fn written(line: &Line, as_event: bool) -> String {
    match as_event {
        true => format!("id: {}\ndata: {}\n\n", new_id(), line.text),
        false => format!("{}\n", line.text),
    }
}

fn follow(
    session: Session,
    following: tokio::sync::broadcast::Receiver<Line>,
    ending: CancellationToken,
) -> impl stream::Stream<Item = Line> + Send {
    stream::unfold(
        (session, following, ending),
        |(session, mut following, ending)| async move {
            loop {
                let next = tokio::select! {
                    next = following.recv() => next,
                    () = ending.cancelled() => return None,
                };
                match next {
                    Ok(line) if session.wants(&line) => {
                        return Some((line, (session, following, ending)));
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        },
    )
}
