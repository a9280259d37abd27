//! Files that are followed by what they are, not by their names.

mod discover;
mod follow;
mod look;
mod noted;
mod print;
mod tracked;
mod watch;

pub(crate) use follow::{Files, Filled};
pub(crate) use print::Print;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::document::Encoder;
use crate::fields::Fields;
use crate::framing::{Assembler, Format};

/// Files that are read in the same way.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) globs: Vec<String>,
    pub(crate) except: Vec<glob::Pattern>,
    pub(crate) format: Format,
    /// For lines as they are, and for those of container runtimes.
    pub(crate) raw: Assembler,
    pub(crate) container: Assembler,
    pub(crate) encoder: Encoder,
    pub(crate) fields: Fields,
    /// The member that says which file a line is from.
    pub(crate) path_field: Option<String>,
}

impl Group {
    /// Whether a name is one of those that are left out.
    fn leaves_out(&self, named: &Path) -> bool {
        self.except.iter().any(|except| except.matches_path(named))
    }

    /// The members of a file's documents, where its path says more than the group.
    fn fields_of(&self, path: &Path) -> Option<Box<Fields>> {
        let mut own = self.fields.of_path(path);
        if let Some(name) = &self.path_field {
            own.add(name, &path.to_string_lossy());
        }
        (own != self.fields).then(|| Box::new(own))
    }
}

/// When what waits is whole, and how much is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Lines of one event follow one another within this time.
    pub(crate) event: Duration,
    /// A line without an end is whole after this time.
    pub(crate) line: Duration,
    /// So many files are open at once, at most.
    pub(crate) open_files: usize,
    /// No window of a file is larger, in bytes.
    pub(crate) largest_window: usize,
}

/// Below these folders are files of container runtimes.
const CONTAINER_FOLDERS: [&str; 3] = [
    "/var/log/pods/",
    "/var/log/containers/",
    "/docker/containers/",
];

fn is_of_containers(format: Format, path: &str) -> bool {
    match format {
        Format::Raw => false,
        Format::Auto => CONTAINER_FOLDERS.iter().any(|folder| path.contains(folder)),
        _ => true,
    }
}

/// A file that was found by a glob.
#[derive(Debug)]
struct Found {
    group: usize,
    /// As the glob has it.
    named: PathBuf,
}
