//! All files of a shipper: looked for, looked at, read in turns.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::look::Timer;
use super::tracked::{Seen, Tracked};
use super::watch::Watch;
use super::{Group, Patience, Print};
use crate::batch::{Batch, Mark};
use crate::checkpoint::{Checkpoints, FileKey, FileRecord};
use crate::document::Known;
use crate::framing::End;
use crate::metrics::Metrics;

/// A file is read in windows of so many bytes; larger ones only for an event that
/// needs it.
const WINDOW: usize = 256 << 10;

/// After so many bytes others have their turn.
const TURN: usize = 1 << 20;

/// Whether files are still open for writing is asked so often, at the end.
const ASKED_AGAIN: Duration = Duration::from_millis(100);

/// The files of all groups.
#[derive(Debug)]
pub(crate) struct Files {
    pub(super) groups: Vec<Group>,
    pub(super) patience: Patience,
    pub(super) tracked: HashMap<FileKey, Tracked>,
    /// Those that have something to read.
    pub(super) queue: VecDeque<FileKey>,
    /// Those that are open, oldest first; some may be closed by now.
    pub(super) open: VecDeque<FileKey>,
    /// What was noted of files that were not found yet.
    pub(super) noted: HashMap<FileKey, Arc<FileRecord>>,
    /// Those that were found and are still to be noted.
    pub(super) fresh: Vec<FileKey>,
    /// Files are noted when they are found, so that one which is renamed before
    /// anything of it was acknowledged is found again.
    pub(super) checkpoints: Option<Arc<Checkpoints>>,
    pub(super) watch: Watch,
    window: Vec<u8>,
    pub(super) scan: Timer,
    /// Whether files were looked for already.
    pub(super) is_scanned: bool,
    pub(super) poll: Timer,
    /// When the end of a file that waits means something else.
    pub(super) waits_until: Option<Instant>,
    pub(super) is_draining: bool,
    /// When something was last seen to change.
    pub(super) changed_at: Instant,
    pub(super) metrics: Arc<Metrics>,
}

/// What came of reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    /// There is more to read.
    More,
    /// Everything that is there was read.
    All,
}

enum Turn {
    More,
    AtEnd,
    /// The path leads elsewhere.
    Away,
}

impl Files {
    pub(crate) fn new(
        groups: Vec<Group>,
        patience: Patience,
        noted: HashMap<FileKey, Arc<FileRecord>>,
        checkpoints: Option<Arc<Checkpoints>>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let now = Instant::now();
        Self {
            watch: Watch::new(),
            checkpoints,
            groups,
            patience,
            tracked: HashMap::new(),
            queue: VecDeque::new(),
            open: VecDeque::new(),
            noted,
            fresh: Vec::new(),
            window: Vec::new(),
            scan: Timer::new(now),
            is_scanned: false,
            poll: Timer::new(now),
            waits_until: None,
            is_draining: false,
            changed_at: now,
            metrics,
        }
    }

