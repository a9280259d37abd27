//! What is shipped, and where to: a small file, or a few variables.

mod build;
mod environment;
mod file;
mod login;
mod reader;
mod values;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use estiba_model::SecretString;

use crate::framing::{Format, Limits};
use crate::multiline::Language;
use crate::parse::Parse;
use crate::sink::Authorities;

pub(crate) use build::{groups, intake};
pub use environment::VARIABLES;

/// A shipper's configuration. Make it with [`Config::read`].
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Files that are followed.
    pub files: Vec<Files>,
    /// Whether standard input is read.
    pub stdin: bool,
    /// Where lines are posted to.
    pub listen: Option<Listen>,
    /// How lines that are not of files are read.
    pub reading: Reading,
    /// Members of every document.
    pub fields: BTreeMap<String, String>,
    /// The member that says which file a line is from, where one is wanted.
    pub path_field: Option<String>,
    /// Where documents go.
    pub sink: SinkConfig,
    /// The folder for positions, the disk buffer and what was refused. Without
    /// one, nothing is remembered.
    pub state: Option<PathBuf>,
    /// The disk buffer's bound in bytes; nothing is buffered on disk without one.
    pub buffer_bytes: Option<u64>,
    /// Where `/metrics` and `/healthz` are answered.
    pub metrics: Option<SocketAddr>,
    /// What is still on its way when the shipper is told to end has so much time.
    pub drain: Duration,
    /// Told to end, it goes on following files until nothing was written for so long and
    /// whoever writes has closed them, for four fifths of `drain` at the most. Where it
    /// is zero, what is there then is all.
    pub quiet: Duration,
    /// What an event may be at most.
    pub limits: Limits,
    /// A line without an end is whole after this time.
    pub line_patience: Duration,
    /// So many files are open at once, at most.
    pub open_files: usize,
}

/// Files that are read in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// Globs.
    pub paths: Vec<String>,
    /// Globs of those that are left out.
    pub except: Vec<String>,
    /// How lines are wrapped.
    pub format: Format,
    /// How they are read.
    pub reading: Reading,
    /// Members of their documents, before those of all.
    pub fields: BTreeMap<String, String>,
}

/// How lines become documents.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// What is made of a line.
    pub parse: Parse,
    /// Which lines belong together.
    pub multiline: Option<Joined>,
    /// Patterns of what is left out.
    pub drop: Vec<String>,
    /// Patterns, and of how many matches one is kept.
    pub sample: Vec<(String, u64)>,
    /// Patterns of what is shown as `***`.
    pub redact: Vec<String>,
}

/// Which lines belong together.
#[derive(Debug, Clone, PartialEq)]
pub enum Joined {
    /// Stack traces of these languages.
    Traces(Vec<Language>),
    /// A line that matches begins an event.
    Start {
        /// The pattern.
        pattern: String,
        /// Lines of one event follow one another within this time.
        within: Duration,
    },
}

/// Lines of stack traces follow one another within this time.
pub(crate) const TRACE_PATIENCE: Duration = Duration::from_secs(1);

/// A door for lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Listen {
    /// Where.
    pub address: SocketAddr,
    /// What a request has to bring.
    pub token: Option<SecretString>,
}

/// Where documents go.
#[derive(Debug, Clone, PartialEq)]
pub enum SinkConfig {
    /// An Elasticsearch-compatible `_bulk`.
    Bulk(Box<BulkConfig>),
    /// Standard output.
    Stdout,
}

/// How a `_bulk` is talked to.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkConfig {
    /// The address of the `_bulk` itself.
    pub url: reqwest::Url,
    /// Who the shipper is there.
    pub login: Option<SinkLogin>,
    /// Whom its certificate may be signed by, instead of public authorities.
    pub authorities: Option<Authorities>,
    /// Whether requests are compressed.
    pub gzip: bool,
    /// A request ends after this time.
    pub timeout: Duration,
    /// Documents are given up after this time; never without one.
    pub give_up: Option<Duration>,
    /// A batch's bytes; one event or one posted body more may be in it.
    pub batch_bytes: usize,
    /// A batch's documents.
    pub batch_documents: usize,
    /// A batch that is not full is sent after this time.
    pub linger: Duration,
}

/// Who the shipper is at its sink.
#[derive(Debug, Clone, PartialEq)]
pub enum SinkLogin {
    /// An API key of Elasticsearch, or a token of Estiba.
    Token(SecretString),
    /// A user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

impl Config {
    /// The bound of one window of a source: two of the longest events, and what
    /// is around them.
    pub(crate) fn largest_window(&self) -> usize {
        self.limits.bytes * 2 + (64 << 10)
    }
}

#[cfg(test)]
mod tests;
