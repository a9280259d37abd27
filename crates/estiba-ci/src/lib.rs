//! Pipelines of GitLab and GitHub for a project, and what is wrong with those that
//! are there. Texts in, texts out: nothing here reads a disk or runs a program.

mod github;
mod gitlab;
pub mod lint;
pub mod report;
mod tests;

use std::path::PathBuf;

use estiba_model::Name;

pub use github::github;
pub use gitlab::{Include, catalog, gitlab};
pub use tests::{Language, Tests};

/// What a pipeline is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipeline {
    /// What ships.
    pub on: Trigger,
    /// What deploys.
    pub through: Through,
    /// What builds Dockerfiles.
    pub builder: Builder,
    /// The environment that a release comes to first.
    pub test: Name,
    /// The environment that a person takes it to.
    pub prod: Name,
    /// Whether each merge request has an environment of its own.
    pub previews: bool,
    /// The tests of the workloads.
    pub tests: Vec<Tests>,
    /// The image that jobs run in, which has `estiba`; without one, runners have it.
    pub image: Option<String>,
    /// The tags, or labels, of the runners; any runner where there are none.
    pub runners: Vec<String>,
}

/// What ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Each tag.
    Tags,
    /// Each commit of the default branch.
    Branches,
}

impl Trigger {
    fn word(self) -> &'static str {
        match self {
            Self::Tags => "tags",
            Self::Branches => "branches",
        }
    }
}

/// What deploys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Through {
    /// The Estiba server at this address, to which jobs show their identity token.
    Server(String),
    /// The runner: it keeps Estiba's state, and reaches the targets.
    Runner,
}

/// What builds Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// Whatever the runner has.
    Machine,
    /// Buildah, with no privilege.
    Buildah,
}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root of the repository.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Whose it is.
    pub kind: Kind,
}

/// Whose a written file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The team's: it goes on with jobs of their own.
    Begun,
    /// Estiba's: a newer one replaces it.
    Whole,
}

impl File {
    /// Whether what is on disk is this file.
    #[must_use]
    pub fn is(&self, on_disk: &str) -> bool {
        match self.kind {
            Kind::Whole => on_disk == self.text,
            Kind::Begun => on_disk.starts_with(&self.text),
        }
    }
}

/// The first line of a file that a newer Estiba replaces.
fn written_by(command: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!("# Written by Estiba {version}; `estiba ci {command} --force` brings it up to date.\n")
}
