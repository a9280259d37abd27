//! How far sources were acknowledged, on disk.
//!
//! A journal: one line for each file of each acknowledged batch, with a checksum
//! before it. It is written before the next batch is sent, so that a `kill -9`
//! repeats one batch at most, and flushed to the disk at most once a second, so
//! that a power cut repeats about a second. A line that was torn is passed over:
//! then an older position holds, and lines come twice rather than never.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use estiba_lock::FileLock;
use serde::{Deserialize, Serialize};

use crate::batch::Mark;
use crate::files::Print;
use crate::framing::Cursor;

const JOURNAL: &str = "positions";
const LOCK: &str = "lock";

/// The journal is written anew when it is so long, and more than twice as long
/// as needed.
const LONG_BYTES: u64 = 1 << 20;

/// Positions are on the disk this long after they are noted, at most.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Positions of files that are not found are kept this long: a volume may be late.
pub(crate) const KEPT: jiff::SignedDuration = jiff::SignedDuration::from_hours(48);

/// A file, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct FileKey {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// How far a file was read, and how it is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    #[serde(serialize_with = "as_text")]
    pub(crate) path: Arc<Path>,
    /// The absolute name that its glob found it by, where that is another one: of a
    /// link, or of before it was renamed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_text_where_any"
    )]
    pub(crate) named: Option<Arc<Path>>,
    pub(crate) print: Print,
    pub(crate) cursor: Cursor,
    /// When it was noted, in seconds since 1970.
    pub(crate) at: i64,
}

impl FileRecord {
    /// The absolute name that its glob found it by.
    pub(crate) fn named(&self) -> &Arc<Path> {
        self.named.as_ref().unwrap_or(&self.path)
    }
}

/// How far the disk buffer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct SpoolPosition {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    File {
        key: FileKey,
        record: Arc<FileRecord>,
    },
    Gone(FileKey),
    Buffer(SpoolPosition),
}

/// What was noted before.
#[derive(Debug, Default, Clone)]
pub(crate) struct Noted {
    pub(crate) files: HashMap<FileKey, Arc<FileRecord>>,
    pub(crate) spool: SpoolPosition,
}

/// The journal of one shipper, which owns its folder.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    journal: Mutex<Journal>,
    _lock: FileLock,
}

#[derive(Debug)]
struct Journal {
    file: Arc<File>,
    length: u64,
    noted: Noted,
    synced_at: Instant,
    is_dirty: bool,
    is_torn: bool,
    line: Vec<u8>,
}

impl Checkpoints {
    /// Opens the journal of a folder, which is made where there is none.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Noted)> {
        std::fs::create_dir_all(folder)?;
        let lock = private()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK))?;
        let lock = FileLock::take(lock)?.ok_or(io::ErrorKind::WouldBlock)?;
        let noted = match std::fs::read(folder.join(JOURNAL)) {
            Ok(text) => read(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Noted::default(),
            Err(error) => return Err(error),
        };
        let (file, length) = write_anew(folder, &noted)?;
        let journal = Journal {
            file: Arc::new(file),
            length,
            noted: noted.clone(),
            synced_at: Instant::now(),
            is_dirty: false,
            is_torn: false,
            line: Vec::new(),
        };
        let checkpoints = Self {
            folder: folder.to_owned(),
            journal: journal.into(),
            _lock: lock,
        };
        Ok((checkpoints, noted))
    }

    /// Notes what an acknowledged batch makes true.
    pub(crate) fn note(&self, marks: &[Mark]) -> io::Result<()> {
        let mut journal = self.lock();
        journal.line.clear();
        for mark in marks {
            journal.add(mark)?;
        }
        if journal.line.is_empty() {
            Ok(())
        } else {
            journal.write(&self.folder)
        }
    }

    /// Whether something is noted that may not be on the disk.
    pub(crate) fn is_dirty(&self) -> bool {
        self.lock().is_dirty
    }

    /// Flushes what was noted to the disk, where that is due or `now`.
    pub(crate) async fn sync(&self, now: bool) -> io::Result<()> {
        let file = {
            let mut journal = self.lock();
            if !journal.is_dirty || !(now || journal.synced_at.elapsed() >= SYNC_EVERY) {
                return Ok(());
            }
            (journal.synced_at, journal.is_dirty) = (Instant::now(), false);
            Arc::clone(&journal.file)
        };
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        let synced = synced.map_err(io::Error::other).and_then(|synced| synced);
        if synced.is_err() {
            self.lock().is_dirty = true;
        }
        synced
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal {
    fn add(&mut self, mark: &Mark) -> io::Result<()> {
        let line = match mark {
            Mark::File(key, record) => {
                self.noted.files.insert(*key, Arc::clone(record));
                Line::File {
                    key: *key,
                    record: Arc::clone(record),
                }
            }
            Mark::Gone(key) => {
                self.noted.files.remove(key);
                Line::Gone(*key)
            }
            Mark::Spool(position) => {
                self.noted.spool = *position;
                Line::Buffer(*position)
            }
            Mark::Reply(_) => return Ok(()),
        };
        append(&mut self.line, &line)
    }

    fn write(&mut self, folder: &Path) -> io::Result<()> {
        let needed = (self.noted.files.len() as u64 + 1) * 600;
        if self.is_torn || self.length > LONG_BYTES.max(2 * needed) {
            let (file, length) = write_anew(folder, &self.noted)?;
            (self.file, self.length) = (Arc::new(file), length);
            (self.is_torn, self.is_dirty) = (false, false);
            return Ok(());
        }
        // Until all of it is written, the end of the journal is half a line.
        self.is_torn = true;
        (&*self.file).write_all(&self.line)?;
        self.is_torn = false;
        self.length += self.line.len() as u64;
        self.is_dirty = true;
        Ok(())
    }
}

/// For files that are nobody else's to read.
pub(crate) fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// After this a name or a file that is gone is so on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// A name that is no text only has to be looked for again.
fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn as_text_where_any<S: serde::Serializer>(
    path: &Option<Arc<Path>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => as_text(path, serializer),
        None => serializer.serialize_none(),
    }
}

