//! A file that is followed.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{Patience, Print};
use crate::checkpoint::{FileKey, FileRecord};
use crate::fields::Fields;
use crate::framing::{Cursor, End};

/// What is known of one file. It is small, because there may be ten thousand.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) path: Arc<Path>,
    pub(super) origin: Origin,
    pub(super) print: Print,
    pub(super) cursor: Cursor,
    pub(super) seen: Seen,
    pub(super) changed_at: Instant,
    /// What is at its end is not whole.
    pub(super) waits: bool,
    pub(super) is_deleted: bool,
    pub(super) is_queued: bool,
    pub(super) is_unreadable: bool,
    pub(super) file: Option<File>,
}

/// What a file is, by the glob that leads to it.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) group: usize,
    /// The absolute name that its glob found it by.
    pub(super) named: Arc<Path>,
    pub(super) is_of_containers: bool,
    /// Where its name says more than its group.
    pub(super) fields: Option<Box<Fields>>,
}

/// By what a change shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Seen {
    pub(super) size: u64,
    modified: (i64, i64),
}

impl Seen {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

pub(super) fn key_of(metadata: &Metadata) -> FileKey {
    FileKey {
        device: metadata.dev(),
        inode: metadata.ino(),
    }
}

impl Tracked {
    pub(super) fn new(path: Arc<Path>, origin: Origin) -> Self {
        Self {
            path,
            origin,
            print: Print::default(),
            cursor: Cursor::default(),
            seen: Seen::default(),
            changed_at: Instant::now(),
            waits: false,
            is_deleted: false,
            is_queued: false,
            is_unreadable: false,
            file: None,
        }
    }

    /// What there is of the file now; nothing where its path leads elsewhere.
    pub(super) fn look(&self, key: FileKey) -> io::Result<Option<Metadata>> {
        if let Some(file) = &self.file {
            return file.metadata().map(Some);
        }
        match std::fs::metadata(&self.path) {
            Ok(metadata) => Ok(Some(metadata).filter(|metadata| key_of(metadata) == key)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens the file where it is not; `false` where its path leads elsewhere.
    pub(super) fn open(&mut self, key: FileKey) -> io::Result<bool> {
        if self.file.is_some() {
            return Ok(true);
        }
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_it = key_of(&file.metadata()?) == key;
        self.file = is_it.then_some(file);
        Ok(is_it)
    }

    /// What its end means, by how long nothing came.
    pub(super) fn end(&self, now: Instant, patience: &Patience, is_draining: bool) -> End {
        let silence = now.duration_since(self.changed_at);
        if is_draining || silence >= patience.line {
            End::All
        } else if silence >= patience.event {
            End::Lines
        } else {
            End::Open
        }
    }

    /// When its end means something else.
    pub(super) fn due(&self, now: Instant, patience: &Patience) -> Instant {
        let event = self.changed_at + patience.event;
        if event > now {
            event
        } else {
            self.changed_at + patience.line
        }
    }

    pub(super) fn record(&self) -> FileRecord {
        FileRecord {
            path: Arc::clone(&self.path),
            named: (self.origin.named != self.path).then(|| Arc::clone(&self.origin.named)),
            print: self.print,
            cursor: self.cursor,
            at: jiff::Timestamp::now().as_second(),
        }
    }

    /// Bytes that were not read yet.
    pub(super) fn lag(&self) -> u64 {
        self.seen.size.saturating_sub(self.cursor.start())
    }
}
