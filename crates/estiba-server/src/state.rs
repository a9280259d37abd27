//! What every request works with.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use estiba_engine::Engine;
use estiba_model::{Name, TargetConfig};
use estiba_store::Store;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::auth::{IDLE, Issuers, LONGEST, Provider, ProviderOptions, Rate, guesses};
use crate::clusters::Clusters;
use crate::describe::Descriptions;
use crate::events::Hub;
use crate::forward::Forwarding;
use crate::logs::{LogOptions, Logs};
use crate::metrics::Metrics;

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// The targets that projects may name, in place of their own; all that the
    /// projects say where there are none.
    pub targets: Option<BTreeMap<Name, TargetConfig>>,
    /// Whether a proxy in front tells who asks, in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// Where people reach this server: `https://estiba.example.edu`. Where it is not
    /// said, the address that their browser asks for.
    pub url: Option<String>,
    /// With whom people log in; with tokens alone where there is none.
    pub provider: Option<ProviderOptions>,
    /// How long a session may be left alone.
    pub session_idle: Duration,
    /// How long a session may last.
    pub session_longest: Duration,
    /// Requests a second that one address may make.
    pub requests_a_second: NonZeroU32,
    /// How long requests that are being answered have when the server ends.
    pub grace: Duration,
    /// Where lines of logs are stored; nowhere where nothing is said.
    pub logs: Option<LogOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: None,
            behind_proxy: false,
            url: None,
            provider: None,
            session_idle: IDLE,
            session_longest: LONGEST,
            requests_a_second: NonZeroU32::new(200).expect("200 is not 0"),
            grace: Duration::from_secs(30),
            logs: None,
        }
    }
}

/// What every request works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub engine: Engine,
    pub options: Options,
    pub descriptions: Descriptions,
    pub hub: Arc<Hub>,
    pub logs: Logs,
    /// Where lines of logs are forwarded to.
    pub clusters: Clusters,
    pub forwarding: Forwarding,
    /// Failures to say who asks.
    pub guesses: Rate,
    /// Requests.
    pub rate: Rate,
    pub issuers: Issuers,
    /// With whom people log in.
    pub provider: Option<Provider>,
    pub metrics: Metrics,
    /// The server ends: streams are to end too.
    pub ending: CancellationToken,
    /// There is something to carry out.
    pub work: Notify,
}

impl App {
    pub fn new(engine: Engine, options: Options, metrics: Metrics) -> Self {
        let hub = Arc::new(Hub::new(engine.store().clone()));
        let provider = options.provider.clone().zip(options.url.as_deref());
        Self(Arc::new(Inner {
            descriptions: Descriptions::new(options.targets.clone()),
            hub,
            logs: Logs::new(options.logs.clone()),
            clusters: Clusters::new(options.logs.as_ref().and_then(|logs| logs.to.clone())),
            forwarding: Forwarding::default(),
            guesses: guesses(),
            issuers: Issuers::default(),
            provider: provider.map(|(provider, url)| Provider::new(provider, url)),
            rate: Rate::new(options.requests_a_second),
            options,
            engine,
            metrics,
            ending: CancellationToken::new(),
            work: Notify::new(),
        }))
    }

    pub fn store(&self) -> &Store {
        self.0.engine.store()
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
