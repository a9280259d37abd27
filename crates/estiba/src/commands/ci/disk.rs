//! A repository on this machine's disk.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use estiba_ci::lint::Repository;
use estiba_score::yaml::Document;

/// A longer file is no pipeline, and no script of one.
const MOST_BYTES: u64 = 1 << 20;

/// Where gitlab-ci-local looks for variables of a repository.
const LOCAL_VARIABLES: &str = ".gitlab-ci-local-variables.yml";

pub(super) struct Disk<'r> {
    root: &'r Path,
}

impl<'r> Disk<'r> {
    pub fn at(root: &'r Path) -> Self {
        Self { root }
    }

    /// A path of the repository, from here.
    pub fn path(&self, inside: &Path) -> PathBuf {
        let path = self.root.join(inside);
        match path.strip_prefix("./") {
            Ok(path) => path.to_owned(),
            Err(_) => path,
        }
    }

    /// The names of variables that runs on this machine have.
    pub fn local_variables(&self) -> BTreeSet<String> {
        let file = Path::new(LOCAL_VARIABLES);
        let text = self.text(file).unwrap_or_default();
        let (documents, _) = Document::all(file, &text);
        let maps = documents
            .iter()
            .filter_map(|document| document.value.as_object());
        maps.flat_map(|map| map.keys().cloned()).collect()
    }
}

impl Repository for Disk<'_> {
    fn text(&self, path: &Path) -> Option<String> {
        let file = std::fs::File::open(self.path(path)).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()?;
        let is_short = bytes.len() as u64 <= MOST_BYTES;
        is_short.then(|| String::from_utf8(bytes).ok())?
    }

    fn is_executable(&self, path: &Path) -> Option<bool> {
        let found = std::fs::metadata(self.path(path)).ok()?;
        found
            .is_file()
            .then(|| found.permissions().mode() & 0o111 != 0)
    }
}
