//! Looking for files and at them: what is there, what grew, what is somewhere else.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::follow::Files;
use super::tracked::{Origin, Seen, Tracked, key_of};
use super::{Found, Print, discover, is_of_containers};
use crate::batch::{Batch, Mark};
use crate::checkpoint::{FileKey, FileRecord};
use crate::framing::{Cursor, End};

/// Looking at all files may take one part in so many of the time.
const SHARE: u32 = 20;

/// When something is done again.
#[derive(Debug)]
pub(super) struct Timer {
    pub(super) due: Instant,
    done: Instant,
    took: Duration,
}

impl Timer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            due: now,
            done: now,
            took: Duration::ZERO,
        }
    }

    fn done(&mut self, began: Instant, every: Duration) {
        self.done = Instant::now();
        self.took = self.done - began;
        self.due = self.done + every.max(self.took * SHARE);
    }

    /// Something happened: it is done as soon as it may be.
    fn hurry(&mut self, pause: Duration) {
        self.due = self.due.min(self.done + pause.max(self.took * SHARE));
    }
}

impl Files {
    /// Looks for files and at them, where that is due. It goes on while nothing is
    /// read: what is renamed meanwhile has to be known.
    pub(crate) fn look(&mut self, batch: &mut Batch) {
        let now = Instant::now();
        if self.scan.due <= now {
            self.scan(batch, now);
        }
        if self.poll.due <= now
            || (!batch.is_full() && self.waits_until.is_some_and(|until| until <= now))
        {
            self.poll(batch, now);
        }
        self.note_fresh();
    }

    /// Waits until it is time to look; for what waits at the end of a file only
    /// where it could be read.
    pub(crate) async fn changed(&mut self, may_read: bool) {
        let due = self.scan.due.min(self.poll.due);
        let due = self
            .waits_until
            .filter(|_| may_read)
            .map_or(due, |until| until.min(due));
        tokio::select! {
            changes = self.watch.changed() => {
                self.changed_at = Instant::now();
                if changes.names {
                    self.scan.hurry(Duration::from_millis(250));
                }
                self.poll.hurry(Duration::from_millis(50));
            }
            () = tokio::time::sleep_until(due.into()) => {}
        }
    }

    fn scan(&mut self, batch: &mut Batch, began: Instant) {
        let mut found = Vec::new();
        let empty = discover::scan(&self.groups, |metadata, file| {
            let key = key_of(&metadata);
            if !self.tracked.contains_key(&key) {
                found.push((key, file));
            }
        });
        if !self.is_scanned {
            for pattern in empty {
                tracing::warn!("{pattern} leads to no file yet: it is waited for");
            }
        }
        self.is_scanned = true;
        for (key, file) in found {
            if !self.tracked.contains_key(&key) {
                self.changed_at = began;
                self.found(key, &file, batch);
            }
        }
        self.find_noted(batch);
        self.watch.retain_existing();
        for group in &self.groups {
            for pattern in &group.globs {
                self.watch.add(&discover::top(pattern));
            }
        }
        self.metrics.files.set(self.tracked.len() as u64);
        self.scan.done(began, Duration::from_secs(2));
        // What is new is looked at now.
        self.poll.due = began;
    }

    /// Opens and notes files that were not known before.
    fn note_fresh(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let mut marks = Vec::new();
        for key in std::mem::take(&mut self.fresh) {
            let Some(tracked) = self.tracked.get_mut(&key) else {
                continue;
            };
            if self.open.len() < self.patience.open_files && tracked.open(key).unwrap_or(false) {
                self.open.push_back(key);
            }
            // A copy that a rotation makes of it before it is read is known by this.
            if let Some(file) = &tracked.file
                && tracked.print.is_empty()
            {
                tracked.print = Print::of(file).unwrap_or_default();
            }
            marks.push(Mark::File(key, Arc::new(tracked.record())));
        }
        if let Some(checkpoints) = &self.checkpoints
            && let Err(error) = checkpoints.note(&marks)
        {
            tracing::warn!("cannot note files that were found: {error}");
        }
    }

    fn found(&mut self, key: FileKey, found: &Found, batch: &mut Batch) {
        // Its name may be a link, as Kubernetes has them; rotation is where it leads.
        let Ok(path) = std::fs::canonicalize(&found.named) else {
            return;
        };
        let Ok(named) = std::path::absolute(&found.named) else {
            return;
        };
        for pattern in &self.groups[found.group].globs {
            for folder in discover::folders(pattern, &found.named) {
                self.watch.add(folder);
            }
        }
        if let Some(folder) = path.parent() {
            self.watch.add(folder);
        }
        let path: Arc<Path> = path.into();
        let named = match *named == *path {
            true => Arc::clone(&path),
            false => named.into(),
        };
        let origin = self.origin(found.group, named, &found.named);
        self.track(key, path, origin, batch);
    }