fn append(out: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    let text = serde_json::to_vec(line)?;
    writeln!(
        out,
        "{:08x} {}",
        crc32fast::hash(&text),
        String::from_utf8_lossy(&text)
    )
}

fn read(text: &[u8]) -> Noted {
    let mut noted = Noted::default();
    for line in text.split(|byte| *byte == b'\n').filter_map(read_line) {
        match line {
            Line::File { key, record } => {
                noted.files.insert(key, record);
            }
            Line::Gone(key) => {
                noted.files.remove(&key);
            }
            Line::Buffer(position) => noted.spool = position,
        }
    }
    noted
}

fn read_line(line: &[u8]) -> Option<Line> {
    let (sum, text) = line.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(&sum[..8]).ok()?, 16).ok()?;
    (sum == crc32fast::hash(text)).then(|| serde_json::from_slice(text).ok())?
}

/// A journal with what is noted and nothing else, whole on the disk before it
/// takes the place of the one before.
fn write_anew(folder: &Path, noted: &Noted) -> io::Result<(File, u64)> {
    let mut text = Vec::new();
    append(&mut text, &Line::Buffer(noted.spool))?;
    for (key, record) in &noted.files {
        let record = Arc::clone(record);
        append(&mut text, &Line::File { key: *key, record })?;
    }
    let fresh = folder.join("positions.new");
    let mut file = private()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&fresh)?;
    file.write_all(&text)?;
    file.sync_all()?;
    std::fs::rename(&fresh, folder.join(JOURNAL))?;
    sync_folder(folder)?;
    Ok((file, text.len() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(inode: u64, offset: u64) -> Mark {
        let record = FileRecord {
            path: Path::new("/data/a.log").into(),
            named: None,
            print: Print::default(),
            cursor: Cursor::at(offset),
            at: 0,
        };
        Mark::File(FileKey { device: 1, inode }, Arc::new(record))
    }

    fn offsets(noted: &Noted) -> Vec<(u64, u64)> {
        let mut offsets: Vec<_> = noted
            .files
            .iter()
            .map(|(key, record)| (key.inode, record.cursor.start()))
            .collect();
        offsets.sort_unstable();
        offsets
    }

    #[test]
    fn what_was_noted_last_holds() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoints, noted) = Checkpoints::open(folder.path()).unwrap();
        assert!(noted.files.is_empty());
        checkpoints.note(&[mark(1, 10), mark(2, 20)]).unwrap();
        let position = SpoolPosition {
            segment: 3,
            offset: 4,
        };
        checkpoints
            .note(&[
                mark(1, 11),
                Mark::Gone(FileKey {
                    device: 1,
                    inode: 2,
                }),
                Mark::Spool(position),
            ])
            .unwrap();
        assert!(
            Checkpoints::open(folder.path()).is_err(),
            "two shippers in one folder"
        );
        drop(checkpoints);
        let (_, noted) = Checkpoints::open(folder.path()).unwrap();
        assert_eq!((offsets(&noted), noted.spool), (vec![(1, 11)], position));
    }

    #[test]
    fn a_torn_or_damaged_line_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoints, _) = Checkpoints::open(folder.path()).unwrap();
        for offset in 1..=3 {
            checkpoints.note(&[mark(1, offset)]).unwrap();
        }
        drop(checkpoints);
        let path = folder.path().join(JOURNAL);
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() {
            let noted = read(&whole[..cut]);
            assert!(offsets(&noted).iter().all(|(_, offset)| *offset <= 3));
        }
        let mut damaged = whole;
        let length = damaged.len();
        damaged[length - 20] ^= 1;
        assert_eq!(offsets(&read(&damaged)), [(1, 2)]);
    }

    #[test]
    fn a_note_of_before_has_no_name() {
        let text = br#"{"file":{"key":{"device":1,"inode":2},"record":{"path":"/data/a.log","print":{"length":0,"sum":0},"cursor":CURSOR,"at":0}}}"#;
        let cursor = serde_json::to_string(&Cursor::at(7)).unwrap();
        let text = std::str::from_utf8(text)
            .unwrap()
            .replace("CURSOR", &cursor);
        let line = format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()));
        let noted = read(line.as_bytes());
        assert_eq!(offsets(&noted), [(2, 7)]);
        let record = noted.files.values().next().unwrap();
        assert_eq!(**record.named(), *Path::new("/data/a.log"));
    }

    #[test]
    fn the_journal_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let (checkpoints, _) = Checkpoints::open(folder.path()).unwrap();
        for offset in 0..20_000 {
            checkpoints.note(&[mark(1, offset)]).unwrap();
        }
        assert!(
            std::fs::metadata(folder.path().join(JOURNAL))
                .unwrap()
                .len()
                <= LONG_BYTES + 400
        );
        drop(checkpoints);
        assert_eq!(
            offsets(&Checkpoints::open(folder.path()).unwrap().1),
            [(1, 19_999)]
        );
    }
}
