//! The log record and the language it is searched with.
//!
//! A [`Record`] is one line and all that is known of it. It travels as the JSON
//! document of an Elasticsearch `_bulk` request ([`Record::to_document`]) and is
//! read from what every common shipper sends ([`Record::from_document`]).
//!
//! A [`Query`] is text in the way of Lucene and KQL, which a store turns into an
//! index search and everybody else into a test of single records:
//!
//! ```
//! use estiba_logs::{Query, Record};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let query = Query::parse(r#"level:>=warn "connection refused" -path:/health*"#)?;
//! let document = serde_json::json!({
//!     "@timestamp": "2026-05-01T12:00:00Z",
//!     "log.level": "error",
//!     "message": "Connection refused by 10.0.0.7",
//! });
//! let now = "2026-05-01T12:00:01Z".parse()?;
//! let record = Record::from_value(document, now)?;
//! assert!(query.matches(&record));
//! # Ok(())
//! # }
//! ```

mod document;
mod level;
mod level_in_text;
mod line;
pub mod logfmt;
pub mod moment;
pub mod names;
mod place;
mod query;
mod record;
mod words;

pub use document::RecordError;
pub use level::Level;
pub use moment::{parse_time, parse_time_up};
pub use place::{check_cluster, is_index};
pub use query::{Bound, Field, Glob, Node, Piece, Query, QueryError, Value};
pub use record::{Origin, Record};
pub use words::{LONGEST_VALUE_BYTES, LONGEST_WORD_BYTES, Words, whole, words};
