//! Documents that the sink will never take, kept for whoever wants to know why.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use crate::checkpoint::private;

/// More is counted and not kept.
const MOST_BYTES: u64 = 4 << 20;

/// A file in the state folder.
#[derive(Debug)]
pub(crate) struct Rejected {
    file: File,
    bytes: u64,
}

impl Rejected {
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let file = private()
            .create(true)
            .append(true)
            .open(folder.join("rejected.ndjson"))?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    /// Keeps a document with its line's end; one that has no room is not kept.
    pub(super) fn keep(&mut self, document: &[u8]) -> io::Result<()> {
        if self.bytes + document.len() as u64 > MOST_BYTES {
            return Ok(());
        }
        self.file.write_all(document)?;
        self.bytes += document.len() as u64;
        Ok(())
    }
}
