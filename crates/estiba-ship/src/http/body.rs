//! Bodies, within bounds of size, time and memory.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A longer body is refused.
pub(super) const LONGEST: usize = 1 << 20;

/// Compressed ones are, once they are read, no longer than this.
const LONGEST_INFLATED: u64 = 4 << 20;

/// A body that takes longer is refused: whoever sends a byte a second must not
/// hold a connection.
const LIMIT: Duration = Duration::from_secs(20);

/// All bodies together have so much room; whoever finds none comes back.
const ROOM: usize = 4 << 20;

/// Room is given in pieces of this many bytes.
const PIECE: usize = 1 << 10;

/// Room for bodies.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

/// A body, in room that is free again when it is dropped.
pub(super) struct Body {
    pub(super) bytes: Bytes,
    room: Option<OwnedSemaphorePermit>,
}

impl Room {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ROOM / PIECE)))
    }

    /// Reads all of a body. Room is taken as it comes, so that slow senders hold
    /// little.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Body, StatusCode> {
        let read = tokio::time::timeout(LIMIT, self.collect(body)).await;
        let mut body = read.map_err(|_| StatusCode::REQUEST_TIMEOUT)??;
        match headers
            .get(CONTENT_ENCODING)
            .map(http::HeaderValue::as_bytes)
        {
            None | Some(b"identity") => {}
            Some(b"gzip") => {
                body.bytes = inflate(&body.bytes)?;
                let room = self.take(body.bytes.len().div_ceil(PIECE))?;
                body.room = Some(room);
            }
            Some(_) => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        }
        Ok(body)
    }

    fn take(&self, pieces: usize) -> Result<OwnedSemaphorePermit, StatusCode> {
        let pieces = u32::try_from(pieces).map_err(|_| StatusCode::PAYLOAD_TOO_LARGE)?;
        let room = Arc::clone(&self.0).try_acquire_many_owned(pieces);
        room.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }

    async fn collect(&self, mut body: Incoming) -> Result<Body, StatusCode> {
        let mut bytes = BytesMut::new();
        let mut room: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > LONGEST {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            bytes.extend_from_slice(&data);
            let has = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let more = bytes.len().div_ceil(PIECE).saturating_sub(has);
            if more > 0 {
                let more = self.take(more)?;
                match &mut room {
                    Some(room) => room.merge(more),
                    None => room = Some(more),
                }
            }
        }
        Ok(Body {
            bytes: bytes.freeze(),
            room,
        })
    }
}

fn inflate(body: &[u8]) -> Result<Bytes, StatusCode> {
    let mut inflated = Vec::new();
    flate2::read::MultiGzDecoder::new(body)
        .take(LONGEST_INFLATED + 1)
        .read_to_end(&mut inflated)
        .map_err(|_| StatusCode::BAD_REQUEST)?;
    if inflated.len() as u64 > LONGEST_INFLATED {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    Ok(inflated.into())
}