    /// What a file is that its glob calls `shown`.
    pub(super) fn origin(&self, group: usize, named: Arc<Path>, shown: &Path) -> Origin {
        let of = &self.groups[group];
        Origin {
            group,
            named,
            is_of_containers: is_of_containers(of.format, &shown.to_string_lossy()),
            fields: of.fields_of(shown),
        }
    }

    /// Follows a file from where it was read to, if it is the one that was.
    pub(super) fn track(
        &mut self,
        key: FileKey,
        path: Arc<Path>,
        origin: Origin,
        batch: &mut Batch,
    ) {
        let mut tracked = Tracked::new(path, origin);
        self.fresh.push(key);
        if let Some(record) = self.noted.remove(&key) {
            (tracked.print, tracked.cursor) = (record.print, record.cursor);
            // The name of before: what was rotated meanwhile is beside it.
            if matches!(record.is_of(&tracked.path), Ok(false)) {
                self.began_anew(&mut tracked, &record, batch);
                self.find_rotated(&record, record.print, &tracked.origin, batch);
            } else if record.print.is_empty()
                && let Ok(print) = File::open(&tracked.path).and_then(|file| Print::of(&file))
            {
                // Nothing says whether it begins as it did.
                self.find_rotated(&record, print, &tracked.origin, batch);
            }
        }
        self.tracked.insert(key, tracked);
    }

    /// The file was truncated, or is another one with the same number. Where a
    /// rotation made a copy first, the rest is read from there.
    pub(super) fn began_anew(
        &mut self,
        tracked: &mut Tracked,
        before: &FileRecord,
        batch: &mut Batch,
    ) {
        tracing::info!("{} begins anew", tracked.path.display());
        self.metrics.truncated_files.add(1);
        (tracked.print, tracked.cursor, tracked.waits) =
            (Print::default(), Cursor::default(), false);
        if let Some((key, path)) = discover::copy_of(before, |key| self.tracked.contains_key(&key))
        {
            self.noted.insert(
                key,
                Arc::new(FileRecord {
                    path: path.as_path().into(),
                    ..before.clone()
                }),
            );
            self.track(key, path.into(), tracked.origin.clone(), batch);
            self.poll.due = Instant::now();
        }
    }

    fn poll(&mut self, batch: &mut Batch, now: Instant) {
        let mut away = Vec::new();
        let mut lag = 0;
        self.waits_until = None;
        for (key, tracked) in &mut self.tracked {
            match tracked.look(*key) {
                Ok(Some(metadata)) => {
                    let seen = Seen::of(&metadata);
                    tracked.is_deleted = metadata.nlink() == 0;
                    let waited = tracked.waits
                        && tracked.end(now, &self.patience, self.is_draining) != End::Open;
                    if seen != tracked.seen {
                        tracked.seen = seen;
                        tracked.changed_at = now;
                        self.changed_at = now;
                    } else if !waited && !tracked.is_deleted {
                        lag += tracked.lag();
                        continue;
                    }
                    if !tracked.is_queued {
                        tracked.is_queued = true;
                        self.queue.push_back(*key);
                    }
                    lag += tracked.lag();
                }
                Ok(None) => away.push(*key),
                Err(_) => {}
            }
            if tracked.waits {
                let due = tracked.due(now, &self.patience);
                self.waits_until = Some(self.waits_until.map_or(due, |until| until.min(due)));
            }
        }
        for key in away {
            if let Some(tracked) = self.tracked.remove(&key) {
                self.find_again(key, tracked, batch);
            }
        }
        self.metrics.lag_bytes.set(lag);
        let every = if self.watch.is_whole() {
            Duration::from_secs(1)
        } else {
            Duration::from_millis(250)
        };
        self.poll.done(now, every);
    }

    /// A file that is not open and not where it was.
    pub(super) fn find_again(&mut self, key: FileKey, mut tracked: Tracked, batch: &mut Batch) {
        if let Some(path) = discover::renamed(&tracked.path, key) {
            tracked.path = path.into();
            tracked.seen = Seen::default();
            self.tracked.insert(key, tracked);
            self.poll.due = Instant::now();
            return;
        }
        if tracked.lag() > 0 {
            tracing::warn!(
                "{} was removed before it was read: {} bytes are lost; more open files would help",
                tracked.path.display(),
                tracked.lag()
            );
        }
        batch.marks.push(Mark::Gone(key));
    }
}
