//! Bodies, packed or not, never longer than they may be.

use std::io::{self, BufReader, Read};

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use estiba_model::message;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use super::answer::Failure;
use crate::{BodyFault, whole_body};

/// Reads a body as it came.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Failure> {
    whole_body(body, most).await.map_err(|fault| match fault {
        BodyFault::TooLong => Failure::too_large(most),
        BodyFault::Broken(_) => Failure::wrong(&message!(
            "the body ended before it was whole",
            "el cuerpo terminó antes de estar completo"
        )),
    })
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
