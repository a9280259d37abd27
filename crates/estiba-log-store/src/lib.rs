//! Logs on one machine.
//!
//! A [`LogStore`] takes [`Record`](estiba_logs::Record)s, answers once they are on
//! disk, and finds them again. Lines wait in a write-ahead log until they are in the
//! index of their environment, a folder of its own that only reads with a matching
//! [`Scope`] ever open.
//!
//! ```no_run
//! use estiba_log_store::{LogStore, Options, Scope, Search};
//! use estiba_logs::{Query, Record};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = LogStore::open("/var/lib/estiba/logs", Options::default()).await?;
//! store.append(vec![Record::new(jiff::Timestamp::now(), "it works")]).await?;
//! let search = Search { query: Query::parse("works")?, ..Search::default() };
//! let found = store.search(&Scope::team("moria"), search).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`elastic`] serves a store to everything that speaks to Elasticsearch.

mod appending;
mod checking;
mod clock;
pub mod elastic;
mod environment;
mod errors;
mod forwarded;
mod forwarding;
mod indexing;
mod line;
mod locked;
mod mapped;
mod opening;
mod options;
mod partition;
mod reads;
mod scope;
mod shared;
mod shelf;
mod store;
mod tail;
mod wal;
mod whole_body;

pub use environment::Environment;
pub use errors::{AppendError, OpenError, ReadError};
pub use forwarding::{Forwarding, Numbered};
pub use options::{Options, Retention};
pub use reads::{
    Bucket, Cursor, Found, Histogram, HistogramOf, Hit, Order, Search, Selection, Term, Terms,
    TermsOf,
};
pub use scope::{Part, Scope};
pub use store::{Appended, Health, LogStore, SetAside, Stored};
pub use tail::{Tail, Tailed};
pub use whole_body::{BodyFault, whole_body};
