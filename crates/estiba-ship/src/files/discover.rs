//! Looking for files, by globs and beside those that are known.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::tracked::key_of;
use super::{Found, Group};
use crate::checkpoint::{FileKey, FileRecord};

/// Calls `each` with every file that the groups' globs lead to. A file that two
/// of them lead to is of the first.
pub(super) fn scan(groups: &[Group], mut each: impl FnMut(Metadata, Found)) {
    for (index, group) in groups.iter().enumerate() {
        for pattern in &group.globs {
            // That patterns are well formed was seen when they were read.
            let Ok(paths) = glob::glob(pattern) else {
                continue;
            };
            for named in paths.filter_map(Result::ok) {
                if group
                    .except
                    .iter()
                    .any(|except| except.matches_path(&named))
                {
                    continue;
                }
                if let Ok(metadata) = std::fs::metadata(&named)
                    && metadata.is_file()
                {
                    each(
                        metadata,
                        Found {
                            group: index,
                            named,
                        },
                    );
                }
            }
        }
    }
}

/// The folders in which names come and go that a file is found by: from the one
/// where its glob's first wildcard is, down to its own.
pub(super) fn folders<'a>(pattern: &str, named: &'a Path) -> impl Iterator<Item = &'a Path> {
    let top = top(pattern);
    named
        .ancestors()
        .skip(1)
        .take_while(move |folder| folder.starts_with(&top))
}

/// The folder of a glob's first wildcard.
pub(super) fn top(pattern: &str) -> PathBuf {
    let path = Path::new(pattern);
    let plain: PathBuf = path
        .iter()
        .take_while(|part| !part.to_string_lossy().contains(['*', '?', '[']))
        .collect();
    if plain == path {
        return plain.parent().map(Path::to_owned).unwrap_or_default();
    }
    plain
}

/// Where a file is that was at `path` before: it was renamed in its folder.
pub(super) fn renamed(path: &Path, key: FileKey) -> Option<PathBuf> {
    beside(path)?
        .find(|(_, metadata)| key_of(metadata) == key)
        .map(|(path, _)| path)
}

/// A copy of a file that was then truncated, where a rotation made one: its name
/// goes on where the file's ends, it begins as the file did, and all that was
/// read is there. The newest, so that of older copies nothing comes twice.
pub(super) fn copy_of(
    before: &FileRecord,
    is_known: impl Fn(FileKey) -> bool,
) -> Option<(FileKey, PathBuf)> {
    let name = before.path.file_name()?.to_str()?;
    let is_copy = |path: &Path, metadata: &Metadata| {
        let goes_on = path
            .file_name()
            .and_then(|other| other.to_str())
            .is_some_and(|other| other.len() > name.len() && other.starts_with(name));
        goes_on
            && metadata.len() > before.cursor.start()
            && !is_known(key_of(metadata))
            && File::open(path)
                .and_then(|file| before.print.matches(&file))
                .unwrap_or(false)
    };
    beside(&before.path)?
        .filter(|(path, metadata)| is_copy(path, metadata))
        .max_by_key(|(_, metadata)| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH))
        .map(|(path, metadata)| (key_of(&metadata), path))
}

fn beside(path: &Path) -> Option<impl Iterator<Item = (PathBuf, Metadata)>> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    Some(entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let metadata = entry.metadata().ok()?;
        metadata.is_file().then(|| (entry.path(), metadata))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_a_glob() {
        let folders = |pattern: &str, named: &'static str| {
            folders(pattern, Path::new(named))
                .map(|folder| folder.to_str().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(folders("/data/*.log", "/data/a.log"), ["/data"]);
        assert_eq!(folders("/data/a.log", "/data/a.log"), ["/data"]);
        assert_eq!(
            folders("/v/pods/*/*/*.log", "/v/pods/p/c/0.log"),
            ["/v/pods/p/c", "/v/pods/p", "/v/pods"]
        );
    }
}
