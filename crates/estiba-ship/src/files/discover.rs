//! Looking for files, by globs and beside those that are known.

use std::fs::{File, Metadata};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use super::tracked::key_of;
use super::{Found, Group, Print};
use crate::checkpoint::{FileKey, FileRecord};

/// The folder of names that have none.
const HERE: &str = ".";

/// Calls `each` with every file that the groups' globs lead to. A file that two
/// of them lead to is of the first. Gives back the globs that lead to none.
pub(super) fn scan(groups: &[Group], mut each: impl FnMut(Metadata, Found)) -> Vec<&str> {
    let mut empty = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        for pattern in &group.globs {
            // That patterns are well formed was seen when they were read.
            let Ok(paths) = glob::glob(pattern) else {
                continue;
            };
            let mut is_empty = true;
            for named in paths.filter_map(Result::ok) {
                if group.leaves_out(&named) {
                    continue;
                }
                if let Ok(metadata) = std::fs::metadata(&named)
                    && metadata.is_file()
                {
                    is_empty = false;
                    each(
                        metadata,
                        Found {
                            group: index,
                            named,
                        },
                    );
                }
            }
            if is_empty {
                empty.push(pattern.as_str());
            }
        }
    }
    empty
}

/// The folders in which names come and go that a file is found by: from the one
/// where its glob's first wildcard is, down to its own.
pub(super) fn folders<'a>(pattern: &str, named: &'a Path) -> impl Iterator<Item = &'a Path> {
    let top = top(pattern);
    let is_here = top == Path::new(HERE);
    named
        .ancestors()
        .skip(1)
        .map(|folder| match folder.as_os_str().is_empty() {
            true => Path::new(HERE),
            false => folder,
        })
        .take_while(move |folder| is_here || folder.starts_with(&top))
}

/// The folder of a glob's first wildcard.
pub(super) fn top(pattern: &str) -> PathBuf {
    let path = without_dots(pattern);
    let plain: PathBuf = path
        .iter()
        .take_while(|part| !part.to_string_lossy().contains(['*', '?', '[']))
        .collect();
    let top = match plain == path {
        true => plain.parent().unwrap_or(Path::new("")),
        false => plain.as_path(),
    };
    match top.as_os_str().is_empty() {
        true => HERE.into(),
        false => top.to_owned(),
    }
}

/// What a glob calls the file of an absolute name, where it leads to it.
pub(super) fn called(pattern: &str, named: &Path) -> Option<PathBuf> {
    let pattern = without_dots(pattern);
    let shown = match pattern.is_absolute() {
        true => named,
        false => named.strip_prefix(std::env::current_dir().ok()?).ok()?,
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::new()
    };
    let glob = glob::Pattern::new(pattern.to_str()?).ok()?;
    glob.matches_path_with(shown, options)
        .then(|| shown.to_owned())
}

/// Globs find `a.log` by `./*.log`.
fn without_dots(pattern: &str) -> PathBuf {
    let parts = Path::new(pattern).components();
    parts.filter(|part| *part != Component::CurDir).collect()
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
    let is_rest = |path: &Path, metadata: &Metadata| {
        let goes_on = path
            .file_name()
            .and_then(|other| other.to_str())
            .is_some_and(|other| other.len() > name.len() && other.starts_with(name));
        goes_on
            && metadata.len() > before.cursor.start()
            && !is_known(key_of(metadata))
            && is_copy(path, before.print)
    };
    beside(&before.path)?
        .filter(|(path, metadata)| is_rest(path, metadata))
        .max_by_key(|(_, metadata)| metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH))
        .map(|(path, metadata)| (key_of(&metadata), path))
}

