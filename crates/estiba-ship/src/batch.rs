//! Documents that go in one request, and what may be forgotten once they are
//! acknowledged.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::checkpoint::{FileKey, FileRecord, SpoolPosition};

/// Grows until it is full, then is sent as a whole.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) body: Vec<u8>,
    pub(crate) documents: usize,
    pub(crate) marks: Vec<Mark>,
    shape: Shape,
}

/// How large batches are, and what is before each document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) action: &'static [u8],
    pub(crate) bytes: usize,
    pub(crate) documents: usize,
}

/// What is true once a batch is acknowledged.
#[derive(Debug)]
pub(crate) enum Mark {
    /// A file has been read so far.
    File(FileKey, Arc<FileRecord>),
    /// A file is gone, and all of it was read.
    Gone(FileKey),
    /// The disk buffer has been read so far.
    Spool(SpoolPosition),
    /// Somebody waits for it.
    Reply(oneshot::Sender<()>),
}

impl Batch {
    /// An empty batch in room that was used before.
    pub(crate) fn new(mut body: Vec<u8>, shape: Shape) -> Self {
        body.clear();
        Self {
            body,
            documents: 0,
            marks: Vec::new(),
            shape,
        }
    }

    /// Lets `write` append one document with its line's end; `false` says that it
    /// wrote none.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.body.len();
        self.body.extend_from_slice(self.shape.action);
        let written = write(&mut self.body);
        if written {
            self.documents += 1;
        } else {
            self.body.truncate(start);
        }
        written
    }

    pub(crate) fn is_full(&self) -> bool {
        self.body.len() >= self.shape.bytes || self.documents >= self.shape.documents
    }

    /// Whether there is nothing to send and nothing to note.
    pub(crate) fn is_empty(&self) -> bool {
        self.documents == 0 && self.marks.is_empty()
    }

    /// Notes how far a file has been read; what was noted just before is replaced.
    pub(crate) fn mark_file(&mut self, key: FileKey, record: FileRecord) {
        if let Some(Mark::File(last, noted)) = self.marks.last_mut()
            && *last == key
        {
            *noted = Arc::new(record);
            return;
        }
        self.marks.push(Mark::File(key, Arc::new(record)));
    }

    /// The same for the disk buffer.
    pub(crate) fn mark_spool(&mut self, position: SpoolPosition) {
        if let Some(Mark::Spool(noted)) = self.marks.last_mut() {
            *noted = position;
            return;
        }
        self.marks.push(Mark::Spool(position));
    }
}
