//! The disk buffer: documents of sources that can't be read again, until the
//! sink has acknowledged them.
//!
//! Segments of documents, one a line, in files that are numbered. Whoever waits
//! for documents to be safe waits for one flush to the disk together. A segment
//! is removed once all of it is acknowledged and noted.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::batch::Batch;
use crate::checkpoint::{SpoolPosition, private, sync_folder};
use crate::metrics::Metrics;

/// A segment is closed when it is so long.
const SEGMENT_BYTES: u64 = 8 << 20;

/// Read at once.
const WINDOW: usize = 256 << 10;

/// Who waits for documents to be safe.
type Reply = Option<oneshot::Sender<()>>;

/// A flush that is going on, and who waits for it.
type Flush = (JoinHandle<io::Result<()>>, Vec<oneshot::Sender<()>>);

/// The disk buffer of one shipper.
#[derive(Debug)]
pub(crate) struct Spool {
    folder: PathBuf,
    most_bytes: u64,
    /// Bytes of all segments that are there.
    bytes: u64,
    writing: Option<Arc<File>>,
    end: SpoolPosition,
    reading: Option<File>,
    at: SpoolPosition,
    /// How far it was acknowledged since it was opened.
    upto: SpoolPosition,
    window: Vec<u8>,
    waiting: Vec<oneshot::Sender<()>>,
    sync: Option<Flush>,
    metrics: Arc<Metrics>,
}

impl Spool {
    /// Opens the buffer in `folder`, which is made where there is none, to be
    /// read from `at`.
    pub(crate) fn open(
        folder: &Path,
        most_bytes: u64,
        at: SpoolPosition,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut segments: Vec<u64> = std::fs::read_dir(folder)?
            .filter_map(|entry| number_of(&entry.ok()?.path()))
            .collect();
        segments.sort_unstable();
        let mut bytes = 0;
        for segment in &segments {
            if *segment < at.segment {
                std::fs::remove_file(path_of(folder, *segment))?;
            } else {
                bytes += std::fs::metadata(path_of(folder, *segment))?.len();
            }
        }
        // What was torn by a power cut stays at the end of a segment: none is
        // written on.
        let next = segments
            .last()
            .map_or(at.segment, |last| last + 1)
            .max(at.segment + 1);
        let first = segments
            .into_iter()
            .find(|segment| *segment >= at.segment)
            .unwrap_or(next);
        let at = if first == at.segment {
            at
        } else {
            SpoolPosition {
                segment: first,
                offset: 0,
            }
        };
        metrics.buffer_bytes.set(bytes);
        Ok(Self {
            folder: folder.to_owned(),
            most_bytes,
            bytes,
            writing: None,
            end: SpoolPosition {
                segment: next,
                offset: 0,
            },
            reading: None,
            at,
            upto: SpoolPosition::default(),
            window: vec![0; WINDOW],
            waiting: Vec::new(),
            sync: None,
            metrics,
        })
    }

