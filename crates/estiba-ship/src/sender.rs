//! One batch at a time to the sink; what it makes true is noted before the next.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::batch::{Batch, Mark};
use crate::checkpoint::{Checkpoints, SpoolPosition};
use crate::error::ShipError;
use crate::metrics::Metrics;
use crate::sink::Sink;

/// Where no batch comes, what is noted goes to the disk after this time.
const SYNC_LATEST: Duration = Duration::from_secs(1);

/// What the sender gives back when a batch is done with.
#[derive(Debug)]
pub(crate) struct Done {
    /// Room for another batch.
    pub(crate) room: Vec<u8>,
    /// How far the disk buffer is acknowledged.
    pub(crate) spool: Option<SpoolPosition>,
}

/// Sends batches to a sink.
pub(crate) struct Sender {
    pub(crate) sink: Sink,
    pub(crate) checkpoints: Option<Arc<Checkpoints>>,
    pub(crate) give_up: Option<Duration>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Sender {
    /// Sends what comes, until nothing more can come.
    pub(crate) async fn run(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        done: mpsc::Sender<Done>,
    ) -> Result<(), ShipError> {
        loop {
            let is_dirty = self
                .checkpoints
                .as_ref()
                .is_some_and(|checkpoints| checkpoints.is_dirty());
            let batch = tokio::select! {
                batch = batches.recv() => batch,
                () = tokio::time::sleep(SYNC_LATEST), if is_dirty => {
                    self.sync(false).await;
                    continue;
                }
            };
            let Some(batch) = batch else { break };
            let finished = self.send(batch).await?;
            // The other side may be at its end.
            let _ = done.send(finished).await;
            self.sync(false).await;
        }
        self.sync(true).await;
        Ok(())
    }

    async fn send(&mut self, batch: Batch) -> Result<Done, ShipError> {
        let Batch {
            body,
            documents,
            marks,
            ..
        } = batch;
        let mut room = body;
        if documents > 0 {
            let sent = self.sink.deliver(room, documents, self.give_up).await;
            let (delivered, body) = sent.map_err(|error| ShipError::Sink(error.to_string()))?;
            room = body;
            self.metrics.shipped.add(delivered.shipped as u64);
            self.metrics.refused.add(delivered.refused as u64);
            self.metrics.given_up.add(delivered.given_up as u64);
        }
        if let Some(checkpoints) = &self.checkpoints {
            complain("note positions", checkpoints.note(&marks));
        }
        let mut spool = None;
        for mark in marks {
            match mark {
                Mark::Spool(position) => spool = Some(position),
                Mark::Reply(reply) => {
                    // Whoever waited may have gone.
                    let _ = reply.send(());
                }
                Mark::File(..) | Mark::Gone(_) => {}
            }
        }
        Ok(Done { room, spool })
    }

    async fn sync(&mut self, now: bool) {
        if let Some(checkpoints) = &self.checkpoints {
            complain("flush positions", checkpoints.sync(now).await);
        }
    }
}

/// A full disk must not keep lines from the sink: positions are written again
/// with those of the next batch, and until then a restart sends more twice.
fn complain(what: &str, result: io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!("cannot {what}: {error}");
    }
}
