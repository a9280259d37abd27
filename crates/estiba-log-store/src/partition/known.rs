//! The files of segments that are known to be whole.
//!
//! Files of segments never change, so one that has the length and the time of writing
//! with which it was noted is taken to be what it was. The note is a file beside them;
//! without it, or where it can't be read, nothing is known.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const FILE: &str = "known.json";

/// Names of files, each with its length and its time of writing in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known(BTreeMap<String, (u64, i64)>);

impl Known {
    /// What was noted in a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let read = fs::read(folder.join(FILE)).ok();
        let read = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self(read.unwrap_or_default())
    }

    /// Whether a file is as it was noted.
    pub(super) fn has(&self, folder: &Path, file: &Path) -> bool {
        let noted = self.0.get(file.to_string_lossy().as_ref());
        noted.is_some() && noted == stamp(folder, file).as_ref()
    }

    /// Notes that these files are whole, and forgets all others. Those that it has it
    /// leaves as they are: who wrote to them since then damaged them.
    pub(super) fn note(
        &mut self,
        folder: &Path,
        files: impl IntoIterator<Item = PathBuf>,
    ) -> io::Result<()> {
        let mut noted = BTreeMap::new();
        for file in files {
            let name = file.to_string_lossy().into_owned();
            let stamp = match self.0.get(&name) {
                Some(stamp) => Some(*stamp),
                None => stamp(folder, &file),
            };
            noted.extend(stamp.map(|stamp| (name, stamp)));
        }
        if self.0 == noted {
            return Ok(());
        }
        self.0 = noted;
        // It isn't flushed: what it tells of is on disk already, and without it files
        // are read through once more.
        let new = folder.join(format!("{FILE}.new"));
        fs::write(&new, serde_json::to_vec(&self.0)?)?;
        fs::rename(new, folder.join(FILE))
    }
}

fn stamp(folder: &Path, file: &Path) -> Option<(u64, i64)> {
    let file: Metadata = fs::metadata(folder.join(file)).ok()?;
    let nanoseconds = file
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(file.mtime_nsec());
    Some((file.len(), nanoseconds))
}
