//! What instances write.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{FileLogs, InstanceName, Name};

/// Where a line was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that an instance wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl LogLine {
    /// What it says to people, line by line: one that was read from a file, what stands
    /// there.
    #[must_use]
    pub fn said(self) -> Vec<String> {
        let of_file = (self.container.as_str() == FileLogs::CONTAINER)
            .then(|| FileLogs::read_from_file(&self.text))
            .flatten();
        match of_file {
            Some(text) => text.lines().map(str::to_owned).collect(),
            None => vec![self.text],
        }
    }
}
