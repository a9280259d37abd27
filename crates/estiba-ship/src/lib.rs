//! `estiba ship`: lines of logs, from files, standard input and requests, to any
//! Elasticsearch-compatible `_bulk`, at least once.
//!
//! ```text
//! files ──► Assembler ──► Encoder ──► Batch ──► Sink ──► Checkpoints
//! stdin, posted lines ──► Encoder ──► Spool ──┘
//! ```
//!
//! # What is always true
//!
//! 1. A position moves on disk only after the sink acknowledged all before it. One
//!    batch is on its way at a time, and its positions are written before the next
//!    one is sent: a `kill -9` repeats one batch at most, a power cut about a
//!    second's.
//! 2. Files are their own buffer: what is not acknowledged is read again. Lines that
//!    can't be read again are answered for once they are in the disk buffer, or
//!    acknowledged.
//! 3. Memory is bounded: two batches, one window of a file, 4 MiB of posted bodies
//!    with their documents, about 300 bytes for each file. Whatever is full stops
//!    what fills it, and says so.
//! 4. What lines say, and secrets, are in no log of the shipper's own.
//!
//! ```no_run
//! use std::path::Path;
//! # async fn ship() -> Result<(), estiba_ship::ShipError> {
//! let text = "{ files: [{ paths: /data/logs/*.log }], sink: { to: 'http://localhost:9200' }, state: /var/lib/ship }";
//! let config = estiba_ship::Config::read(Path::new("ship.yaml"), Some(text), |name| std::env::var(name).ok())?;
//! estiba_ship::run(config, std::future::pending()).await
//! # }
//! ```

mod batch;
mod carrier;
mod checkpoint;
mod config;
mod document;
mod error;
mod fields;
mod files;
pub mod framing;
mod http;
mod inbox;
mod metrics;
pub mod multiline;
pub mod parse;
mod pipeline;
mod rules;
mod run;
mod sender;
mod sink;
mod spool;
mod stdin;

pub use carrier::{Carrier, Delivered, Watch};
pub use config::{
    BulkConfig, Config, Files, Joined, Listen, Reading, SinkConfig, SinkLogin, VARIABLES,
};
pub use error::ShipError;
pub use run::run;
pub use sink::Authorities;
