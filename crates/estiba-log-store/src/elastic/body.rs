//! Bodies, packed or not, never longer than they may be.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use estiba_model::message;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::answer::Failure;
use crate::BodyFault;
use crate::whole_body::{forget, gather};

/// The room in memory that a body has, from its first piece until it is dropped.
///
/// It is taken piece by piece, of what all bodies have together. So whoever sends slowly
/// holds what came of it and no more: a place among a few would be held for as long as
/// somebody likes, and a few of them would keep everybody else out.
pub(super) struct Room {
    all: Option<Arc<Semaphore>>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room of what `all` have together, a byte each.
    pub(super) fn of(all: &Arc<Semaphore>) -> Self {
        Self {
            all: Some(Arc::clone(all)),
            taken: None,
        }
    }

    /// Room for a body that is short.
    pub(super) fn of_its_own() -> Self {
        Self {
            all: None,
            taken: None,
        }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Stopped> {
        let Some(all) = &self.all else {
            return Ok(());
        };
        let bytes = u32::try_from(bytes).map_err(|_| Stopped::NoRoom)?;
        // Nobody waits for room while holding some: all might wait for one another.
        let more = Arc::clone(all)
            .try_acquire_many_owned(bytes)
            .map_err(|_| Stopped::NoRoom)?;
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

/// Why a body is not read on.
enum Stopped {
    Fault(BodyFault),
    NoRoom,
}

impl From<BodyFault> for Stopped {
    fn from(fault: BodyFault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads a body as it came, all of which has to be there within `time`: a piece now and
/// then would else hold the room of those before it for ever.
pub(super) async fn read(
    body: Body,
    most: usize,
    time: Duration,
    room: &mut Room,
) -> Result<Bytes, Failure> {
    let mut pieces = body.into_data_stream();
    let gathered = gather(&mut pieces, most, |bytes| room.take(bytes));
    let stopped = match timeout(time, gathered).await {
        Ok(Ok(whole)) => return Ok(whole),
        Ok(Err(stopped)) => stopped,
        Err(_) => return Err(too_slow(time)),
    };
    room.taken = None;
    let failure = match stopped {
        Stopped::Fault(BodyFault::Broken(_)) => {
            return Err(Failure::wrong(&message!(
                "the body ended before it was whole",
                "el cuerpo terminó antes de estar completo"
            )));
        }
        Stopped::Fault(BodyFault::TooLong) => Failure::too_large(most),
        Stopped::NoRoom => Failure::later(&message!(
            "too many bodies are on their way at once: send again",
            "hay demasiados cuerpos en camino a la vez: reenvía"
        )),
    };
    forget(pieces).await;
    Err(failure)
}

fn too_slow(time: Duration) -> Failure {
    Failure::new(
        StatusCode::REQUEST_TIMEOUT,
        "timeout_exception",
        &message!(
            "the body was not whole within {time:?}: send it in parts",
            "el cuerpo no estuvo completo en {time:?}: envíalo por partes"
        ),
    )
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    None,
    Gzip,
    Zlib,
    Zstd,
}

impl Packing {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let Some(named) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Self::None);
        };
        let named = named
            .to_str()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match named.as_str() {
            "" | "identity" => Ok(Self::None),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" | "zlib" => Ok(Self::Zlib),
            "zstd" => Ok(Self::Zstd),
            _ => Err(Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media_type_header_exception",
                &message!(
                    "{named}: bodies may be packed with gzip, deflate or zstd",
                    "{named}: los cuerpos se pueden comprimir con gzip, deflate o zstd"
                ),
            )),
        }
    }

    /// Unpacks bit by bit; reading more than `most` bytes is an error.
    pub(super) fn unpack(
        self,
        packed: &[u8],
        most: usize,
    ) -> io::Result<Box<dyn io::BufRead + '_>> {
        let most = most as u64;
        Ok(match self {
            Self::None => Box::new(packed),
            Self::Gzip => Box::new(BufReader::new(Bounded::new(
                MultiGzDecoder::new(packed),
                most,
            ))),
            Self::Zlib => Box::new(BufReader::new(Bounded::new(ZlibDecoder::new(packed), most))),
            Self::Zstd => {
                let decoder = StreamingDecoder::new(packed).map_err(io::Error::other)?;
                Box::new(BufReader::new(Bounded::new(decoder, most)))
            }
        })
    }

    /// Unpacks at once what is short.
    pub(super) fn whole(self, packed: &[u8], most: usize) -> Result<Vec<u8>, Failure> {
        let mut whole = Vec::new();
        self.unpack(packed, most)
            .and_then(|mut unpacked| unpacked.read_to_end(&mut whole))
            .map_err(|error| unreadable(&error, most))?;
        Ok(whole)
    }
}

/// Why a body can't be unpacked.
pub(super) fn unreadable(error: &io::Error, most: usize) -> Failure {
    if error.kind() == io::ErrorKind::FileTooLarge {
        return Failure::too_large(most);
    }
    Failure::wrong(&message!(
        "the body can't be unpacked: {error}",
        "no se puede descomprimir el cuerpo: {error}"
    ))
}

struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R> Bounded<R> {
    fn new(inner: R, left: u64) -> Self {
        Self { inner, left }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self
            .left
            .checked_sub(read as u64)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}
