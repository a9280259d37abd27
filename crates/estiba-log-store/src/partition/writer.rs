//! Puts lines into a partition.

use std::sync::Arc;

use tantivy::indexer::{IndexWriterOptions, LogMergePolicy, UserOperation};
use tantivy::{IndexWriter, TantivyDocument};

use super::document::document;
use super::pace::{Pace, Paced};
use super::paths::Paths;
use super::schema::Fields;
use super::{Contents, Partition};
use crate::Environment;
use crate::line::Line;
use crate::wal::{Frame, sync_folder};

/// So many lines are handed over at a time.
const CHUNK: usize = 256;
/// Segments with more lines are not merged while others come; eight or more of those with
/// fewer become one. A merge maps all that it reads, and so does a phrase of what is
/// merged: larger ones would take much memory, for little, since reads skip segments of
/// other times.
const LARGEST_MERGED: usize = 40_000;
/// More lines are not merged into one segment at the end.
const LARGEST_FINISHED: usize = 500_000;

/// Writes to one partition. There is one at a time.
pub(crate) struct Writer {
    partition: Arc<Partition>,
    index: IndexWriter<Paced>,
    pace: Arc<Pace>,
    fields: Fields,
    paths: Paths,
}

impl Writer {
    /// Opens a writer that uses about `memory_bytes` while it has lines to commit.
    pub(crate) fn open(partition: Arc<Partition>, memory_bytes: usize) -> tantivy::Result<Self> {
        let opened = partition.opened()?;
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(memory_bytes)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let index: IndexWriter<Paced> = opened.index.writer_with_options(options)?;
        let mut merges = LogMergePolicy::default();
        merges.set_max_docs_before_merge(LARGEST_MERGED);
        index.set_merge_policy(Box::new(merges));
        let paths = Paths::of(&opened.index)?;
        Ok(Self {
            partition,
            index,
            pace: Arc::default(),
            fields: Fields::schema().1,
            paths,
        })
    }

    pub(crate) fn partition(&self) -> &Arc<Partition> {
        &self.partition
    }

    /// Puts the lines of frames into the index, all or none, and answers once they
    /// are on disk and reads see them. Lines up to the number `indexed` are in already,
    /// here or in an earlier partition.
    pub(crate) fn write<'a>(
        &mut self,
        environment: &Environment,
        frames: impl Iterator<Item = &'a Frame>,
        indexed: u64,
    ) -> tantivy::Result<()> {
        let mut contents = self.partition.contents();
        let before = contents.lines;
        for frame in frames {
            let mut documents = Vec::with_capacity(CHUNK);
            for (sequence, bytes) in frame.lines().filter(|(sequence, _)| *sequence > indexed) {
                match Line::read(bytes) {
                    Ok(line) => {
                        contents.take(sequence, frame.arrived_us, line.at_us());
                        let paths = &mut self.paths;
                        let document =
                            document(&self.fields, environment, sequence, bytes, &line, paths);
                        documents.push(document);
                    }
                    Err(error) => {
                        tracing::error!(%environment, sequence, %error, "a line can't be read and is left out");
                    }
                }
                if documents.len() == CHUNK {
                    self.hand_over(documents.split_off(0))?;
                }
            }
            self.hand_over(documents)?;
        }
        if contents.lines == before {
            return Ok(());
        }
        let mut commit = self.index.prepare_commit()?;
        let payload = serde_json::to_string(&contents).map_err(std::io::Error::from)?;
        commit.set_payload(&payload);
        commit.commit()?;
        // tantivy renames its list of segments, and leaves that to the page cache.
        sync_folder(self.partition.folder())?;
        self.partition.committed(contents)
    }

    fn hand_over(&self, documents: Vec<TantivyDocument>) -> tantivy::Result<()> {
        let batch = self.pace.batch(documents);
        self.index.run(batch.map(UserOperation::Add))?;
        Ok(())
    }

    /// Merges all segments into one, and ends.
    pub(crate) fn finish(mut self) -> tantivy::Result<()> {
        let segments = self.index.index().searchable_segment_metas()?;
        let lines: usize = segments
            .iter()
            .map(|segment| segment.max_doc() as usize)
            .sum();
        if segments.len() > 1 && lines <= LARGEST_FINISHED {
            let ids: Vec<_> = segments.iter().map(|segment| segment.id()).collect();
            self.index.merge(&ids).wait()?;
        }
        self.index.wait_merging_threads()?;
        self.partition.refresh();
        Ok(())
    }
}

impl Contents {
    fn take(&mut self, sequence: u64, arrived_us: i64, at_us: i64) {
        if self.lines == 0 {
            (self.first_arrived_us, self.from_us, self.until_us) = (arrived_us, at_us, at_us);
        }
        self.sequence = sequence;
        self.last_arrived_us = arrived_us;
        self.from_us = self.from_us.min(at_us);
        self.until_us = self.until_us.max(at_us);
        self.lines += 1;
    }
}
