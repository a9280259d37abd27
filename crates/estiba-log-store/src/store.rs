//! The store itself.

use std::path::{Path, PathBuf};

use estiba_logs::{Query, Record};

use crate::{
    AppendError, Environment, Found, Histogram, HistogramOf, OpenError, Options, ReadError,
    Retention, Scope, Search, Selection, Tail, Terms, TermsOf,
};

/// A store of logs in a folder.
#[derive(Debug)]
pub struct LogStore {}

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The number of the first line; those after it follow.
    pub first_sequence: u64,
    /// How many lines.
    pub lines: usize,
}

/// How a store is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// What is damaged and was set aside since the store was made.
    pub set_aside: Vec<SetAside>,
    /// Why lines can't be put into the index at the moment; they are safe in the
    /// write-ahead log.
    pub index_stuck: Option<String>,
    /// How many bytes of lines wait for the index.
    pub waiting_bytes: usize,
}

/// Something damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// What was wrong.
    pub why: String,
}

/// What a store has of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The environment.
    pub environment: Environment,
    /// How many lines are in the index.
    pub lines: u64,
    /// Their size on disk.
    pub bytes: u64,
}

impl LogStore {
    /// Opens the store of this folder, or makes one, and puts into the index what
    /// an earlier process left in the write-ahead log.
    ///
    /// # Errors
    /// If another process has it, or the folder can't be used.
    pub async fn open(_folder: impl AsRef<Path>, _options: Options) -> Result<Self, OpenError> {
        unimplemented!()
    }

    /// Takes lines: all or none. Once it answers they are on disk, and within
    /// [`Options::index_every`] they are found.
    ///
    /// # Errors
    /// If they were not taken.
    pub async fn append(&self, _records: Vec<Record>) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// Finds lines.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn search(&self, _scope: &Scope, _search: Search) -> Result<Found, ReadError> {
        unimplemented!()
    }

    /// How many lines there are.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn count(&self, _scope: &Scope, _selection: Selection) -> Result<u64, ReadError> {
        unimplemented!()
    }

    /// How many lines there are over time.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn histogram(
        &self,
        _scope: &Scope,
        _histogram: HistogramOf,
    ) -> Result<Histogram, ReadError> {
        unimplemented!()
    }

    /// The most frequent values of a field.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn terms(&self, _scope: &Scope, _terms: TermsOf) -> Result<Terms, ReadError> {
        unimplemented!()
    }

    /// The names of the fields that lines have, attributes among them.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn fields(&self, _scope: &Scope) -> Result<Vec<String>, ReadError> {
        unimplemented!()
    }

    /// Follows lines as they come.
    ///
    /// # Errors
    /// If too many readers follow already.
    pub fn tail(&self, _scope: &Scope, _query: Query) -> Result<Tail, ReadError> {
        unimplemented!()
    }

    /// The environments that have lines, of those in the scope.
    #[must_use]
    pub fn environments(&self, _scope: &Scope) -> Vec<Stored> {
        unimplemented!()
    }

    /// Says how long the lines of an environment are kept from now on.
    pub fn retain(&self, _environment: Environment, _retention: Retention) {
        unimplemented!()
    }

    /// How the store is.
    #[must_use]
    pub fn health(&self) -> Health {
        unimplemented!()
    }

    /// Puts all that waits into the index and ends. Dropping the store is safe too:
    /// what waits is then indexed by the next process.
    pub async fn close(&self) {
        unimplemented!()
    }
}
