//! From sources to batches: read while there is room, send while the sink is free.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::batch::{Batch, Mark, Shape};
use crate::files::{Files, Filled};
use crate::inbox::Chunk;
use crate::metrics::Metrics;
use crate::sender::Done;
use crate::spool::Spool;

/// A chunk that found no room is tried again after this time, if nothing says
/// earlier that there is.
const TRIED_AGAIN: Duration = Duration::from_millis(500);

/// So much room is kept where nothing is read, in bytes.
const SMALL_BATCH: usize = 64 << 10;

/// What feeds the sink.
pub(crate) struct Pipeline {
    pub(crate) files: Option<Files>,
    pub(crate) spool: Option<Spool>,
    pub(crate) chunks: mpsc::Receiver<Chunk>,
    /// Tasks that give chunks.
    pub(crate) sources: JoinSet<()>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) ends_with_sources: bool,
    pub(crate) batches: mpsc::Sender<Batch>,
    pub(crate) done: mpsc::Receiver<Done>,
    pub(crate) shape: Shape,
    pub(crate) linger: Duration,
    pub(crate) drain: Duration,
    /// How long files have to be silent at the end.
    pub(crate) quiet: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

/// How a pipeline came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Everything that was read is acknowledged.
    Whole,
    /// Not everything: so many documents are lost. What else is left is in files and
    /// the disk buffer, or whoever posted it has it.
    OutOfTime { lost: u64 },
}

/// What changes while a pipeline runs.
struct State {
    batch: Batch,
    /// Room for the next batch: there is one where the sender is free.
    spare: Option<Vec<u8>>,
    /// How many documents of the batch, and of the one that is being sent, nobody else has.
    at_stake: u64,
    sent_at_stake: u64,
    /// When the batch's first document came.
    began: Option<Instant>,
    /// A chunk that has no room yet.
    held: Option<Chunk>,
    /// What a chunk lacked that came last and was not taken.
    lack: Option<Lack>,
    told_of_lack: bool,
    chunks_are_open: bool,
    /// Set when it was told to end.
    end: Option<End>,
}

/// Why a chunk was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// There is no room for so many bytes.
    Room(usize),
    /// The disk buffer can't be written to; whether it can be again, the next one tells.
    Disk,
}

/// The end of a pipeline.
#[derive(Debug, Clone, Copy)]
struct End {
    told: Instant,
    /// Until when files may still grow. What is left is for delivering.
    read_until: Instant,
    /// Until when what is left is delivered.
    deadline: Instant,
    /// Nothing more is read than what is there.
    drains: bool,
}

impl State {
    /// A chunk of so many bytes was taken; a larger one may have no room still.
    fn took(&mut self, taken: usize) {
        let is_left = |lack: &Lack| matches!(lack, Lack::Room(bytes) if *bytes > taken);
        self.lack = self.lack.filter(is_left);
    }

    fn new(shape: Shape) -> Self {
        Self {
            batch: Batch::new(Vec::new(), shape),
            spare: Some(Vec::new()),
            at_stake: 0,
            sent_at_stake: 0,
            began: None,
            held: None,
            lack: None,
            told_of_lack: false,
            chunks_are_open: true,
            end: None,
        }
    }
}

impl Pipeline {
    /// Runs until `shutdown` is ready, or all sources have ended, and what was read
    /// then is delivered.
    pub(crate) async fn run(mut self, shutdown: impl Future<Output = ()>) -> Ended {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut state = State::new(self.shape);
        loop {
            while let Ok(done) = self.done.try_recv() {
                self.take_back(&mut state, done);
            }
            self.end_reading_where_quiet(&mut state);
            let more = self.fill(&mut state);
            self.hand_over(&mut state, more).await;
            if state.end.is_some_and(|end| end.drains) && self.is_finished(&state, more) {
                return Ended::Whole;
            }
            let is_busy = more && !state.batch.is_full();
            let step = tokio::select! {
                biased;
                step = self.wait(&mut state, shutdown.as_mut()) => step,
                // Sending goes on in between.
                () = tokio::task::yield_now(), if is_busy => ControlFlow::Continue(()),
            };
            if step.is_break() {
                let lost = self.metrics.at_stake();
                if lost == 0 {
                    tracing::warn!("out of time: what is left is shipped after the next start");
                }
                return Ended::OutOfTime { lost };
            }
        }
    }

