//! What instances write.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{InstanceName, Name};

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