    /// From now on what is at the end of a file is whole.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
        let now = Instant::now();
        (self.scan.due, self.poll.due) = (now, now);
    }

    /// When nothing more is to come after `told`, by what is known now: `quiet` after the
    /// last change; and while somebody has a file open to which it wrote, that is asked
    /// again a little later.
    pub(crate) fn quiet_at(&self, told: Instant, quiet: Duration) -> Instant {
        let silent = told.max(self.changed_at) + quiet;
        if self.watch.has_writers() {
            silent.max(Instant::now() + ASKED_AGAIN)
        } else {
            silent
        }
    }

    /// Puts events into the batch, until it is full or others should have a turn.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> Filled {
        let now = Instant::now();
        let read_at = jiff::Timestamp::now().to_string();
        let mut left = TURN;
        while left > 0 && !batch.is_full() {
            let Some(key) = self.queue.pop_front() else {
                return Filled::All;
            };
            let Some(mut tracked) = self.tracked.remove(&key) else {
                continue;
            };
            tracked.is_queued = false;
            match self.turn(key, &mut tracked, batch, &read_at, &mut left) {
                Ok(Turn::More) => {
                    tracked.is_queued = true;
                    self.queue.push_back(key);
                    self.tracked.insert(key, tracked);
                }
                Ok(Turn::AtEnd) => self.at_end(key, tracked, batch, now),
                Ok(Turn::Away) => self.find_again(key, tracked, batch),
                Err(error) => {
                    if !tracked.is_unreadable {
                        tracing::warn!("cannot read {}: {error}", tracked.path.display());
                    }
                    tracked.is_unreadable = true;
                    // It is tried again when everything is looked at.
                    tracked.seen = Seen::default();
                    self.tracked.insert(key, tracked);
                }
            }
        }
        if self.queue.is_empty() {
            Filled::All
        } else {
            Filled::More
        }
    }

    fn turn(
        &mut self,
        key: FileKey,
        tracked: &mut Tracked,
        batch: &mut Batch,
        read_at: &str,
        left: &mut usize,
    ) -> io::Result<Turn> {
        let was_open = tracked.file.is_some();
        if !tracked.open(key)? {
            return Ok(Turn::Away);
        }
        tracked.is_unreadable = false;
        if !was_open {
            self.opened(key);
        }
        let before = (tracked.print, tracked.cursor);
        self.know_again(tracked, batch)?;
        let result = self.read(tracked, batch, read_at, left);
        if before != (tracked.print, tracked.cursor) {
            batch.mark_file(key, tracked.record());
        }
        result
    }

    fn know_again(&mut self, tracked: &mut Tracked, batch: &mut Batch) -> io::Result<()> {
        let Some(file) = &tracked.file else {
            return Ok(());
        };
        let size = file.metadata()?.size();
        if size < tracked.cursor.start() || !tracked.print.matches(file)? {
            let before = tracked.record();
            self.began_anew(tracked, &before, batch);
        }
        if tracked.print.may_grow(size)
            && let Some(file) = &tracked.file
        {
            tracked.print = Print::of(file)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        tracked: &mut Tracked,
        batch: &mut Batch,
        read_at: &str,
        left: &mut usize,
    ) -> io::Result<Turn> {
        let Some(file) = tracked.file.as_ref() else {
            return Ok(Turn::Away);
        };
        let now = Instant::now();
        let group = &mut self.groups[tracked.origin.group];
        let assembler = if tracked.origin.is_of_containers {
            &mut group.container
        } else {
            &mut group.raw
        };
        let known = Known {
            fields: tracked.origin.fields.as_deref().unwrap_or(&group.fields),
            read_at,
            level: None,
        };
        let metrics = &self.metrics;
        let mut wanted = WINDOW;
        let turn = loop {
            self.window.resize(wanted, 0);
            let start = tracked.cursor.start();
            let length = read_full(file, &mut self.window, start)?;
            let at_end = length < wanted;
            let end = if at_end {
                tracked.end(now, &self.patience, self.is_draining)
            } else if wanted >= self.patience.largest_window {
                End::Full
            } else {
                End::Open
            };
            let mut events = 0;
            let taken = assembler.take(&self.window[..length], end, &mut tracked.cursor, |event| {
                events += 1;
                if !batch.add(|out| group.encoder.encode(&event, &known, out)) {
                    metrics.left_out.add(1);
                }
                if batch.is_full() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
            let advanced = tracked.cursor.start() - start;
            metrics.read.add(events);
            metrics.read_bytes.add(advanced);
            *left = left.saturating_sub(usize::try_from(advanced).unwrap_or(usize::MAX));
            if taken.stopped {
                break Turn::More;
            }
            if at_end {
                tracked.waits = taken.waits;
                break Turn::AtEnd;
            }
            if advanced == 0 {
                wanted = (wanted * 2).min(self.patience.largest_window);
            } else {
                wanted = WINDOW;
                if *left == 0 {
                    break Turn::More;
                }
            }
        };
        if self.window.len() > WINDOW {
            self.window.truncate(WINDOW);
            self.window.shrink_to_fit();
        }
        Ok(turn)
    }

    fn at_end(&mut self, key: FileKey, tracked: Tracked, batch: &mut Batch, now: Instant) {
        if tracked.waits {
            let due = tracked.due(now, &self.patience);
            self.waits_until = Some(self.waits_until.map_or(due, |until| until.min(due)));
        }
        // Whoever writes may still have it open.
        let is_over =
            tracked.is_deleted && now.duration_since(tracked.changed_at) >= self.patience.line;
        if is_over {
            batch.marks.push(Mark::Gone(key));
        } else {
            self.tracked.insert(key, tracked);
        }
    }

    /// Closes the one that was opened first where too many are open. What is
    /// removed while it is closed and not read is lost, which is said then.
    fn opened(&mut self, key: FileKey) {
        self.open.push_back(key);
        while self.open.len() > self.patience.open_files {
            let Some(oldest) = self.open.pop_front() else {
                break;
            };
            if let Some(tracked) = self.tracked.get_mut(&oldest) {
                tracked.file = None;
            }
        }
        self.metrics.open_files.set(self.open.len() as u64);
    }
}

fn read_full(file: &File, window: &mut [u8], start: u64) -> io::Result<usize> {
    let mut length = 0;
    while length < window.len() {
        match file.read_at(&mut window[length..], start + length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}
