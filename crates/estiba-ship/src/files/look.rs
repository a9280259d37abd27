//! Looking for files and at them: what is there, what grew, what is somewhere else.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::follow::Files;
use super::tracked::{Seen, Tracked, key_of};
use super::{Found, Print, discover, is_of_containers};
use crate::batch::{Batch, Mark};
use crate::checkpoint::{FileKey, FileRecord, KEPT};
use crate::fields::Fields;
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
        discover::scan(&self.groups, |metadata, file| {
            let key = key_of(&metadata);
            if !self.tracked.contains_key(&key) {
                found.push((key, file));
            }
        });
        let mut fresh = Vec::new();
        for (key, file) in found {
            if !self.tracked.contains_key(&key) {
                self.changed_at = began;
                self.found(key, &file, batch);
                fresh.push(key);
            }
        }
        self.find_noted(batch);
        self.note(&fresh);
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
    fn note(&mut self, fresh: &[FileKey]) {
        let mut marks = Vec::new();
        for key in fresh {
            let Some(tracked) = self.tracked.get_mut(key) else {
                continue;
            };
            if self.open.len() < self.patience.open_files && tracked.open(*key).unwrap_or(false) {
                self.open.push_back(*key);
            }
            marks.push(Mark::File(*key, Arc::new(tracked.record())));
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
        let group = &self.groups[found.group];
        for pattern in &group.globs {
            for folder in discover::folders(pattern, &found.named) {
                self.watch.add(folder);
            }
        }
        if let Some(folder) = path.parent() {
            self.watch.add(folder);
        }
        let fields = group.fields_of(&found.named);
        let is_of_containers = is_of_containers(group.format, &found.named.to_string_lossy());
        self.track(
            key,
            found.group,
            path.into(),
            is_of_containers,
            fields,
            batch,
        );
    }

    /// Follows a file from where it was read to, if it is the one that was.
    fn track(
        &mut self,
        key: FileKey,
        group: usize,
        path: Arc<Path>,
        is_of_containers: bool,
        fields: Option<Box<Fields>>,
        batch: &mut Batch,
    ) {
        let mut tracked = Tracked {
            group,
            path,
            is_of_containers,
            fields,
            print: Print::default(),
            cursor: Cursor::default(),
            seen: Seen::default(),
            changed_at: Instant::now(),
            waits: false,
            is_deleted: false,
            is_queued: false,
            is_unreadable: false,
            file: None,
        };
        if let Some(record) = self.noted.remove(&key) {
            (tracked.print, tracked.cursor) = (record.print, record.cursor);
            let is_it = File::open(&tracked.path).and_then(|file| {
                Ok(file.metadata()?.size() >= record.cursor.start()
                    && record.print.matches(&file)?)
            });
            // The name of before: what was rotated meanwhile is beside it.
            if matches!(is_it, Ok(false)) {
                self.began_anew(&mut tracked, &record, batch);
            }
        }
        self.tracked.insert(key, tracked);
    }

    /// Files that no glob finds any more: they were renamed while nobody looked.
    fn find_noted(&mut self, batch: &mut Batch) {
        let oldest = (jiff::Timestamp::now() - KEPT).as_second();
        for (key, record) in std::mem::take(&mut self.noted) {
            let path = discover::renamed(&record.path, key);
            let Some((path, group)) = path.zip(self.group_of(&record.path)) else {
                if record.at < oldest {
                    batch.marks.push(Mark::Gone(key));
                }
                continue;
            };
            self.noted.insert(key, Arc::clone(&record));
            let fields = self.groups[group].fields_of(&record.path);
            let is_of_containers =
                is_of_containers(self.groups[group].format, &record.path.to_string_lossy());
            self.track(key, group, path.into(), is_of_containers, fields, batch);
        }
    }

    fn group_of(&self, path: &Path) -> Option<usize> {
        let matches = |pattern: &String| {
            glob::Pattern::new(pattern).is_ok_and(|pattern| pattern.matches_path(path))
                || path.starts_with(discover::top(pattern))
        };
        self.groups
            .iter()
            .position(|group| group.globs.iter().any(matches))
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
        if before.cursor.start() == 0 {
            return;
        }
        if let Some((key, path)) = discover::copy_of(before, |key| self.tracked.contains_key(&key))
        {
            self.noted.insert(
                key,
                Arc::new(FileRecord {
                    path: path.as_path().into(),
                    ..before.clone()
                }),
            );
            let fields = tracked.fields.clone();
            self.track(
                key,
                tracked.group,
                path.into(),
                tracked.is_of_containers,
                fields,
                batch,
            );
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
