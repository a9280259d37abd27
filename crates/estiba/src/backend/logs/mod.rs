//! Lines of logs, however they are found: in a server's store, or on the targets.

mod around;
mod read;
mod stored;

use estiba_api::{LogHit, LogRecord};
use estiba_logs::{Level, Query};
use estiba_model::{Name, Project, Version, message};
use futures::stream::BoxStream;
use jiff::Timestamp;
use serde::Serialize;

use crate::failure::Failure;

pub use read::read;
pub use stored::stored;

/// Which lines are wanted.
#[derive(Debug, Clone)]
pub struct WantedLogs {
    /// Of these environments.
    pub environments: Vec<Name>,
    /// Of this workload; of all where none is named.
    pub workload: Option<Name>,
    /// What they are like, as it was typed.
    pub text: String,
    /// The same, read.
    pub query: Query,
    /// Only of this release.
    pub release: Option<Version>,
    /// Only of this level or worse.
    pub level: Option<Level>,
    /// Only at or after this moment.
    pub since: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
    /// So many lines of the same instance before and after each.
    pub around: usize,
    /// Only the last so many.
    pub tail: Option<usize>,
    /// Go on with new lines.
    pub follow: bool,
}

impl WantedLogs {
    /// Whether all lines of a workload are wanted, whatever they say.
    fn is_plain(&self) -> bool {
        self.query == Query::all()
            && self.release.is_none()
            && self.level.is_none()
            && self.until.is_none()
    }
}

/// A workload that a project does not have.
fn unknown(project: &Project, workload: &Name) -> Failure {
    let all: Vec<&str> = project.workloads.keys().map(Name::as_str).collect();
    let all = all.join(", ");
    Failure::because(message!(
        "there is no workload {workload}; there is: {all}. To look for text in all of them: `estiba logs --grep TEXT`",
        "no hay un componente {workload}; hay: {all}. Para buscar un texto en todos: `estiba logs --grep TEXTO`"
    ))
}

/// A line to be shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownLine {
    /// Its place in a server's store, by which it is found again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The line.
    #[serde(flatten)]
    pub record: LogRecord,
    /// Lines of the same instance before it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<LogRecord>,
    /// Lines of the same instance after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<LogRecord>,
}

impl From<LogHit> for ShownLine {
    fn from(hit: LogHit) -> Self {
        Self {
            cursor: Some(hit.cursor),
            record: hit.record,
            before: hit.before,
            after: hit.after,
        }
    }
}

/// What comes of looking for lines.
#[derive(Debug)]
pub enum FoundLine {
    /// A line.
    Line(Box<ShownLine>),
    /// So many lines were left out, since they came faster than they were read.
    Missed(u64),
}

/// Lines as they are found, the oldest first.
pub type FoundLines<'a> = BoxStream<'a, Result<FoundLine, Failure>>;