    /// Whether so many bytes more fit. An empty buffer takes anything.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.bytes == 0 || self.bytes + bytes as u64 <= self.most_bytes
    }

    /// Appends documents; `reply` is answered when they are on the disk. It is given
    /// back where they can't be written.
    pub(crate) fn append(
        &mut self,
        documents: &[u8],
        reply: Reply,
    ) -> Result<(), (io::Error, Reply)> {
        match self.write(documents) {
            Ok(()) => {
                self.waiting.extend(reply);
                Ok(())
            }
            Err(error) => Err((error, reply)),
        }
    }

    fn write(&mut self, documents: &[u8]) -> io::Result<()> {
        if self.end.offset >= SEGMENT_BYTES {
            self.close_segment()?;
        }
        let file = match &self.writing {
            Some(file) => Arc::clone(file),
            None => self.begin_segment()?,
        };
        if let Err(error) = (&*file).write_all(documents) {
            // Half of them may be there: the next segment has them whole.
            let length = file
                .metadata()
                .map_or(self.end.offset, |metadata| metadata.len());
            self.bytes += length.saturating_sub(self.end.offset);
            self.close_segment()?;
            return Err(error);
        }
        self.end.offset += documents.len() as u64;
        self.bytes += documents.len() as u64;
        self.metrics.buffer_bytes.set(self.bytes);
        Ok(())
    }

    /// Those who wait for what is in it wait for no other flush.
    fn close_segment(&mut self) -> io::Result<()> {
        if let Some(file) = self.writing.take() {
            file.sync_data()?;
        }
        self.end = SpoolPosition {
            segment: self.end.segment + 1,
            offset: 0,
        };
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<Arc<File>> {
        let path = path_of(&self.folder, self.end.segment);
        let file = Arc::new(private().create_new(true).append(true).open(path)?);
        sync_folder(&self.folder)?;
        self.writing = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Flushes what somebody waits for, and answers them; for ever where nobody
    /// waits.
    pub(crate) async fn synced(&mut self) -> io::Result<()> {
        if self.sync.is_none() {
            if self.waiting.is_empty() {
                return std::future::pending().await;
            }
            // Without one, what they wait for was flushed when its segment was closed.
            let Some(file) = self.writing.clone() else {
                answer(std::mem::take(&mut self.waiting));
                return Ok(());
            };
            let handle = tokio::task::spawn_blocking(move || file.sync_data());
            self.sync = Some((handle, std::mem::take(&mut self.waiting)));
        }
        let Some((handle, _)) = &mut self.sync else {
            return std::future::pending().await;
        };
        let result = handle.await.map_err(io::Error::other);
        let replies = self
            .sync
            .take()
            .map(|(_, replies)| replies)
            .unwrap_or_default();
        result??;
        answer(replies);
        // The sink may have been faster than the disk: then its room is given back now.
        if self.upto == self.end {
            self.acknowledged(self.upto)?;
        }
        Ok(())
    }

    /// Whether documents wait to be flushed or sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.sync.is_none() && self.at_end()
    }

    fn at_end(&self) -> bool {
        self.at.segment > self.end.segment
            || self.at == self.end
            || (self.at.segment == self.end.segment && self.writing.is_none())
    }

    /// Puts documents into the batch; `false` says that all are there.
    pub(crate) fn fill(&mut self, batch: &mut Batch) -> io::Result<bool> {
        while !batch.is_full() && !self.at_end() {
            if !self.open_segment()? {
                continue;
            }
            let Some(file) = &self.reading else { continue };
            let length = file.read_at(&mut self.window, self.at.offset)?;
            let Some(end) = memchr::memrchr(b'\n', &self.window[..length]) else {
                if length == self.window.len() {
                    let larger = self.window.len() * 2;
                    self.window.resize(larger, 0);
                } else if self.at.segment < self.end.segment {
                    // Its end, or what a power cut left of a document.
                    self.next_segment();
                } else {
                    break;
                }
                continue;
            };
            let mut taken = 0;
            for line in self.window[..=end].split_inclusive(|byte| *byte == b'\n') {
                batch.add(|out| {
                    out.extend_from_slice(line);
                    true
                });
                taken += line.len();
                if batch.is_full() {
                    break;
                }
            }
            self.at.offset += taken as u64;
            batch.mark_spool(self.at);
            if self.window.len() > WINDOW {
                self.window.truncate(WINDOW);
                self.window.shrink_to_fit();
            }
        }
        Ok(!self.at_end())
    }

    /// `false` where the segment is not there: the next one is tried.
    fn open_segment(&mut self) -> io::Result<bool> {
        if self.reading.is_some() {
            return Ok(true);
        }
        match File::open(path_of(&self.folder, self.at.segment)) {
            Ok(file) => {
                self.reading = Some(file);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.next_segment();
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn next_segment(&mut self) {
        self.reading = None;
        self.at = SpoolPosition {
            segment: self.at.segment + 1,
            offset: 0,
        };
    }

    /// Removes what is acknowledged and noted.
    pub(crate) fn acknowledged(&mut self, upto: SpoolPosition) -> io::Result<()> {
        self.upto = upto;
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let Some(number) = number_of(&path) else {
                continue;
            };
            let is_all_of_it = number == upto.segment
                && number < self.end.segment
                && std::fs::metadata(&path)?.len() <= upto.offset;
            if number < upto.segment || is_all_of_it {
                let length = std::fs::metadata(&path)?.len();
                std::fs::remove_file(&path)?;
                self.bytes = self.bytes.saturating_sub(length);
            }
        }
        // The segment that is written has been read to its end: its room counts
        // no more, and the next documents begin another.
        if upto == self.end
            && self.writing.is_some()
            && self.waiting.is_empty()
            && self.sync.is_none()
        {
            self.writing = None;
            self.reading = None;
            std::fs::remove_file(path_of(&self.folder, upto.segment))?;
            self.bytes = 0;
            self.end = SpoolPosition {
                segment: upto.segment + 1,
                offset: 0,
            };
            self.at = self.end;
        }
        self.metrics.buffer_bytes.set(self.bytes);
        Ok(())
    }
}

fn answer(replies: Vec<oneshot::Sender<()>>) {
    for reply in replies {
        // Whoever waited may have gone.
        let _ = reply.send(());
    }
}

fn path_of(folder: &Path, segment: u64) -> PathBuf {
    folder.join(format!("{segment:016}.ndjson"))
}

fn number_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".ndjson")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Mark, Shape};

    fn batch() -> Batch {
        Batch::new(
            Vec::new(),
            Shape {
                action: b"",
                bytes: 64,
                documents: 100,
            },
        )
    }

    fn open(folder: &Path, at: SpoolPosition) -> Spool {
        Spool::open(folder, 1000, at, Arc::new(Metrics::default())).unwrap()
    }

    fn upto(batch: &Batch) -> SpoolPosition {
        match batch.marks.last() {
            Some(Mark::Spool(position)) => *position,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_not_acknowledged_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), SpoolPosition::default());
        spool
            .append(
                &[b'a'; 63]
                    .iter()
                    .copied()
                    .chain([b'\n'])
                    .collect::<Vec<_>>(),
                None,
            )
            .unwrap();
        spool.append(b"second\n", None).unwrap();
        let mut first = batch();
        assert!(spool.fill(&mut first).unwrap());
        let noted = upto(&first);
        drop(spool);

        let mut spool = open(folder.path(), noted);
        spool.append(b"third\n", None).unwrap();
        let mut rest = batch();
        assert!(!spool.fill(&mut rest).unwrap());
        assert_eq!(rest.body, b"second\nthird\n");
        spool.acknowledged(upto(&rest)).unwrap();
        assert!(spool.is_idle());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        spool.append(b"fourth\n", None).unwrap();
        let mut last = batch();
        spool.fill(&mut last).unwrap();
        assert_eq!(last.body, b"fourth\n");
    }

    #[tokio::test]
    async fn a_sink_that_is_faster_than_the_disk_makes_room_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), SpoolPosition::default());
        let (reply, answer) = oneshot::channel();
        spool.append(&[b'\n'; 1000], Some(reply)).unwrap();
        let mut all = batch();
        while spool.fill(&mut all).unwrap() {
            all = batch();
        }
        spool.acknowledged(upto(&all)).unwrap();
        assert!(!spool.has_room(1), "it is not on the disk yet");
        spool.synced().await.unwrap();
        answer.await.unwrap();
        assert!(spool.has_room(1) && spool.is_idle());
    }

    #[test]
    fn half_a_document_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), SpoolPosition::default());
        spool.append(b"whole\nhal", None).unwrap();
        drop(spool);
        let mut spool = open(folder.path(), SpoolPosition::default());
        spool.append(b"next\n", None).unwrap();
        let mut all = batch();
        assert!(!spool.fill(&mut all).unwrap());
        assert_eq!(all.body, b"whole\nnext\n");
    }

    #[test]
    fn it_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = open(folder.path(), SpoolPosition::default());
        assert!(spool.has_room(5000));
        spool.append(&[b'\n'; 900], None).unwrap();
        assert!(spool.has_room(100) && !spool.has_room(101));
    }
}
