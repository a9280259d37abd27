//! Whether the files of a partition are whole.
//!
//! A file that is damaged could end the process. So before a partition is used first,
//! those of its files are read through that are not [known](super::known) to be whole:
//! all of them after a crash, else none or few. One after another all files are read
//! through in the background too, since disks forget.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use serde_json::Value;
use tantivy::{Index, IndexMeta};

use super::Partition;
use super::checksum::Footer;
use super::known::Known;
use crate::locked::locked;
use crate::wal::sync_folder;

/// What is wrong with a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Damage {
    /// These segments, by their names; the others are whole.
    Segments(BTreeSet<String>, String),
    /// Nothing of it can be read.
    Everything(String),
}

/// How thoroughly files are looked at.
pub(crate) enum Look<'a> {
    /// Those that are known to be whole are not read.
    AtUnknown,
    /// All are read. It is told of bytes that were read, and says whether to go on.
    AtAll(&'a mut dyn FnMut(usize) -> bool),
}

impl Partition {
    /// What is wrong with it.
    ///
    /// # Errors
    /// If nobody can tell, for the process has no more files or memory.
    pub(crate) fn damage(&self, mut look: Look<'_>) -> io::Result<Option<Damage>> {
        let metas = match self.metas() {
            Ok(metas) => metas,
            Err(error) => {
                if let Err(error) = fs::File::open(self.folder.join("meta.json")) {
                    damaged(error)?;
                }
                return Ok(Some(Damage::Everything(error.to_string())));
            }
        };
        let mut found = BTreeSet::new();
        let mut why = String::new();
        for (segment, files) in segments(&metas) {
            for file in files {
                if let Some(wrong) = self.wrong(&file, &mut look)? {
                    found.insert(segment);
                    why = wrong;
                    break;
                }
            }
        }
        if !found.is_empty() {
            return Ok(Some(Damage::Segments(found, why)));
        }
        if let Look::AtUnknown = look {
            locked(&self.state).known = Known::default();
            self.note_whole(&metas);
        }
        Ok(None)
    }

    /// Those of the segments that it still has: others were merged, and their files
    /// are gone.
    pub(crate) fn still_has(&self, damaged: &BTreeSet<String>) -> BTreeSet<String> {
        let metas = self.metas();
        let has = metas.iter().flat_map(segments).map(|(segment, _)| segment);
        has.filter(|segment| damaged.contains(segment)).collect()
    }

    /// Notes that the files of these segments are on disk as they should be.
    pub(super) fn note_whole(&self, metas: &IndexMeta) {
        let files = segments(metas).flat_map(|(_, files)| files);
        let noted = locked(&self.state).known.note(&self.folder, files);
        if let Err(error) = noted {
            tracing::debug!(%error, "files that are whole could not be noted");
        }
    }

    pub(super) fn metas(&self) -> tantivy::Result<IndexMeta> {
        Index::open_in_dir(&self.folder)?.load_metas()
    }

    fn wrong(&self, file: &Path, look: &mut Look<'_>) -> io::Result<Option<String>> {
        let path = self.folder.join(file);
        if !path.exists() {
            return Ok(needed(file).then(|| format!("{} is missing", file.display())));
        }
        let footer = match Footer::read(&path) {
            Ok(Some(footer)) => footer,
            Ok(None) => return Ok(Some(format!("{} is cut", file.display()))),
            Err(error) => return damaged(error).map(Some),
        };
        let is_right = match look {
            Look::AtUnknown if locked(&self.state).known.has(&self.folder, file) => {
                return Ok(None);
            }
            Look::AtUnknown => footer.is_right(&mut |_| true),
            Look::AtAll(each) => footer.is_right(each),
        };
        match is_right {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(format!("{}: the checksum is wrong", file.display()))),
            Err(error) => damaged(error).map(Some),
        }
    }

    /// Takes damaged segments out of the list and moves their files to `aside`.
    pub(crate) fn remove_segments(
        &self,
        damaged: &BTreeSet<String>,
        aside: &Path,
    ) -> io::Result<()> {
        self.close();
        let list = self.folder.join("meta.json");
        let mut meta: Value = serde_json::from_slice(&fs::read(&list)?)?;
        if let Some(segments) = meta.get_mut("segments").and_then(Value::as_array_mut) {
            segments.retain(|segment| {
                let id = segment
                    .get("segment_id")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                !damaged.contains(&id.replace('-', ""))
            });
            let left = segments
                .iter()
                .filter_map(|segment| segment.get("max_doc")?.as_u64());
            let lines = left.sum();
            let mut state = locked(&self.state);
            state.contents.lines = lines;
            meta["payload"] = serde_json::to_string(&state.contents)?.into();
        }
        let new = self.folder.join("meta.json.new");
        fs::write(&new, serde_json::to_vec(&meta)?)?;
        fs::File::open(&new)?.sync_all()?;
        fs::create_dir_all(aside)?;
        fs::rename(&new, &list)?;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if damaged
                .iter()
                .any(|segment| name.starts_with(segment.as_str()))
            {
                fs::rename(entry.path(), aside.join(name))?;
            }
        }
        sync_folder(aside)?;
        sync_folder(&self.folder)
    }
}

/// Why a file that can't be read is damaged; the error, if it isn't for that.
fn damaged(error: io::Error) -> io::Result<String> {
    match Errno::from_io_error(&error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Err(error),
        _ => Ok(error.to_string()),
    }
}

/// The name of each segment with its files.
fn segments(metas: &IndexMeta) -> impl Iterator<Item = (String, Vec<PathBuf>)> {
    let mut of: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for segment in &metas.segments {
        of.insert(segment.id().uuid_string(), Vec::new());
    }
    for file in metas.list_segment_files() {
        let name = file.to_string_lossy();
        let segment = name.split('.').next().unwrap_or_default();
        if let Some(files) = of.get_mut(segment) {
            files.push(file);
        }
    }
    of.into_iter()
}

/// Files that every segment has, of all that it may have.
fn needed(file: &Path) -> bool {
    file.extension().is_some_and(|kind| {
        ["term", "idx", "fast", "store"]
            .iter()
            .any(|needed| kind == *needed)
    })
}
