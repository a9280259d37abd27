//! The language that logs are searched with.

mod build;
mod display;
mod glob;
mod matching;
mod parse;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use estiba_model::Message;

use crate::Origin;

pub use glob::{Glob, Piece};

/// What is looked for.
///
/// | text | finds |
/// |---|---|
/// | `refused` | lines whose message has this word, in any case |
/// | `"connection refused"` | these words one after another |
/// | `refus*`, `10.0.?.1` | words by wildcards: `*` any text, `?` one character |
/// | `level:error` | lines of this level; names as loggers write them |
/// | `level:>=warn` | that level and graver |
/// | `workload:bot`, `path:/api/*` | the whole value of a field, in any case |
/// | `status:>=500`, `status:[400 TO 499]`, `ms:{10 TO *}` | ranges, without the ends for `{}` |
/// | `instance:(a OR b)` | alternatives of one field |
/// | `trace_id:*` | lines that have the field, or anything in it |
/// | `@timestamp:2026-05-01` | lines of that day |
/// | `a b`, `a AND b` | both |
/// | `a OR b` | one of them; `AND` binds more tightly |
/// | `NOT a`, `-a`, `!a` | the others |
///
/// `\` takes the meaning from the character after it. Operators are in capitals.
/// An empty text and `*` find everything.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The root of the tree.
    pub node: Node,
}

/// A part of a [`Query`].
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// Everything.
    All,
    /// What all of these find.
    And(Vec<Node>),
    /// What one of these finds.
    Or(Vec<Node>),
    /// What this doesn't find.
    Not(Box<Node>),
    /// A field has a value; a message has words.
    Is {
        /// The field.
        field: Field,
        /// The value.
        value: Value,
    },
    /// A field's value lies between two others: numbers, moments, levels or texts.
    /// A text is compared in lower case, by its characters.
    Between {
        /// The field.
        field: Field,
        /// The lower end.
        low: Bound,
        /// The upper end.
        high: Bound,
    },
    /// A field has any value.
    Exists {
        /// The field.
        field: Field,
    },
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word, perhaps with wildcards.
    Word(Glob),
    /// A text between quotes, in which nothing is special.
    Phrase(String),
}

/// An end of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// There is none: `*`.
    Open,
    /// The end belongs to the range.
    Including(String),
    /// The end does not belong to the range.
    Excluding(String),
}

/// The name of a field, one for all its spellings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Field(String);

impl Field {
    /// The name of the moment of a line.
    pub const AT: &'static str = "@timestamp";
    /// The name of the text of a line.
    pub const MESSAGE: &'static str = "message";
    /// The name of the level of a line.
    pub const LEVEL: &'static str = "level";

    /// The field that `name` means: `msg` is `message`, `log.level` is `level`.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let canonical = match name {
            "timestamp" | "time" | "ts" => Self::AT,
            "msg" | "log" | "text" => Self::MESSAGE,
            "log.level" | "severity" | "lvl" => Self::LEVEL,
            _ => name
                .strip_prefix("fields.")
                .filter(|rest| Origin::FIELDS.contains(rest))
                .unwrap_or(name),
        };
        Self(canonical.to_owned())
    }

    /// The text of a line.
    #[must_use]
    pub fn message() -> Self {
        Self(Self::MESSAGE.to_owned())
    }

    /// The one name of the field.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is no query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// The place in the text, in bytes; it lies between characters and may be empty
    /// at the end.
    pub span: Range<usize>,
    /// What is wrong and what to do.
    pub message: Message,
}

impl Query {
    /// The longest text that is read, in bytes.
    pub const LONGEST_BYTES: usize = 16 << 10;

    /// Reads a text.
    ///
    /// # Errors
    /// If it is no query: the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parse::parse(text, Node::And).map(|node| Self { node })
    }

    /// Reads a text in which words next to one another are alternatives, as in
    /// Elasticsearch's query strings.
    ///
    /// # Errors
    /// If it is no query: the first thing that is wrong.
    pub fn parse_any(text: &str) -> Result<Self, QueryError> {
        parse::parse(text, Node::Or).map(|node| Self { node })
    }

    /// What finds everything.
    #[must_use]
    pub fn all() -> Self {
        Self { node: Node::All }
    }

    /// What both find.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            node: Node::And(vec![self.node, other.node]),
        }
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Query {
    /// A text that means the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::node(&self.node, f)
    }
}

#[cfg(test)]
mod tests;
