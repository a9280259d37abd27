//! What other tools read, to Score files and an `estiba.yaml`: Compose files,
//! Kubernetes manifests, and the files of a Heroku app.
//!
//! [`import`] reads texts through [`Files`] and gives texts: nothing is written
//! here. What can't be carried over is told with file, line and what to do, and
//! secrets found in clear are taken out of what is written.
//!
//! A source becomes a `draft`: workloads whose values are still as they were
//! written, by environment. `link` finds databases, addresses of other
//! workloads, secrets and what differs between environments; `write` makes the
//! files.

mod compose;
mod draft;
mod files;
mod heroku;
mod kubernetes;
mod link;
mod names;
mod node;
mod probe;
mod report;
mod source;
mod text;
mod write;

use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Lang, Name, SecretString};

pub use files::{Files, Kind, MemoryFiles};

/// How to import.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the new `estiba.yaml`.
    pub directory: PathBuf,
    /// The project's name.
    pub project: Name,
    /// The team, where the source does not name one.
    pub team: Name,
    /// The language of the comments in the files.
    pub lang: Lang,
}

/// What came of reading a source.
#[derive(Debug, Default)]
pub struct Imported {
    /// New files and what is in them; none where nothing could be read.
    pub files: Vec<(PathBuf, String)>,
    /// Secrets that were in clear in the source, for the secret store.
    pub secrets: Vec<FoundSecret>,
    /// What could not be carried over, what was taken for granted, and what is
    /// wrong with the source, in the order of the files. It shows no secret.
    pub report: Vec<Diagnostic>,
}

/// A secret that was in clear in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSecret {
    /// The environment that it belongs to.
    pub environment: Name,
    /// The name by which workloads read it.
    pub name: String,
    /// Its value.
    pub value: SecretString,
}

/// Reads what `paths` name, files or folders, and plans the files of a project.
#[must_use]
pub fn import(files: &dyn Files, paths: &[PathBuf], options: &Options) -> Imported {
    let mut report = report::Report::default();
    let sources = source::find(files, paths, &mut report);
    let mut draft = match sources.format {
        Some(source::Format::Compose) => compose::read(files, &sources.files, &mut report),
        Some(source::Format::Kubernetes) => kubernetes::read(files, &sources.files, &mut report),
        Some(source::Format::Heroku) => heroku::read(files, &sources.files, &mut report),
        None => draft::Draft::default(),
    };
    if draft.workloads.is_empty() {
        if sources.format.is_some() {
            report.nothing_runs(paths.first().map_or(Path::new("."), PathBuf::as_path));
        }
        return Imported {
            report: report.into_findings(),
            ..Imported::default()
        };
    }
    draft.made_for = match sources.format {
        Some(source::Format::Compose) => Some("docker"),
        Some(source::Format::Kubernetes) => Some("kubernetes"),
        Some(source::Format::Heroku) | None => None,
    };
    let values = link::link(&mut draft, &mut report);
    let files = write::files(files, &draft, &values, options, &mut report);
    Imported {
        files,
        secrets: values.secrets(),
        report: report.into_findings(),
    }
}
