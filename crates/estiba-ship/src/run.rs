//! A shipper from its start to its end.

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::batch::Shape;
use crate::checkpoint::{Checkpoints, Noted};
use crate::config::{self, BulkConfig, Config, SinkConfig};
use crate::error::ShipError;
use crate::files::{Files, Patience};
use crate::http::{Doors, Listener, Posted};
use crate::inbox;
use crate::metrics::Metrics;
use crate::pipeline::{Ended, Pipeline};
use crate::sender::Sender;
use crate::sink::{Bulk, Rejected, Sink};
use crate::spool::Spool;
use crate::stdin;

/// Standard output takes batches of this size.
const STDOUT_BATCH: usize = 256 << 10;

/// Ships until `shutdown` is ready, or until standard input ends where it is the
/// only source; then what was read is delivered within [`Config::drain`].
///
/// It runs on any runtime of tokio, best on one with a single thread.
///
/// # Errors
/// The state folder, an address or the sink can't be used at all; or lines are lost,
/// which are in no disk buffer, because the sink did not take them in time at the end.
/// Until then, a sink that is down is waited for.
pub async fn run(config: Config, shutdown: impl Future<Output = ()>) -> Result<(), ShipError> {
    let metrics = Arc::new(Metrics::default());
    let (checkpoints, noted) = checkpoints(&config)?;
    let sink = sink(&config, &metrics)?;
    let spool = spool(&config, &noted, &metrics)?;
    let (inbox, chunks) = mpsc::channel(inbox::PLACES);
    let (stop, stopped) = watch::channel(false);
    let mut sources = JoinSet::new();
    listen(&config, &inbox, &metrics, &stopped, &mut sources).await?;
    if config.stdin {
        let intake = config::intake(&config);
        let (patience, window) = (config.event_patience(), config.largest_window());
        sources.spawn(stdin::pump(
            intake,
            inbox.clone(),
            patience,
            window,
            Arc::clone(&metrics),
            stopped,
        ));
    }
    drop(inbox);

    let (batches, batches_out) = mpsc::channel(1);
    let (done, done_out) = mpsc::channel(1);
    let (shape, linger) = shape(&config, sink.action());
    let pipeline = Pipeline {
        files: (!config.files.is_empty())
            .then(|| files(&config, noted, checkpoints.clone(), &metrics)),
        spool,
        chunks,
        sources,
        stop,
        ends_with_sources: config.files.is_empty() && config.listen.is_none(),
        batches,
        done: done_out,
        shape,
        linger,
        drain: config.drain,
        quiet: config.quiet,
        metrics: Arc::clone(&metrics),
    };
    let give_up = match &config.sink {
        SinkConfig::Bulk(to) => to.give_up,
        SinkConfig::Stdout => None,
    };
    let sender = Sender {
        sink,
        checkpoints,
        give_up,
        metrics,
    };
    let mut sender = std::pin::pin!(sender.run(batches_out, done));
    tokio::select! {
        ended = sender.as_mut() => ended,
        ended = pipeline.run(shutdown) => match ended {
            // Everything is acknowledged; its positions are flushed to the disk.
            Ended::Whole => sender.await,
            Ended::OutOfTime { lost: 0 } => Ok(()),
            Ended::OutOfTime { lost } => Err(ShipError::Lost { lines: lost }),
        },
    }
}

fn checkpoints(config: &Config) -> Result<(Option<Arc<Checkpoints>>, Noted), ShipError> {
    let Some(folder) = &config.state else {
        if !config.files.is_empty() {
            tracing::warn!("no state folder: after a restart all files are read again");
        }
        return Ok((None, Noted::default()));
    };
    let (checkpoints, noted) = Checkpoints::open(folder).map_err(ShipError::file(folder))?;
    Ok((Some(Arc::new(checkpoints)), noted))
}

fn sink(config: &Config, metrics: &Arc<Metrics>) -> Result<Sink, ShipError> {
    let SinkConfig::Bulk(to) = &config.sink else {
        return Ok(Sink::Stdout);
    };
    let bulk = bulk(to, config.state.as_deref(), metrics)?;
    Ok(Sink::Bulk(Box::new(bulk)))
}

/// A `_bulk`; what it refuses for good is kept in the folder.
pub(crate) fn bulk(
    to: &BulkConfig,
    folder: Option<&Path>,
    metrics: &Arc<Metrics>,
) -> Result<Bulk, ShipError> {
    let rejected = match folder {
        Some(folder) => Some(Rejected::open(folder).map_err(ShipError::file(folder))?),
        None => None,
    };
    let bulk = Bulk::new(to, rejected, Arc::clone(metrics));
    bulk.map_err(|error| ShipError::Sink(error.to_string()))
}

fn spool(
    config: &Config,
    noted: &Noted,
    metrics: &Arc<Metrics>,
) -> Result<Option<Spool>, ShipError> {
    let is_needed = config.stdin || config.listen.is_some();
    let Some((bytes, state)) = config
        .buffer_bytes
        .zip(config.state.as_ref())
        .filter(|_| is_needed)
    else {
        return Ok(None);
    };
    let folder = state.join("buffer");
    let spool = Spool::open(&folder, bytes, noted.spool, Arc::clone(metrics));
    spool.map(Some).map_err(ShipError::file(&folder))
}

async fn listen(
    config: &Config,
    inbox: &inbox::Inbox,
    metrics: &Arc<Metrics>,
    stopped: &watch::Receiver<bool>,
    sources: &mut JoinSet<()>,
) -> Result<(), ShipError> {
    let posted = config.listen.as_ref().map(|listen| Posted {
        intake: config::intake(config).into(),
        inbox: inbox.clone(),
        token: listen.token.clone(),
    });
    let doors = Arc::new(Doors::new(posted, Arc::clone(metrics)));
    let lines = config.listen.as_ref().map(|listen| (listen.address, true));
    for (address, takes_lines) in lines
        .into_iter()
        .chain(config.metrics.map(|address| (address, false)))
    {
        let failed = |source: io::Error| ShipError::Listen { address, source };
        let listener = Listener::bind(address, takes_lines).await.map_err(failed)?;
        sources.spawn(listener.serve(Arc::clone(&doors), stopped.clone()));
    }
    Ok(())
}

fn files(
    config: &Config,
    noted: Noted,
    checkpoints: Option<Arc<Checkpoints>>,
    metrics: &Arc<Metrics>,
) -> Files {
    let patience = Patience {
        event: config.event_patience(),
        line: config.line_patience,
        open_files: config.open_files,
        largest_window: config.largest_window(),
    };
    Files::new(
        config::groups(config),
        patience,
        noted.files,
        checkpoints,
        Arc::clone(metrics),
    )
}

fn shape(config: &Config, action: &'static [u8]) -> (Shape, Duration) {
    match &config.sink {
        SinkConfig::Bulk(to) => {
            let shape = Shape {
                action,
                bytes: to.batch_bytes,
                documents: to.batch_documents,
            };
            (shape, to.linger)
        }
        SinkConfig::Stdout => {
            let shape = Shape {
                action,
                bytes: STDOUT_BATCH,
                documents: usize::MAX,
            };
            (shape, Duration::from_millis(20))
        }
    }
}
