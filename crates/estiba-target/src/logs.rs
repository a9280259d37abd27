//! What instances write.

use std::pin::Pin;

use estiba_model::LogLine;
use futures::Stream as AsyncStream;
use jiff::Timestamp;

use crate::TargetError;

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
