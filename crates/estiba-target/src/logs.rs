//! What instances write.

use std::pin::Pin;

use estiba_model::{InstanceName, Name};
use futures::Stream as AsyncStream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::TargetError;

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it arrived.
    pub at: Timestamp,
    /// Who wrote it.
    pub instance: InstanceName,
    /// Which container of the instance.
    pub container: Name,
    /// Where; none on a target that keeps both in one.
    pub stream: Option<Stream>,
    /// The text, without its line end.
    pub text: String,
}

/// Which lines are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogQuery {
    /// Only lines at or after this instant.
    pub since: Option<Timestamp>,
    /// Only the last so many of those that are there.
    pub tail: Option<usize>,
    /// Go on with new lines, also those of instances that start later.
    pub follow: bool,
}

/// Lines in order of time; each instance's own order is kept.
pub type LogStream = Pin<Box<dyn AsyncStream<Item = Result<LogLine, TargetError>> + Send>>;