/// Files that came where a file is, and were renamed, since it was noted: whoever
/// rotates several times while nobody looks leaves some that were never seen by the
/// name that they had. Those that begin like `original` are copies of it.
pub(super) fn rotated_since(
    before: &FileRecord,
    original: Print,
    is_known: impl Fn(FileKey) -> bool,
) -> Vec<(FileKey, PathBuf)> {
    let Some(name) = before.path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let is_rotated = |path: &Path, metadata: &Metadata| {
        let other = path.file_name().and_then(|other| other.to_str());
        other.is_some_and(|other| is_name_of_rotated(name, other))
            && metadata.len() > 0
            && !is_known(key_of(metadata))
            && came_since(metadata, before.at)
            && !is_copy(path, original)
    };
    let found = beside(&before.path).into_iter().flatten();
    found
        .filter(|(path, metadata)| is_rotated(path, metadata))
        .map(|(path, metadata)| (key_of(&metadata), path))
        .collect()
}

/// `a.log.1`, `a.log.2026-01-02`, `0.log.20260102-030405`; no `a.log.gz` or `a.log.swp`.
fn is_name_of_rotated(name: &str, other: &str) -> bool {
    let is_part = |char: char| char.is_ascii_digit() || "TZ:._-".contains(char);
    other
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(['.', '-', '_']))
        .is_some_and(|rest| {
            rest.starts_with(|first: char| first.is_ascii_digit()) && rest.chars().all(is_part)
        })
}

/// Where the file system does not say when a file came, it was written since.
fn came_since(metadata: &Metadata, second: i64) -> bool {
    let came = metadata.created().or_else(|_| metadata.modified());
    let since = came.map(|came| came.duration_since(SystemTime::UNIX_EPOCH));
    matches!(since, Ok(Ok(since)) if i64::try_from(since.as_secs()).unwrap_or(i64::MAX) >= second)
}

fn is_copy(path: &Path, original: Print) -> bool {
    let matches = || File::open(path).and_then(|file| original.matches(&file));
    !original.is_empty() && matches().unwrap_or(false)
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
        for pattern in ["a.log", "*.log", "./*.log"] {
            assert_eq!(folders(pattern, "a.log"), ["."], "{pattern}");
            assert_eq!(top(pattern), Path::new("."), "{pattern}");
        }
        assert_eq!(folders("./sub/*/a.log", "sub/x/a.log"), ["sub/x", "sub"]);
    }

    #[test]
    fn globs_that_lead_to_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.log"), "").unwrap();
        let [there, gone] = ["*.log", "*.txt"]
            .map(|name| {
                format!(
                    "sink: {{ to: stdout }}\nfiles: [{{ paths: \"{}/{name}\" }}]",
                    folder.path().display()
                )
            })
            .map(|text| crate::Config::read(Path::new("x"), Some(&text), |_| None).unwrap())
            .map(|config| crate::config::groups(&config));
        assert!(scan(&there, |_, _| {}).is_empty());
        assert_eq!(scan(&gone, |_, _| {}), [gone[0].globs[0].as_str()]);
    }

    #[test]
    fn what_globs_call_a_file() {
        let called = |pattern: &str, named: &Path| {
            called(pattern, named).map(|shown| shown.to_str().unwrap().to_owned())
        };
        let file = Path::new("/data/sub/a.log");
        for (pattern, is_found) in [
            ("/data/*/*.log", true),
            ("/data/./sub//a.log", true),
            ("/data/**/*.log", true),
            ("/data/*.log", false),
            ("./*.log", false),
        ] {
            let expected = is_found.then(|| "/data/sub/a.log".to_owned());
            assert_eq!(called(pattern, file), expected, "{pattern}");
        }
        let here = std::env::current_dir().unwrap().join("sub/a.log");
        assert_eq!(called("./*/*.log", &here).as_deref(), Some("sub/a.log"));
    }

    #[test]
    fn names_of_rotated_files() {
        for name in ["a.log.1", "a.log.2026-01-02", "a.log-20260102T030405Z"] {
            assert!(is_name_of_rotated("a.log", name), "{name}");
        }
        for name in ["a.log", "a.log.gz", "a.log.1.gz", "a.log.bak", "a.logs.1"] {
            assert!(!is_name_of_rotated("a.log", name), "{name}");
        }
    }
}
