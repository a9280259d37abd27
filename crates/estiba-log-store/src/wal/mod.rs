//! The write-ahead log: what was acknowledged and may not be in the index yet.
//!
//! It is a folder of segments, named by the number of their first line, and a file
//! `indexed` that says up to which number all is in the index for sure.

mod frame;
mod recovery;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) use frame::Frame;
pub(crate) use recovery::{read_segment, recover};

/// A longer segment is followed by a new one, in bytes.
const SEGMENT_BYTES: u64 = 8 << 20;
const SEGMENT: &str = "wal";
const INDEXED: &str = "indexed";

/// The end of the log that is written to.
pub(crate) struct Wal {
    folder: PathBuf,
    next_sequence: u64,
    current: Option<Segment>,
    /// Whole segments, each with the number of its last line.
    written: Vec<(PathBuf, u64)>,
}

struct Segment {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Wal {
    /// Continues after `next_sequence`; `written` are the segments that are there.
    pub(crate) fn new(folder: PathBuf, next_sequence: u64, written: Vec<(PathBuf, u64)>) -> Self {
        Self {
            folder,
            next_sequence,
            current: None,
            written,
        }
    }

    /// Numbers and writes frames, and answers once they are on disk. If that fails,
    /// none of them counts: what was written is taken back.
    pub(crate) fn append<'a>(
        &mut self,
        frames: impl Iterator<Item = &'a mut Frame>,
    ) -> io::Result<()> {
        let mut next = self.next_sequence;
        let mut bytes = Vec::new();
        for frame in frames {
            frame.number(next);
            next += frame.len() as u64;
            bytes.extend_from_slice(frame.bytes());
        }
        let segment = match &mut self.current {
            Some(segment) => segment,
            none => none.insert(Segment::create(&self.folder, self.next_sequence)?),
        };
        if let Err(error) = segment.append(&bytes) {
            self.take_back();
            return Err(error);
        }
        self.next_sequence = next;
        if segment.length >= SEGMENT_BYTES
            && let Some(full) = self.current.take()
        {
            self.written.push((full.path, next - 1));
        }
        Ok(())
    }

    /// Deletes the segments of which all lines are in the index. Whoever calls has
    /// made sure that the index is on disk.
    pub(crate) fn trim(&mut self, indexed: u64) -> io::Result<()> {
        write_indexed(&self.folder, indexed)?;
        if indexed + 1 == self.next_sequence
            && let Some(current) = self.current.take_if(|current| current.length > 0)
        {
            self.written.push((current.path, indexed));
        }
        let mut deleted = Ok(());
        self.written.retain(|(path, last)| {
            if *last > indexed {
                return true;
            }
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    deleted = Err(error);
                    true
                }
                _ => false,
            }
        });
        deleted
    }

    /// After a failed write nobody knows what is on disk: the segment ends where the
    /// last good one ended, and another one follows.
    fn take_back(&mut self) {
        if let Some(failed) = self.current.take() {
            let cut = failed
                .file
                .set_len(failed.length)
                .and_then(|()| failed.file.sync_all());
            if let Err(error) = cut {
                tracing::warn!(path = %failed.path.display(), %error, "a failed write stays in the log");
            }
            if failed.length == 0 {
                let _ = fs::remove_file(&failed.path);
            } else {
                self.written.push((failed.path, self.next_sequence - 1));
            }
        }
    }
}

impl Segment {
    fn create(folder: &Path, first_sequence: u64) -> io::Result<Self> {
        let path = folder.join(format!("{first_sequence:020}.{SEGMENT}"));
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        sync_folder(folder)?;
        Ok(Self {
            path,
            file,
            length: 0,
        })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Makes sure that new, renamed and deleted files of a folder stay so.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_indexed(folder: &Path, indexed: u64) -> io::Result<()> {
    let new = folder.join("indexed.new");
    let mut file = File::create(&new)?;
    file.write_all(indexed.to_string().as_bytes())?;
    file.sync_data()?;
    fs::rename(new, folder.join(INDEXED))?;
    sync_folder(folder)
}

#[cfg(test)]
mod tests;
