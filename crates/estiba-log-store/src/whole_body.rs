//! Bodies of requests, whole in memory and never longer than they may be.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::time::timeout;

/// So much of a body that is refused is read and forgotten, for so long: whoever still
/// sends does not see the answer when the connection is closed on it, and a shipper that
/// sees it sends less at once.
const MOST_FORGOTTEN_BYTES: usize = 256 << 20;
const FORGETTING: Duration = Duration::from_secs(10);

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// It is longer than it may be.
    #[error("it is too long")]
    TooLong,
    /// It ended before it was whole.
    #[error(transparent)]
    Broken(axum::Error),
}

/// Reads a body of at most `most` bytes.
///
/// # Errors
/// When it is longer, or breaks.
pub async fn whole_body(body: Body, most: usize) -> Result<Bytes, BodyFault> {
    let mut pieces = body.into_data_stream();
    let whole = gather(&mut pieces, most, |_| Ok(())).await;
    if let Err(BodyFault::TooLong) = whole {
        forget(pieces).await;
    }
    whole
}

/// Puts the pieces of a body together. `room` is asked for that of each before it is kept.
pub(crate) async fn gather<E: From<BodyFault>>(
    pieces: &mut BodyDataStream,
    most: usize,
    mut room: impl FnMut(usize) -> Result<(), E>,
) -> Result<Bytes, E> {
    let mut whole = BytesMut::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(BodyFault::Broken)?;
        if whole.len() + piece.len() > most {
            return Err(BodyFault::TooLong.into());
        }
        room(piece.len())?;
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// Reads what is left of a body that was refused.
pub(crate) async fn forget(mut pieces: BodyDataStream) {
    let forgetting = async {
        let mut left = MOST_FORGOTTEN_BYTES;
        while let Some(Ok(piece)) = pieces.next().await {
            match left.checked_sub(piece.len()) {
                Some(less) => left = less,
                None => return,
            }
        }
    };
    drop(timeout(FORGETTING, forgetting).await);
}
