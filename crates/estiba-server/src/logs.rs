//! The store of logs of this server.
//!
//! One process has the folder of a store. Where another one has it, as the server has
//! that an upgrade takes the place of, this one waits until it is free; meanwhile logs
//! are said to be unavailable, and shippers send again.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use estiba_log_cluster::Destination;
use estiba_log_store::{LogStore, OpenError, Options, Retention, Scope, elastic};
use estiba_model::message;
use http::StatusCode;
use tokio::time::Instant;

use crate::listen::ServeError;
use crate::problem::Problem;
use crate::state::App;
use crate::{alerts, collect, forward};

/// How often a folder that another process has is tried.
const EVERY: Duration = Duration::from_secs(2);
/// What was taken before a moment is in the index by then.
const INDEXED_IN: Duration = Duration::from_secs(3);
/// How often it is looked whether it is.
const LOOKED_AT: Duration = Duration::from_millis(50);

/// The folder, in that of the store, for lines that clusters refuse for good.
const REFUSED: &str = "refused";

/// How many people and programs may follow lines at a time.
const MOST_READERS: usize = 256;

/// How lines of logs are kept, and which.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// The folder of the store.
    pub folder: PathBuf,
    /// How long the lines of an environment are kept.
    pub keep: Option<Duration>,
    /// How many bytes of disk the lines of an environment may take.
    pub most_bytes: Option<u64>,
    /// The version of Elasticsearch that `/elastic` says to be.
    pub elastic_version: Option<String>,
    /// Whether what instances write is collected from the targets.
    pub collect: bool,
    /// The cluster that the lines of projects go to that name none.
    pub to: Option<Destination>,
}

/// The store, once this process has it.
pub(crate) struct Logs {
    options: Option<LogOptions>,
    store: OnceLock<Arc<LogStore>>,
}

impl Logs {
    pub fn new(options: Option<LogOptions>) -> Self {
        Self {
            options,
            store: OnceLock::new(),
        }
    }

    /// The store.
    ///
    /// # Errors
    /// When this server has none: `no-logs`. When another process has it:
    /// `logs-unavailable`.
    pub fn store(&self) -> Result<&Arc<LogStore>, Problem> {
        if self.options.is_none() {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "no-logs",
                message!(
                    "this server stores no logs",
                    "este servidor no guarda registros"
                ),
            ));
        }
        self.store.get().ok_or_else(|| {
            Problem::unavailable(
                "logs-unavailable",
                message!(
                    "another process has the store of logs; try again soon, or at the server that has it",
                    "otro proceso tiene el almacén de registros; intente de nuevo en un momento, o en el servidor que lo tiene"
                ),
            )
        })
    }

    /// How the store answers at `/elastic`.
    pub fn elastic_settings(&self) -> elastic::Settings {
        let mut settings = elastic::Settings::default();
        let version = self
            .options
            .as_ref()
            .and_then(|o| o.elastic_version.clone());
        if let Some(version) = version {
            settings.version = version;
        }
        settings
    }

    /// Takes the store, where no other process has it.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub async fn open(&self) -> Result<(), ServeError> {
        let Some(options) = self.options.as_ref().filter(|_| self.store.get().is_none()) else {
            return Ok(());
        };
        let kept = Options {
            most_followers: alerts::MOST_FOLLOWED + MOST_READERS,
            retention: Retention {
                age: options.keep,
                bytes: options.most_bytes,
            },
            ..Options::default()
        };
        match LogStore::open(&options.folder, kept).await {
            Ok(store) => {
                let _ = self.store.set(Arc::new(store));
                Ok(())
            }
            Err(OpenError::InUse { .. }) => Ok(()),
            Err(error) => Err(ServeError(message!(
                "logs can't be stored: {error}; choose another folder with --logs",
                "no se pueden guardar los registros: {error}; elija otra carpeta con --logs"
            ))),
        }
    }

    /// Tells Prometheus how much is stored.
    pub fn measure(&self) {
        let Some(store) = self.store.get() else {
            return;
        };
        let stored = store.environments(&Scope::everything());
        let total = |of: fn(&estiba_log_store::Stored) -> u64| stored.iter().map(of).sum::<u64>();
        metrics::gauge!("estiba_logs_stored_lines").set(as_figure(total(|one| one.lines)));
        metrics::gauge!("estiba_logs_stored_bytes").set(as_figure(total(|one| one.bytes)));
        let health = store.health();
        metrics::gauge!("estiba_logs_waiting_bytes").set(as_figure(health.waiting_bytes as u64));
        metrics::gauge!("estiba_logs_set_aside").set(as_figure(health.set_aside.len() as u64));
    }

    /// Waits until what was taken before this moment can be found, or for so long that
    /// it should be.
    pub async fn settled(&self) {
        let until = Instant::now() + INDEXED_IN;
        let waits = || {
            let waiting = self.store.get().map(|store| store.health().waiting_bytes);
            waiting.is_some_and(|bytes| bytes > 0)
        };
        while waits() && Instant::now() < until {
            tokio::time::sleep(LOOKED_AT).await;
        }
    }

    /// Lets go of the store.
    pub async fn close(&self) {
        if let Some(store) = self.store.get() {
            store.close().await;
        }
    }
}

/// A figure may be rounded: it is looked at by people.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is lost is one part in 2^53"
)]
pub(crate) fn as_figure(number: u64) -> f64 {
    number as f64
}

/// Collects what instances write and tells of alerts, as soon as this process has the store.
pub(crate) async fn run(app: App) {
    let Some(options) = &app.logs.options else {
        return;
    };
    if app.logs.store.get().is_none() {
        let folder = options.folder.display();
        tracing::warn!(%folder, "another process has the store of logs; waiting for it");
    }
    while app.logs.store.get().is_none() {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = app.logs.open().await {
            tracing::error!(%error, "the store of logs can't be opened");
        }
    }
    let Ok(store) = app.logs.store() else {
        return;
    };
    let collecting = async {
        if options.collect {
            collect::run(&app, store).await;
        }
    };
    let refused = options.folder.join(REFUSED);
    let forwarding = forward::run(&app, store, &refused);
    tokio::join!(collecting, forwarding, alerts::run(&app, store));
}
