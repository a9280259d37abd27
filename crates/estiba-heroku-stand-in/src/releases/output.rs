//! What a release phase writes, for as many readers as there are.
//!
//! Source: <https://devcenter.heroku.com/articles/release-phase>

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use tokio::sync::watch;

use crate::world::Shared;

/// The output so far, and whether there will be more.
#[derive(Debug)]
pub(crate) struct Output {
    text: Mutex<Vec<u8>>,
    state: watch::Sender<Written>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Written {
    bytes: usize,
    ended: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            text: Mutex::default(),
            state: watch::channel(Written::default()).0,
        }
    }
}

impl Output {
    pub(crate) fn line(&self, line: &str) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        let bytes = text.len();
        self.state.send_modify(|state| state.bytes = bytes);
    }

    pub(crate) fn end(&self) {
        self.state.send_modify(|state| state.ended = true);
    }

    fn after(&self, read: usize) -> Bytes {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        Bytes::copy_from_slice(&text[read..])
    }
}

/// Reads to the end of the release phase.
pub(crate) async fn stream_output(State(world): State<Shared>, Path(id): Path<String>) -> Response {
    let Some(output) = world.state().outputs.get(&id).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let watching = output.state.subscribe();
    let pieces = stream::try_unfold(
        (output, watching, 0),
        |(output, mut watching, read)| async move {
            let more = watching
                .wait_for(|state| state.bytes > read || state.ended)
                .await;
            // The sender lives as long as `output`.
            drop(more.map_err(std::io::Error::other)?);
            let piece = output.after(read);
            let read = read + piece.len();
            let more = (!piece.is_empty()).then_some((piece, (output, watching, read)));
            Ok::<_, std::io::Error>(more)
        },
    );
    (
        [(header::CONTENT_TYPE, "text/plain")],
        Body::from_stream(pieces),
    )
        .into_response()
}
