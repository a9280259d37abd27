//! The sink alone, for whoever has a buffer of their own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::config::BulkConfig;
use crate::error::ShipError;
use crate::metrics::Metrics;
use crate::run::bulk;
use crate::sink::Bulk;

pub use crate::sink::Delivered;

/// Brings documents to a `_bulk`, by the rules of the shipper: for ever, with pauses that
/// grow, and what the other side refuses for good put aside.
#[derive(Debug)]
pub struct Carrier {
    bulk: Bulk,
    metrics: Arc<Metrics>,
}

/// What others may know of a [`Carrier`] while it works.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Metrics>);

impl Carrier {
    /// A carrier to a `_bulk`. What is refused for good is kept in a file
    /// `rejected.ndjson` of the folder, up to 4 MiB of it.
    ///
    /// # Errors
    /// If the file can't be opened, or nothing can make requests.
    pub fn new(to: &BulkConfig, rejected: &Path) -> Result<Self, ShipError> {
        let metrics = Arc::new(Metrics::default());
        let bulk = bulk(to, Some(rejected), &metrics)?;
        Ok(Self { bulk, metrics })
    }

    /// Delivers so many documents, each a line after the line of its action, for as long
    /// as it takes.
    pub async fn deliver(&mut self, body: Vec<u8>, documents: usize) -> Delivered {
        self.bulk.deliver(body, documents, None).await.0
    }

    /// What others may know of it.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.metrics))
    }
}

impl Watch {
    /// Whether the other side did not take the last request.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.0.sink_down.load(Ordering::Relaxed)
    }

    /// How many requests it did not take.
    #[must_use]
    pub fn failed_requests(&self) -> u64 {
        self.0.failed_requests.get()
    }
}
