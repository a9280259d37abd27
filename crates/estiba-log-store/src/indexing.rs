//! The thread that puts what is in the write-ahead log into the index.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::Environment;
use crate::locked::locked;
use crate::shared::Shared;
use crate::shelf::Sizes;
use crate::wal::{Frame, read_segment};

/// How often old partitions are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(30);
/// How long after a failure it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// So many bytes of lines are put into the index at once at most: while that lasts,
/// each takes several times its size in memory.
const AT_ONCE_BYTES: usize = 4 << 20;

/// What is on disk and not in the index yet. It holds the room in the queue.
#[derive(Default)]
pub(crate) struct Waiting {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    frames: Vec<Held>,
    bytes: usize,
    since: Option<Instant>,
    closing: bool,
    stuck: Option<String>,
}

/// A frame with the room that it has in the queue.
pub(crate) struct Held {
    pub(crate) frame: Frame,
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

impl Waiting {
    /// Counts frames that are on disk and come in a moment.
    pub(crate) fn expect(&self, bytes: usize) {
        locked(&self.state).bytes += bytes;
    }

    /// Adds frames that were [expected](Self::expect).
    pub(crate) fn push(&self, frames: Vec<Held>) {
        let mut state = locked(&self.state);
        state.frames.extend(frames);
        state.since.get_or_insert_with(Instant::now);
        self.changed.notify_all();
    }

    /// Lets the thread end once all is in the index.
    pub(crate) fn close(&self) {
        locked(&self.state).closing = true;
        self.changed.notify_all();
    }

    pub(crate) fn bytes(&self) -> usize {
        locked(&self.state).bytes
    }

    pub(crate) fn stuck(&self) -> Option<String> {
        locked(&self.state).stuck.clone()
    }

    /// What waits, once it waited long enough or is much, and no more of it than that;
    /// `None` at the end. It is empty where there is nothing to do for [`TIDY_EVERY`].
    fn take(&self, every: Duration, much: usize) -> Option<Vec<Held>> {
        let started = Instant::now();
        let mut state = locked(&self.state);
        loop {
            let ready = state.closing || state.bytes >= much;
            let left = match state.since {
                Some(since) => every.saturating_sub(since.elapsed()),
                None if state.closing => return None,
                None => TIDY_EVERY.saturating_sub(started.elapsed()),
            };
            if left.is_zero() || (ready && state.since.is_some()) {
                let some = enough(state.frames.iter().map(|held| &held.frame), much);
                let some = state.frames.drain(..some).collect();
                if state.frames.is_empty() {
                    state.since = None;
                }
                return Some(some);
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for some time, and answers whether the store is closed.
    pub(crate) fn is_closed_within(&self, time: Duration) -> bool {
        let still_open = |state: &mut State| !state.closing;
        let waited = self
            .changed
            .wait_timeout_while(locked(&self.state), time, still_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }

    fn done(&self, bytes: usize) {
        let mut state = locked(&self.state);
        state.bytes -= bytes;
        state.stuck = None;
    }

    /// Notes a failure and waits a little; answers whether the store is closing.
    fn failed(&self, why: String) -> bool {
        let mut state = locked(&self.state);
        if state.stuck.is_none() {
            tracing::error!(
                why,
                "logs can't be put into the index; they wait in the write-ahead log"
            );
        }
        state.stuck = Some(why);
        drop(state);
        self.is_closed_within(RETRY_AFTER)
    }
}

/// How many of the first frames have so many bytes together.
fn enough<'a>(frames: impl IntoIterator<Item = &'a Frame>, much: usize) -> usize {
    let mut bytes = 0;
    let small = |frame: &&Frame| {
        let is_room = bytes < much;
        bytes += frame.size();
        is_room
    };
    frames.into_iter().take_while(small).count()
}

/// Runs until the store is closed. What can't be put into the index then is for the
/// next process.
pub(crate) fn run(shared: &Arc<Shared>) {
    let options = &shared.options;
    let much = AT_ONCE_BYTES.min(options.queue_bytes / 2);
    let mut tidied = Instant::now();
    while let Some(frames) = shared.waiting.take(options.index_every, much) {
        let bytes = frames.iter().map(|held| held.frame.size()).sum();
        while let Err(error) = index(shared, frames.iter().map(|held| &held.frame)) {
            if shared.waiting.failed(error.to_string()) {
                return;
            }
        }
        shared.waiting.done(bytes);
        drop(frames);
        if tidied.elapsed() >= TIDY_EVERY {
            tidied = Instant::now();
            tidy(shared);
        }
    }
}

/// Puts into the index what an earlier process left in these segments of the log,
/// after the number `indexed`. It tells once it is done, or can't go on for now;
/// the answer is whether all is in.
pub(crate) fn recover(
    shared: &Shared,
    segments: impl Iterator<Item = PathBuf>,
    indexed: u64,
    tell: oneshot::Sender<()>,
) -> bool {
    let mut tell = Some(tell);
    for path in segments {
        while let Err(error) = recover_segment(shared, &path, indexed) {
            tell.take().map(|tell| tell.send(()));
            if shared.waiting.failed(error.to_string()) {
                return false;
            }
        }
    }
    shared.waiting.done(0);
    tell.take().map(|tell| tell.send(()));
    true
}

fn recover_segment(shared: &Shared, path: &Path, indexed: u64) -> tantivy::Result<()> {
    let (mut frames, _) = read_segment(path)?;
    frames.retain(|frame| frame.last_sequence() > indexed);
    let mut left = frames.as_slice();
    while !left.is_empty() {
        let (some, others) = left.split_at(enough(left, AT_ONCE_BYTES));
        index(shared, some.iter())?;
        left = others;
    }
    Ok(())
}

/// Puts frames into the index and trims the log. Doing it again changes nothing.
pub(crate) fn index<'a>(
    shared: &Shared,
    frames: impl Iterator<Item = &'a Frame>,
) -> tantivy::Result<()> {
    let mut of: BTreeMap<&Environment, Vec<&Frame>> = BTreeMap::new();
    let mut last = 0;
    for frame in frames {
        last = last.max(frame.last_sequence());
        of.entry(&frame.environment).or_default().push(frame);
    }
    let sizes = Sizes {
        index_memory_bytes: shared.options.index_memory_bytes,
        partition_bytes: shared.options.partition_bytes,
    };
    for (environment, frames) in &of {
        let shelf = shared.shelf(environment)?;
        shelf.write(frames, sizes, &shared.aside)?;
    }
    shared.grown.send_replace(());
    if last > 0
        && let Err(error) = locked(&shared.wal).trim(last)
    {
        tracing::warn!(%error, "the write-ahead log could not be trimmed");
    }
    Ok(())
}

/// Drops what is too old or too much, and what has been empty for long.
pub(crate) fn tidy(shared: &Shared) {
    let now = Timestamp::now().as_microsecond();
    let steady = locked(&shared.clock).is_steady(Instant::now(), now);
    for shelf in shared.shelves() {
        if let Err(error) = shelf.tidy(now, steady) {
            tracing::warn!(environment = %shelf.environment, %error, "old logs could not be dropped");
        }
    }
    shared.take_away_empty();
    shared.close_unused();
}
