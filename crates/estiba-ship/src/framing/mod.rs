//! From bytes to events: lines, the formats of container runtimes, and lines
//! that belong together.
//!
//! An [`Assembler`] keeps nothing from one call to the next: what is not whole
//! yet is read again, from where the [`Cursor`] says. So nothing is held in
//! memory for a file that waits, and a cursor is all that a checkpoint needs.

mod assembler;
mod container;
pub mod octet;
pub mod syslog;

use serde::Deserialize;

pub use assembler::{Assembler, End, Limits, Taken};
pub use container::{Piece, piece};

/// How lines are wrapped in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// [`Format::Container`] below the folders of container runtimes, else
    /// [`Format::Raw`].
    #[default]
    Auto,
    /// A line is a line.
    Raw,
    /// The runtime interface of Kubernetes: time, stream, and `P` or `F` before
    /// each piece of a line.
    Cri,
    /// Docker's `json-file`: an object for each piece of a line.
    Docker,
    /// [`Format::Cri`] or [`Format::Docker`], as each line looks.
    Container,
}

/// What a line was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }

    fn index(self) -> usize {
        usize::from(self == Self::Stderr)
    }
}

/// What becomes one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// The text, without the end of its last line. Any bytes.
    pub text: &'a [u8],
    /// When the container runtime got it, in RFC 3339.
    pub time: Option<&'a str>,
    /// What the container wrote it to.
    pub stream: Option<Stream>,
    /// Whether it was longer than is kept.
    pub cut: bool,
}

/// How far a source has been read, for each of its two streams: what begins
/// before is done. Where pieces of both are mixed, one may be ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, Deserialize)]
pub struct Cursor {
    /// Offsets in bytes: standard output (or the only stream) and error.
    pub at: [u64; 2],
    /// What follows, up to the end of the line, belongs to one that was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipping: bool,
}

impl Cursor {
    /// Everything before `offset` is done.
    #[must_use]
    pub fn at(offset: u64) -> Self {
        Self {
            at: [offset; 2],
            skipping: false,
        }
    }

    /// Where to read on.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.at[0].min(self.at[1])
    }
}
