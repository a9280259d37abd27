//! A repository on this machine's disk.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{Error, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use estiba_ci::lint::{MOST_BYTES, Repository, Unread};
use estiba_score::yaml::Document;

/// More files than anyone looks through for those of a pipeline.
const MOST_FILES: usize = 10_000;

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
    fn text(&self, path: &Path) -> Result<String, Unread> {
        let file = File::open(self.path(path)).map_err(|error| unread(&error))?;
        let found = file.metadata().map_err(|error| unread(&error))?;
        if !found.is_file() {
            return Err(Unread::Missing);
        }
        let mut bytes = Vec::new();
        let mut file = file.take(MOST_BYTES + 1);
        file.read_to_end(&mut bytes).map_err(|e| unread(&e))?;
        if bytes.len() as u64 > MOST_BYTES {
            return Err(Unread::TooLong);
        }
        String::from_utf8(bytes).map_err(|_| Unread::NotText)
    }

    fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut waiting = VecDeque::from([folder.to_owned()]);
        // Those that are the least deep come first.
        while let Some(folder) = waiting.pop_front() {
            let entries = std::fs::read_dir(self.path(&folder)).into_iter().flatten();
            for entry in entries.flatten() {
                let path = folder.join(entry.file_name());
                match entry.file_type() {
                    _ if found.len() + waiting.len() >= MOST_FILES => return found,
                    Ok(kind) if kind.is_dir() && entry.file_name() != ".git" => {
                        waiting.push_back(path);
                    }
                    Ok(kind) if kind.is_file() => found.push(path),
                    _ => {}
                }
            }
        }
        found
    }

    fn is_executable(&self, path: &Path) -> Option<bool> {
        let found = std::fs::metadata(self.path(path)).ok()?;
        found
            .is_file()
            .then(|| found.permissions().mode() & 0o111 != 0)
    }
}

fn unread(error: &Error) -> Unread {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unread::Missing,
        _ => Unread::Refused(error.to_string()),
    }
}
