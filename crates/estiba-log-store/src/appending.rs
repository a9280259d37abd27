//! The thread that writes what is appended to the write-ahead log.

use std::io;
use std::sync::{Arc, mpsc};

use rustix::fs::statvfs;
use tokio::sync::oneshot;

use crate::AppendError;
use crate::indexing::Held;
use crate::locked::locked;
use crate::shared::Shared;
use crate::store::Appended;

/// Lines that wait to be written.
pub(crate) struct Request {
    pub(crate) frames: Vec<Held>,
    pub(crate) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// Runs until nobody can append any more. All that waits is written together, so
/// that many requests share one flush of the disk.
pub(crate) fn run(shared: &Arc<Shared>, requests: &mpsc::Receiver<Request>) {
    while let Ok(first) = requests.recv() {
        let mut group = vec![first];
        group.extend(requests.try_iter());
        write(shared, group);
    }
}

fn write(shared: &Shared, mut group: Vec<Request>) {
    let frames = group
        .iter_mut()
        .flat_map(|request| request.frames.iter_mut().map(|held| &mut held.frame));
    let written = has_room(shared).and_then(|()| {
        locked(&shared.wal)
            .append(frames)
            .map_err(|error| refusal(&error))
    });
    if let Err(error) = written {
        tracing::warn!(%error, "logs are refused");
        for request in group {
            let _ = request.answer.send(Err(again(&error)));
        }
        return;
    }
    let mut answers = Vec::with_capacity(group.len());
    let mut held = Vec::new();
    for request in group {
        answers.push((request.answer, appended(&request.frames)));
        held.extend(request.frames);
    }
    let bytes = held.iter().map(|held| held.frame.size()).sum();
    shared.waiting.expect(bytes);
    for (answer, appended) in answers {
        let _ = answer.send(Ok(appended));
    }
    for held in &held {
        shared.followers.tell(&held.frame);
    }
    shared.waiting.push(held);
}

fn appended(frames: &[Held]) -> Appended {
    Appended {
        first_sequence: frames.first().map_or(0, |held| held.frame.first_sequence),
        lines: frames.iter().map(|held| held.frame.len()).sum(),
    }
}

/// The index needs room too: without some to spare, nothing more is taken.
fn has_room(shared: &Shared) -> Result<(), AppendError> {
    let disk = statvfs(&shared.folder).map_err(|error| refusal(&error.into()))?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < shared.options.reserve_bytes {
        return Err(AppendError::DiskFull);
    }
    Ok(())
}

fn refusal(error: &io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            AppendError::DiskFull
        }
        _ => AppendError::Write(error.to_string()),
    }
}

fn again(error: &AppendError) -> AppendError {
    match error {
        AppendError::DiskFull => AppendError::DiskFull,
        other => AppendError::Write(other.to_string()),
    }
}
