//! What goes wrong in pipelines of GitLab, found before they run.

mod circles;
mod commands;
mod dashes;
mod include;
mod model;
mod needs;
mod predefined;
mod production;
mod references;
mod scripts;
mod settings;
mod shape;
mod shell;
mod stages;
mod trace;
mod unread;
mod variables;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use estiba_model::Diagnostic;

use model::Pipeline;

/// A longer file is no pipeline, and no script of one.
pub const MOST_BYTES: u64 = 1 << 20;

/// The files of a repository.
pub trait Repository {
    /// The text of a file, by its path from the root.
    ///
    /// # Errors
    /// Why there is none.
    fn text(&self, path: &Path) -> Result<String, Unread>;
    /// The paths from the root of the files below a folder, those in its folders too.
    fn files(&self, folder: &Path) -> Vec<PathBuf>;
    /// Whether a file may be run; `None` where there is none.
    fn is_executable(&self, path: &Path) -> Option<bool>;
}

/// Why a file has no text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// There is no such file.
    Missing,
    /// It is longer than [`MOST_BYTES`].
    TooLong,
    /// It is not UTF-8.
    NotText,
    /// The system does not give it, in its words.
    Refused(String),
}

/// The variables that a pipeline gets from outside of its files.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Their names.
    pub names: BTreeSet<String>,
    /// Whether there are no others: what GitLab's settings have is not seen from here.
    pub is_all: bool,
}

/// Everything that is wrong with the pipeline of a file, and with the files of the
/// repository that it includes, in their order.
#[must_use]
pub fn lint(file: &Path, repository: &dyn Repository, known: &Known) -> Vec<Diagnostic> {
    let (pipeline, mut findings) = Pipeline::read(file, repository);
    findings.extend(shape::check(&pipeline));
    findings.extend(references::check(&pipeline));
    findings.extend(needs::check(&pipeline));
    findings.extend(stages::check(&pipeline));
    findings.extend(commands::check(&pipeline));
    findings.extend(dashes::check(&pipeline));
    findings.extend(variables::check(&pipeline, known));
    findings.extend(settings::check(&pipeline, known));
    findings.extend(scripts::check(&pipeline, repository));
    findings.extend(trace::check(&pipeline, repository));
    findings.extend(production::check(&pipeline));
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    findings.dedup();
    findings
}
