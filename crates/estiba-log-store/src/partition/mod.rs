//! A part of an environment's lines: an index of its own in a folder of its own.
//!
//! Partitions follow one another as lines *arrive*, by day and by size, whatever
//! moments the lines say. So a clock that jumps, or a line of the year 2100, never
//! makes more of them, and what is old is dropped as a folder.

mod after;
mod check;
mod checksum;
mod document;
mod known;
mod pace;
mod paths;
mod schema;
mod writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexReader, ReloadPolicy, Searcher};

use self::known::Known;
use crate::locked::locked;
use crate::wal::sync_folder;

pub(crate) use check::{Damage, Look};
pub(crate) use schema::Fields;
pub(crate) use writer::Writer;

/// How many blocks of stored lines each reader keeps unpacked.
const STORED_BLOCKS: usize = 8;

/// What is known of a partition without opening it; it is committed with the lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Contents {
    /// The number of the last line that is in.
    pub(crate) sequence: u64,
    /// When the first line came, in microseconds since 1970.
    pub(crate) first_arrived_us: i64,
    /// When the last line came.
    pub(crate) last_arrived_us: i64,
    /// The earliest moment of a line.
    pub(crate) from_us: i64,
    /// The latest moment of a line.
    pub(crate) until_us: i64,
    /// How many lines there are.
    pub(crate) lines: u64,
}

/// A partition. Its files are opened when it is read or written first.
pub(crate) struct Partition {
    /// Its place among those of the environment.
    pub(crate) number: u64,
    folder: PathBuf,
    state: Mutex<State>,
    /// Whether it was looked at. Who looks holds it, so that nobody reads meanwhile.
    pub(crate) checked: Mutex<bool>,
}

struct State {
    contents: Contents,
    bytes: u64,
    open: Option<Open>,
    known: Known,
    /// When this process found it, or put something into it.
    changed: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self {
            contents: Contents::default(),
            bytes: 0,
            open: None,
            known: Known::default(),
            changed: Instant::now(),
        }
    }
}

#[derive(Clone)]
struct Open {
    index: Index,
    reader: IndexReader,
}

impl Partition {
    /// Makes an empty one.
    pub(crate) fn create(environment: &Path, number: u64) -> tantivy::Result<Self> {
        let folder = environment.join(format!("{number:08}"));
        fs::create_dir_all(&folder)?;
        let directory = MmapDirectory::open(&folder)?;
        let (schema, _) = Fields::schema();
        let index = Index::open_or_create(directory, schema)?;
        sync_folder(&folder)?;
        sync_folder(environment)?;
        let partition = Self {
            number,
            folder,
            state: Mutex::default(),
            checked: Mutex::new(true),
        };
        locked(&partition.state).open = Some(open(index)?);
        Ok(partition)
    }

    /// Finds one that is there. `trusted` says that what was noted of its files holds.
    pub(crate) fn find(folder: PathBuf, number: u64, trusted: bool) -> io::Result<Self> {
        let contents = contents(&folder)?;
        let bytes = size(&folder)?;
        let known = if trusted {
            Known::read(&folder)
        } else {
            Known::default()
        };
        Ok(Self {
            number,
            folder,
            state: Mutex::new(State {
                contents,
                bytes,
                known,
                ..State::default()
            }),
            checked: Mutex::default(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn contents(&self) -> Contents {
        locked(&self.state).contents
    }

    /// Its size on disk.
    pub(crate) fn bytes(&self) -> u64 {
        locked(&self.state).bytes
    }

    /// What reads of it see: all that was committed.
    pub(crate) fn searcher(&self) -> tantivy::Result<Searcher> {
        Ok(self.opened()?.reader.searcher())
    }

    /// Whether its files are open.
    pub(crate) fn is_open(&self) -> bool {
        locked(&self.state).open.is_some()
    }

    /// Closes its files; they are opened again when they are needed.
    pub(crate) fn close(&self) {
        locked(&self.state).open = None;
    }

    /// Something was committed or merged: reads see it from now on.
    fn committed(&self, contents: Contents) -> tantivy::Result<()> {
        let open = self.opened()?;
        open.reader.reload()?;
        self.note_whole(&open.index.load_metas()?);
        let bytes = size(&self.folder)?;
        let mut state = locked(&self.state);
        state.contents = contents;
        state.bytes = bytes;
        state.changed = Instant::now();
        Ok(())
    }

    /// Reads see what was merged, and the size is right again.
    pub(crate) fn refresh(&self) {
        if self.committed(self.contents()).is_err() {
            self.close();
        }
    }

    /// How long nothing has come, as far as this process knows: a partition from the
    /// future is as old at least, whatever the clock said.
    pub(crate) fn idle(&self) -> Duration {
        locked(&self.state).changed.elapsed()
    }

    fn opened(&self) -> tantivy::Result<Open> {
        let mut state = locked(&self.state);
        if let Some(opened) = &state.open {
            return Ok(opened.clone());
        }
        let opened = open(Index::open_in_dir(&self.folder)?)?;
        state.open = Some(opened.clone());
        Ok(opened)
    }
}

fn open(mut index: Index) -> tantivy::Result<Open> {
    index.set_tokenizers(schema::tokenizers());
    index.set_fast_field_tokenizers(schema::tokenizers());
    let reader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORED_BLOCKS)
        .try_into()?;
    Ok(Open { index, reader })
}

#[derive(Deserialize)]
struct Meta {
    payload: Option<String>,
}

/// Reads what was committed with the lines from the index's own list of segments.
fn contents(folder: &Path) -> io::Result<Contents> {
    let meta: Meta = serde_json::from_slice(&fs::read(folder.join("meta.json"))?)?;
    Ok(match meta.payload {
        Some(payload) => serde_json::from_str(&payload)?,
        None => Contents::default(),
    })
}

fn size(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        // A file may go while others are counted: merges delete what they merged.
        bytes += entry?.metadata().map_or(0, |file| file.len());
    }
    Ok(bytes)
}
