//! Hashes of files, remembered as long as the files look untouched.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use estiba_model::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::blob::{digest_of, write_whole};
use crate::error::At;
use crate::{ImageError, ImageStore};

/// A file that changed this recently may change again within the same tick of
/// the file system's clock: it is read again the next time. FAT, the coarsest,
/// ticks every two seconds.
const TICK_NS: i128 = 2_000_000_000;

pub(super) struct FileIndex {
    path: PathBuf,
    now_ns: i128,
    before: HashMap<String, Known>,
    after: HashMap<String, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    look: Look,
    content: Digest,
}

/// What the file system says of a file, without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Look {
    size_bytes: u64,
    inode: u64,
    modified_ns: i64,
    changed_ns: i64,
}

impl FileIndex {
    /// The index of a directory's files; an empty one where it can't be read.
    pub(super) fn load(store: &ImageStore, dir: &Path) -> Self {
        let name = Digest::of(dir.as_os_str().as_bytes());
        let path = store.root().join("cache/files").join(name.hex());
        let text = fs::read(&path).unwrap_or_default();
        Self {
            path,
            now_ns: now_ns(),
            before: serde_json::from_slice(&text).unwrap_or_default(),
            after: HashMap::new(),
        }
    }

    /// The mode and the hash of what a file, link or directory holds.
    pub(super) fn content(&mut self, path: &Path) -> Result<(u32, Digest), ImageError> {
        let found = fs::symlink_metadata(path).at(path)?;
        let mode = found.mode();
        if found.is_symlink() {
            let target = fs::read_link(path).at(path)?;
            return Ok((mode, Digest::of(target.as_os_str().as_bytes())));
        }
        if !found.is_file() {
            return Ok((mode, Digest::of(b"")));
        }
        let look = Look::of(&found);
        let name = path.to_string_lossy().into_owned();
        let content = match self.before.get(&name) {
            Some(known) if known.look == look => known.content.clone(),
            _ => hash(path)?,
        };
        if i128::from(look.changed_ns) + TICK_NS < self.now_ns {
            self.after.insert(
                name,
                Known {
                    look,
                    content: content.clone(),
                },
            );
        }
        Ok((mode, content))
    }

    /// Writes what changed. A reader at the same time sees the old or the new.
    pub(super) fn save(&self, store: &ImageStore) -> Result<(), ImageError> {
        if self.after == self.before {
            return Ok(());
        }
        let text = serde_json::to_vec(&self.after).expect("an index is plain data");
        write_whole(&store.tmp(), &self.path, &text)
    }
}

impl Look {
    fn of(found: &Metadata) -> Self {
        let ns =
            |seconds: i64, part: i64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
        Self {
            size_bytes: found.len(),
            inode: found.ino(),
            modified_ns: ns(found.mtime(), found.mtime_nsec()),
            changed_ns: ns(found.ctime(), found.ctime_nsec()),
        }
    }
}

fn hash(path: &Path) -> Result<Digest, ImageError> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path).at(path)?, &mut hash).at(path)?;
    Ok(digest_of(hash))
}

fn now_ns() -> i128 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| {
            i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
        })
}