    /// Reads what there is room for; whether there is more to read.
    fn fill(&mut self, state: &mut State) -> bool {
        self.take_chunks(state);
        let mut more = false;
        if !state.batch.is_full()
            && let Some(spool) = &mut self.spool
        {
            match spool.fill(&mut state.batch) {
                Ok(left) => more |= left,
                Err(error) => tracing::warn!("cannot read the disk buffer: {error}"),
            }
        }
        if let Some(files) = &mut self.files {
            files.look(&mut state.batch);
            if !state.batch.is_full() {
                more |= files.fill(&mut state.batch) == Filled::More;
            }
        }
        if state.batch.documents > 0 {
            state.began.get_or_insert_with(Instant::now);
        } else if !more && state.batch.body.capacity() > SMALL_BATCH && state.spare.is_some() {
            // Nothing goes on: what a burst needed is given back.
            state.batch.body = Vec::new();
            state.spare = Some(Vec::new());
        }
        self.tell_of_room(state);
        more
    }

    fn take_chunks(&mut self, state: &mut State) {
        loop {
            let Some(chunk) = state.held.take().or_else(|| self.chunks.try_recv().ok()) else {
                break;
            };
            // Whoever waited for it has given up, and will send it again.
            if chunk
                .reply
                .as_ref()
                .is_some_and(tokio::sync::oneshot::Sender::is_closed)
            {
                continue;
            }
            match &mut self.spool {
                Some(spool) if !spool.has_room(chunk.documents.len()) => {
                    state.lack = Some(Lack::Room(chunk.documents.len()));
                    state.held = Some(chunk);
                    break;
                }
                Some(spool) => {
                    let (taken, at_stake) = (chunk.documents.len(), chunk.at_stake());
                    let Chunk { documents, reply } = chunk;
                    if let Err((error, reply)) = spool.append(&documents, reply) {
                        tracing::warn!("cannot write to the disk buffer: {error}");
                        state.lack = Some(Lack::Disk);
                        state.held = Some(Chunk { documents, reply });
                        break;
                    }
                    state.took(taken);
                    self.metrics.safe.add(at_stake);
                }
                None if state.batch.is_full() => {
                    state.lack = Some(Lack::Room(chunk.documents.len()));
                    state.held = Some(chunk);
                    break;
                }
                None => {
                    state.took(chunk.documents.len());
                    state.at_stake += chunk.at_stake();
                    for line in chunk.documents.split_inclusive(|byte| *byte == b'\n') {
                        state.batch.add(|out| {
                            out.extend_from_slice(line);
                            true
                        });
                    }
                    state.batch.marks.extend(chunk.reply.map(Mark::Reply));
                }
            }
        }
    }

    /// Says when nothing more is taken, and when something is again.
    fn tell_of_room(&self, state: &mut State) {
        self.metrics.batch_bytes.set(state.batch.body.len() as u64);
        // Whoever sent what has no room may have gone: that makes none.
        let has_room = match (state.lack, &self.spool) {
            (Some(Lack::Room(bytes)), Some(spool)) => spool.has_room(bytes),
            (Some(Lack::Room(_)), None) => !state.batch.is_full(),
            (Some(Lack::Disk) | None, _) => false,
        };
        if has_room && state.held.is_none() {
            state.lack = None;
        }
        let lacks = state.lack.is_some();
        // What can't be written to is tried with the next that comes.
        let refuses = state.held.is_some() || (lacks && state.lack != Some(Lack::Disk));
        self.metrics.refuses.store(refuses, Ordering::Relaxed);
        if std::mem::replace(&mut state.told_of_lack, lacks) != lacks {
            if lacks {
                tracing::warn!("no room for more lines that come in: they have to wait");
            } else {
                tracing::info!("there is room again for lines that come in");
            }
        }
        let is_stuck = state.batch.is_full() && self.metrics.sink_down.load(Ordering::Relaxed);
        if self.metrics.full.swap(is_stuck, Ordering::Relaxed) != is_stuck {
            if is_stuck {
                tracing::warn!("nothing more is read until the sink takes lines");
            } else {
                tracing::info!("lines are read again");
            }
        }
    }

