//! The files that an import may look at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Missing,
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// Texts by their path, as the user would name it.
pub trait Files {
    /// The text of a file; `None` where there is none, or where it is no text or
    /// longer than an import reads.
    fn text(&self, path: &Path) -> Option<String>;

    /// What is at a path.
    fn kind(&self, path: &Path) -> Kind;

    /// The files below a folder, in order, as far as an import looks.
    fn below(&self, folder: &Path) -> Vec<PathBuf>;
}

/// Texts in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(pub BTreeMap<PathBuf, String>);

impl Files for MemoryFiles {
    fn text(&self, path: &Path) -> Option<String> {
        self.0.get(path).cloned()
    }

    fn kind(&self, path: &Path) -> Kind {
        if self.0.contains_key(path) {
            Kind::File
        } else if self.0.keys().any(|file| file.starts_with(path)) {
            Kind::Folder
        } else {
            Kind::Missing
        }
    }

    fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let files = self.0.keys();
        files
            .filter(|file| file.starts_with(folder))
            .cloned()
            .collect()
    }
}

/// `path` beside `file`, without `.` and `..` steps where they can be taken.
pub(crate) fn beside(file: &Path, path: &str) -> PathBuf {
    let folder = file.parent().unwrap_or(Path::new(""));
    join(folder, path)
}

/// `path` below `folder`, without `.` and `..` steps where they can be taken.
pub(crate) fn join(folder: &Path, path: &str) -> PathBuf {
    use std::path::Component;
    let mut joined = PathBuf::new();
    for step in folder.join(path).components() {
        match step {
            Component::CurDir => {}
            Component::ParentDir if joined.file_name().is_some() => {
                joined.pop();
            }
            other => joined.push(other),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_taken() {
        let beside = |path| beside(Path::new("a/compose.yml"), path);
        assert_eq!(beside("./api"), Path::new("a/api"));
        assert_eq!(beside("../api/."), Path::new("api"));
        assert_eq!(beside("../../api"), Path::new("../api"));
        assert_eq!(beside("/api"), Path::new("/api"));
    }
}
