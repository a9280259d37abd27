//! Brings lines from the store to a cluster.
//!
//! ```text
//! LogStore::after ──► batch ──► Carrier (retries for ever) ──► LogStore::forwarded
//! ```
//!
//! A position moves on disk only after the cluster acknowledged all before it, and one
//! batch is on its way at a time: a `kill -9` repeats one batch at most, which the cluster
//! knows by the ids of its documents. Memory holds one batch.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use estiba_log_store::{Environment, LogStore};
use estiba_ship::{Carrier, Delivered, ShipError, Watch};

use crate::Cluster;
use crate::document;

/// A batch's lines.
pub(crate) const BATCH_LINES: usize = 2000;
/// A batch's bytes; one line more may be in it.
pub(crate) const BATCH_BYTES: usize = 1 << 20;
/// What went wrong here, and not at the cluster, is tried again after this time.
const AGAIN: Duration = Duration::from_secs(5);
/// Environments that are new are seen at the latest after this time.
const LOOK: Duration = Duration::from_secs(30);

/// Figures of a forwarder.
#[derive(Debug, Default)]
pub struct Figures {
    sent: AtomicU64,
    refused: AtomicU64,
    unprepared: AtomicU64,
    is_unprepared: AtomicBool,
}

impl Figures {
    /// Lines that the cluster has.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Lines that it will never take.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How often the cluster could not be used at all yet.
    #[must_use]
    pub fn unprepared(&self) -> u64 {
        self.unprepared.load(Ordering::Relaxed)
    }

    /// Whether it can't be used yet.
    #[must_use]
    pub fn is_unprepared(&self) -> bool {
        self.is_unprepared.load(Ordering::Relaxed)
    }
}

/// Which environments are forwarded.
pub type Covers = Box<dyn Fn(&Environment) -> bool + Send + Sync>;

/// Forwards the lines of some environments to a cluster.
pub struct Forwarder {
    store: Arc<LogStore>,
    cluster: Arc<Cluster>,
    to: String,
    covers: Covers,
    carrier: Carrier,
    figures: Arc<Figures>,
    positions: BTreeMap<Environment, u64>,
    /// The environment that the next batch begins with.
    first: usize,
}

struct Batch {
    body: Vec<u8>,
    lines: usize,
    reached: BTreeMap<Environment, u64>,
}

impl Forwarder {
    /// Forwards from `store` what `covers` says. Lines that the cluster refuses for good
    /// are kept in a file of `folder`.
    ///
    /// # Errors
    /// If the folder can't be used.
    pub fn new(
        store: Arc<LogStore>,
        cluster: Arc<Cluster>,
        covers: Covers,
        folder: &Path,
    ) -> Result<Self, ShipError> {
        std::fs::create_dir_all(folder).map_err(|source| ShipError::File {
            path: folder.to_owned(),
            source,
        })?;
        let carrier = Carrier::new(&cluster.destination.bulk(), folder)?;
        Ok(Self {
            to: cluster.destination.name(),
            store,
            cluster,
            covers,
            carrier,
            figures: Arc::default(),
            positions: BTreeMap::new(),
            first: 0,
        })
    }

    /// What others may know of it.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Whether the cluster takes lines.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.carrier.watch()
    }

    /// Forwards, for ever.
    pub async fn run(mut self) {
        let mut grown = self.store.grown();
        // What is there is kept for the cluster from now on, also while it can't be reached.
        self.look();
        self.prepare().await;
        let name = loop {
            match self.store.name() {
                Ok(name) => break name,
                Err(error) => self.complain("the store has no name", &error).await,
            }
        };
        loop {
            grown.borrow_and_update();
            self.look();
            let batch = self.batch(&name).await;
            if batch.lines == 0 {
                // The store may be closed: then nothing more comes.
                let _ = tokio::time::timeout(LOOK, grown.changed()).await;
                continue;
            }
            let delivered = self.carrier.deliver(batch.body, batch.lines).await;
            self.count(delivered);
            for (environment, sequence) in batch.reached {
                self.note(environment, sequence).await;
            }
        }
    }

    /// Finds the environments that are covered, and where each stands.
    fn look(&mut self) {
        for environment in self.store.all_environments() {
            if self.positions.contains_key(&environment) || !(self.covers)(&environment) {
                continue;
            }
            match self.store.forward(&environment, &self.to) {
                Ok(sequence) => drop(self.positions.insert(environment, sequence)),
                Err(error) => {
                    tracing::warn!(%environment, %error, "how far its logs are forwarded can't be noted");
                }
            }
        }
    }

    async fn prepare(&self) {
        let mut is_told = false;
        loop {
            match self.cluster.client.prepare().await {
                Ok(product) => {
                    let (place, product) = (self.cluster.place(), product.name());
                    tracing::info!(place, product, "logs are forwarded");
                    self.figures.is_unprepared.store(false, Ordering::Relaxed);
                    return;
                }
                Err(error) if !is_told => {
                    is_told = true;
                    tracing::warn!(%error, "logs can't be forwarded yet");
                }
                Err(error) => tracing::debug!(%error, "logs can't be forwarded yet"),
            }
            self.figures.unprepared.fetch_add(1, Ordering::Relaxed);
            self.figures.is_unprepared.store(true, Ordering::Relaxed);
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// The next lines, of all environments in turn.
    async fn batch(&mut self, name: &str) -> Batch {
        let mut batch = Batch {
            body: Vec::new(),
            lines: 0,
            reached: BTreeMap::new(),
        };
        let environments: Vec<_> = self
            .positions
            .iter()
            .map(|(environment, sequence)| (environment.clone(), *sequence))
            .collect();
        let count = environments.len().max(1);
        self.first = (self.first + 1) % count;
        let in_turn = environments.iter().cycle().skip(self.first);
        for (environment, sequence) in in_turn.take(environments.len()) {
            let lines = BATCH_LINES - batch.lines;
            let bytes = BATCH_BYTES.saturating_sub(batch.body.len());
            if lines == 0 || bytes == 0 {
                break;
            }
            let found = match self.store.after(environment, *sequence, lines, bytes).await {
                Ok(found) => found,
                Err(error) => {
                    self.complain("logs can't be read to be forwarded", &error)
                        .await;
                    continue;
                }
            };
            for line in &found {
                document::write(name, line, &mut batch.body);
            }
            batch.lines += found.len();
            if let Some(last) = found.last() {
                batch.reached.insert(environment.clone(), last.sequence);
            }
        }
        batch
    }

    /// Notes on disk what the cluster has. Until that works nothing more is sent: else a
    /// restart would send much again.
    async fn note(&mut self, environment: Environment, sequence: u64) {
        loop {
            let (store, to) = (Arc::clone(&self.store), self.to.clone());
            let of = environment.clone();
            let noted =
                tokio::task::spawn_blocking(move || store.forwarded(&of, &to, sequence)).await;
            match noted.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok(()) => break,
                Err(error) => {
                    self.complain("how far logs are forwarded can't be noted", &error)
                        .await;
                }
            }
        }
        self.positions.insert(environment, sequence);
    }

    fn count(&self, delivered: Delivered) {
        let add = |figure: &AtomicU64, lines: usize| {
            figure.fetch_add(lines as u64, Ordering::Relaxed);
        };
        add(&self.figures.sent, delivered.shipped);
        add(&self.figures.refused, delivered.refused);
    }

    async fn complain(&self, what: &str, error: &(dyn std::error::Error + Sync)) {
        tracing::warn!(%error, "{what}");
        tokio::time::sleep(AGAIN).await;
    }
}
