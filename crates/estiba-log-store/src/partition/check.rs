//! Whether the files of a partition are whole.
//!
//! tantivy writes a checksum behind each file and doesn't look at it when it reads.
//! A file that is damaged could end the process, so each partition is read through
//! once before it is used first.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::Value;
use tantivy::Index;

use super::Partition;
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

impl Partition {
    /// What is wrong with it, if that was not looked at yet.
    pub(crate) fn damage(&self) -> Option<Damage> {
        if std::mem::replace(&mut locked(&self.state).checked, true) {
            return None;
        }
        self.damage_now()
    }

    /// What is wrong with it.
    pub(crate) fn damage_now(&self) -> Option<Damage> {
        let index = match Index::open_in_dir(&self.folder) {
            Ok(index) => index,
            Err(error) => return Some(Damage::Everything(error.to_string())),
        };
        let metas = match index.load_metas() {
            Ok(metas) => metas,
            Err(error) => return Some(Damage::Everything(error.to_string())),
        };
        let files = metas.list_segment_files();
        let mut damaged = BTreeSet::new();
        let mut why = String::new();
        for meta in &metas.segments {
            let id = meta.id().uuid_string();
            let wrong = files
                .iter()
                .filter(|file| file.to_string_lossy().starts_with(&id))
                .find_map(|file| self.wrong(&index, file));
            if let Some(wrong) = wrong {
                damaged.insert(id);
                why = wrong;
            }
        }
        (!damaged.is_empty()).then_some(Damage::Segments(damaged, why))
    }

    fn wrong(&self, index: &Index, file: &Path) -> Option<String> {
        if !self.folder.join(file).exists() {
            return needed(file).then(|| format!("{} is missing", file.display()));
        }
        match has_footer(&self.folder.join(file)) {
            Ok(true) => {}
            Ok(false) => return Some(format!("{} is cut", file.display())),
            Err(error) => return Some(error.to_string()),
        }
        match index.directory().validate_checksum(file) {
            Ok(true) => None,
            Ok(false) => Some(format!("{}: the checksum is wrong", file.display())),
            Err(error) => Some(error.to_string()),
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
            locked(&self.state).contents.lines = left.sum();
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

/// Whether a file ends as tantivy ends files: with a footer, its length and a fixed
/// number. Without these, tantivy's own check panics.
/// <https://github.com/quickwit-oss/tantivy/blob/0.27/src/directory/footer.rs>
fn has_footer(path: &Path) -> io::Result<bool> {
    const END: u64 = 8;
    const NUMBER: u32 = 1337;
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let Some(start) = length.checked_sub(END) else {
        return Ok(false);
    };
    let mut end = [0; END as usize];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut end)?;
    let [a, b, c, d, number @ ..] = end;
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    Ok(u32::from_le_bytes(number) == NUMBER && footer <= start)
}

/// Files that every segment has, of all that it may have.
fn needed(file: &Path) -> bool {
    file.extension().is_some_and(|kind| {
        ["term", "idx", "fast", "store"]
            .iter()
            .any(|needed| kind == *needed)
    })
}
