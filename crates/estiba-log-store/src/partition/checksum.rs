//! The checksum that tantivy writes behind each file, and doesn't look at when it
//! reads.
//!
//! A file ends with a footer of JSON that has the CRC-32 of all before it, the
//! footer's length and a fixed number.
//! <https://github.com/quickwit-oss/tantivy/blob/0.27/src/directory/footer.rs>

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use tantivy::directory::footer::Footer as Written;

/// A longer footer is none.
const LONGEST_FOOTER: u64 = 50_000;
const NUMBER: u32 = 1337;
/// The footer's length and the number.
const END: u64 = 8;
/// So much is read at a time. It is not mapped, so that it takes no more memory.
const CHUNK: usize = 256 << 10;

/// The end of a file.
pub(super) struct Footer {
    file: File,
    body: u64,
    crc: u32,
}

impl Footer {
    /// Reads it; `None` where the file doesn't end as it should.
    pub(super) fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let Some(start) = length.checked_sub(END) else {
            return Ok(None);
        };
        let mut end = [0; END as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut end)?;
        let [a, b, c, d, number @ ..] = end;
        let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
        if u32::from_le_bytes(number) != NUMBER || footer > start.min(LONGEST_FOOTER) {
            return Ok(None);
        }
        file.seek(SeekFrom::Start(start - footer))?;
        let mut written = Vec::new();
        file.by_ref().take(footer).read_to_end(&mut written)?;
        let written: Option<Written> = serde_json::from_slice(&written).ok();
        Ok(written.map(|Written { crc, .. }| Self {
            file,
            body: start - footer,
            crc,
        }))
    }

    /// Whether all before it is what was written. `each` is told how many bytes were
    /// read, and says whether to go on; what is left unread is taken to be whole.
    pub(super) fn is_right(&self, each: &mut dyn FnMut(usize) -> bool) -> io::Result<bool> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        let mut body = file.take(self.body);
        let mut hasher = crc32fast::Hasher::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            let read = body.read(&mut chunk)?;
            if read == 0 {
                return Ok(hasher.finalize() == self.crc);
            }
            hasher.update(&chunk[..read]);
            if !each(read) {
                return Ok(true);
            }
        }
    }
}
