//! What can be asked, and the answers.

mod aggregate;
mod bars;
mod compile;
mod errors;
mod find;
mod histogram;
mod verify;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use estiba_logs::{Query, Record};
use estiba_model::{Message, message};
use jiff::{SignedDuration, Timestamp};

pub(crate) use aggregate::{aggregate, column, count, fields, terms};
pub(crate) use bars::BarsCache;
pub(crate) use errors::{Failed, one_partition};
pub(crate) use find::search;
pub(crate) use histogram::histogram;

/// Which lines a read is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// What they are like.
    pub query: Query,
    /// The first moment.
    pub from: Option<Timestamp>,
    /// The first moment after them.
    pub until: Option<Timestamp>,
}

impl Default for Selection {
    fn default() -> Self {
        Self {
            query: Query::all(),
            from: None,
            until: None,
        }
    }
}

/// A search for lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What they are like.
    pub query: Query,
    /// The first moment.
    pub from: Option<Timestamp>,
    /// The first moment after them.
    pub until: Option<Timestamp>,
    /// In which order they come.
    pub order: Order,
    /// How many are wanted, at most [`Search::MOST`].
    pub limit: usize,
    /// Where the last page ended.
    pub after: Option<Cursor>,
    /// How many lines of the same instance before each, at most [`Search::MOST_CONTEXT`].
    pub lines_before: usize,
    /// How many lines of the same instance after each, at most [`Search::MOST_CONTEXT`].
    pub lines_after: usize,
}

impl Search {
    /// The most lines of a page.
    pub const MOST: usize = 10_000;
    /// The most lines around a hit. With context a page has at most 100 hits.
    pub const MOST_CONTEXT: usize = 50;
}

impl Default for Search {
    /// The newest hundred lines.
    fn default() -> Self {
        Self {
            query: Query::all(),
            from: None,
            until: None,
            order: Order::NewestFirst,
            limit: 100,
            after: None,
            lines_before: 0,
            lines_after: 0,
        }
    }
}

/// The order of lines: by moment, then as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// The newest first.
    #[default]
    NewestFirst,
    /// The oldest first.
    OldestFirst,
}

/// A line's place in the order; its text is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// The moment, in microseconds since 1970.
    pub at_us: i64,
    /// The number that the line got as it came.
    pub sequence: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at_us, self.sequence)
    }
}

impl FromStr for Cursor {
    type Err = Message;

    fn from_str(text: &str) -> Result<Self, Message> {
        text.split_once('_')
            .and_then(|(at, sequence)| {
                Some(Self {
                    at_us: at.parse().ok()?,
                    sequence: sequence.parse().ok()?,
                })
            })
            .ok_or_else(|| {
                message!(
                    "{text:?} is no place in the logs: use one that a search answered",
                    "{text:?} no es un lugar en los logs: usa uno que haya dado una búsqueda"
                )
            })
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// The lines, in the order asked for.
    pub hits: Vec<Hit>,
    /// Where the next page begins, if there may be one.
    pub next: Option<Cursor>,
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Its place in the order.
    pub cursor: Cursor,
    /// The line.
    pub record: Record,
    /// Lines of the same instance before it, in the order of time.
    pub before: Vec<Record>,
    /// Lines of the same instance after it, in the order of time.
    pub after: Vec<Record>,
}

/// How many lines there are over time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramOf {
    /// Which lines.
    pub selection: Selection,
    /// The field that each bar is split by, such as `level`.
    pub by: Option<String>,
    /// The width of a bar; one that gives about sixty where none is said.
    pub interval: Option<SignedDuration>,
}

impl Histogram {
    /// The width of bars of which about sixty cover a span of time.
    #[must_use]
    pub fn fitting_interval(span: SignedDuration) -> SignedDuration {
        let us = span.as_micros().clamp(1, i128::from(i64::MAX));
        histogram::interval_over(i64::try_from(us).unwrap_or(i64::MAX))
    }
}

/// The answer to a [`HistogramOf`].
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The width of a bar.
    pub interval: SignedDuration,
    /// The bars that have lines, in the order of time.
    pub buckets: Vec<Bucket>,
}

/// A bar of a [`Histogram`].
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Where it begins: a multiple of the interval since 1970.
    pub from: Timestamp,
    /// How many lines it has.
    pub lines: u64,
    /// How many of them have which value; lines without one are in `lines` alone.
    pub by: BTreeMap<String, u64>,
}

/// The values of a field.
#[derive(Debug, Clone, PartialEq)]
pub struct TermsOf {
    /// Which lines.
    pub selection: Selection,
    /// The field.
    pub field: String,
    /// How many values are wanted, at most 1,000.
    pub limit: usize,
}

/// The answer to a [`TermsOf`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The most frequent values first.
    pub terms: Vec<Term>,
    /// How many lines have other values.
    pub others: u64,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// The value as a text.
    pub value: String,
    /// How many lines have it.
    pub lines: u64,
}