    async fn hand_over(&mut self, state: &mut State, more: bool) {
        let is_due = state.batch.is_full()
            || (!more
                && (state.end.is_some()
                    || state.batch.documents == 0
                    || state
                        .began
                        .is_some_and(|began| began.elapsed() >= self.linger)));
        if state.batch.is_empty() || !is_due {
            return;
        }
        let Some(room) = state.spare.take() else {
            return;
        };
        let batch = std::mem::replace(&mut state.batch, Batch::new(room, self.shape));
        state.began = None;
        state.sent_at_stake = std::mem::take(&mut state.at_stake);
        // The sender is free, so there is a place; one that failed has ended all.
        let _ = self.batches.send(batch).await;
    }

    fn take_back(&mut self, state: &mut State, done: Done) {
        state.spare = Some(done.room);
        self.metrics
            .safe
            .add(std::mem::take(&mut state.sent_at_stake));
        if let (Some(spool), Some(position)) = (&mut self.spool, done.spool)
            && let Err(error) = spool.acknowledged(position)
        {
            tracing::warn!("cannot tidy the disk buffer: {error}");
        }
    }

    fn is_finished(&mut self, state: &State, more: bool) -> bool {
        !more
            && self.sources.is_empty()
            && self.chunks.is_empty()
            && state.held.is_none()
            && state.batch.is_empty()
            && state.spare.is_some()
            && self.spool.as_ref().is_none_or(Spool::is_idle)
    }

    /// Waits until there is something to do; `Break` where there is no more time.
    async fn wait(
        &mut self,
        state: &mut State,
        shutdown: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> ControlFlow<()> {
        let is_full = state.batch.is_full();
        let lingers_until = state
            .began
            .filter(|_| state.spare.is_some())
            .map(|began| began + self.linger);
        let takes_chunks =
            state.chunks_are_open && state.held.is_none() && (self.spool.is_some() || !is_full);
        let quiet_at = self.quiet_at(state);
        tokio::select! {
            Some(done) = self.done.recv() => self.take_back(state, done),
            chunk = self.chunks.recv(), if takes_chunks => match chunk {
                Some(chunk) => state.held = Some(chunk),
                None => state.chunks_are_open = false,
            },
            () = changed(&mut self.files, !is_full) => {}
            synced = synced(&mut self.spool) => {
                if let Err(error) = synced {
                    tracing::warn!("cannot flush the disk buffer: {error}");
                }
            }
            () = until(lingers_until) => {}
            () = tokio::time::sleep(TRIED_AGAIN), if state.held.is_some() => {}
            ended = self.sources.join_next(), if !self.sources.is_empty() => {
                if let Some(Err(error)) = ended {
                    tracing::error!("a source failed: {error}");
                }
                if self.ends_with_sources && self.is_last_of_sources() {
                    self.begin_to_end(state);
                }
            }
            () = shutdown, if state.end.is_none() => self.begin_to_end(state),
            () = until(quiet_at) => {}
            () = until(state.end.map(|end| end.deadline)) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Whether only the door for questions is left.
    fn is_last_of_sources(&self) -> bool {
        self.chunks.is_closed() || self.chunks.sender_strong_count() == 0
    }

    fn begin_to_end(&mut self, state: &mut State) {
        if state.end.is_some() {
            return;
        }
        let told = Instant::now();
        state.end = Some(End {
            told,
            read_until: told + self.drain / 5 * 4,
            deadline: told + self.drain,
            drains: false,
        });
        // Nobody listens where there is no source but files.
        let _ = self.stop.send(true);
        self.end_reading_where_quiet(state);
    }

    /// Until when files are followed, once it was told to end.
    fn quiet_at(&self, state: &State) -> Option<Instant> {
        let end = state.end.filter(|end| !end.drains)?;
        let files = self.files.as_ref().filter(|_| !self.quiet.is_zero());
        let quiet_at = files.map(|files| files.quiet_at(end.told, self.quiet));
        Some(quiet_at.unwrap_or(end.told).min(end.read_until))
    }

    fn end_reading_where_quiet(&mut self, state: &mut State) {
        let now = Instant::now();
        if self.quiet_at(state).is_some_and(|at| at <= now)
            && let Some(end) = &mut state.end
        {
            end.drains = true;
            if let Some(files) = &mut self.files {
                files.drain();
            }
        }
    }
}

async fn changed(files: &mut Option<Files>, may_read: bool) {
    match files {
        Some(files) => files.changed(may_read).await,
        None => std::future::pending().await,
    }
}

async fn synced(spool: &mut Option<Spool>) -> std::io::Result<()> {
    match spool {
        Some(spool) => spool.synced().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
