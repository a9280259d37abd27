//! All that a stand-in has.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::addons::postgres::Server;
use crate::addons::{AddOn, Attachment};
use crate::apps::App;
use crate::contract::Contract;
use crate::dynos::rendezvous::Rendezvous;
use crate::engine::Engine;
use crate::error::ApiError;
use crate::faults::Faults;
use crate::logs::Session;
use crate::options::Options;
use crate::registry::images::Images;
use crate::releases::output::Output;

/// A stand-in, as its parts share it.
pub(crate) type Shared = Arc<World>;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) account: Account,
    pub(crate) addresses: Addresses,
    pub(crate) engine: Engine,
    pub(crate) images: Images,
    pub(crate) faults: Arc<Faults>,
    pub(crate) contract: Contract,
    pub(crate) rendezvous: Rendezvous,
    pub(crate) databases: OnceCell<Server>,
    pub(crate) runtime: Handle,
    /// Cancelled when all ends.
    pub(crate) ending: CancellationToken,
    state: Mutex<State>,
}

/// Where its parts listen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) api: u16,
    pub(crate) router: u16,
    pub(crate) registry: u16,
    /// Where dynos reach this machine.
    pub(crate) gateway: IpAddr,
}

/// What changes.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) apps: Vec<App>,
    pub(crate) addons: Vec<AddOn>,
    pub(crate) attachments: Vec<Attachment>,
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) outputs: BTreeMap<String, Arc<Output>>,
    taken: Vec<String>,
}

impl World {
    pub(crate) fn new(
        options: Options,
        addresses: Addresses,
        engine: Engine,
        images: Images,
        faults: Arc<Faults>,
        contract: Contract,
        rendezvous: Rendezvous,
    ) -> Self {
        let state = State {
            taken: options.taken.clone(),
            ..State::default()
        };
        Self {
            options,
            account: Account::default(),
            addresses,
            engine,
            images,
            faults,
            contract,
            rendezvous,
            databases: OnceCell::new(),
            runtime: Handle::current(),
            ending: CancellationToken::new(),
            state: Mutex::new(state),
        }
    }

    /// What changes, for as long as nobody waits.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of something of the API.
    pub(crate) fn api_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.addresses.api)
    }
}

impl State {
    /// An app by its name or identifier.
    pub(crate) fn app(&self, identity: &str) -> Result<&App, ApiError> {
        match self.apps.iter().find(|app| app.is(identity)) {
            Some(app) => Ok(app),
            None => Err(self.unknown_app(identity)),
        }
    }

    pub(crate) fn app_mut(&mut self, identity: &str) -> Result<&mut App, ApiError> {
        match self.apps.iter().position(|app| app.is(identity)) {
            Some(at) => Ok(&mut self.apps[at]),
            None => Err(self.unknown_app(identity)),
        }
    }

    /// Whether a name is somebody's.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.taken.iter().any(|one| one == name) || self.apps.iter().any(|app| app.name == name)
    }

    /// Lets somebody else have an app.
    pub(crate) fn give_away(&mut self, name: &str) {
        self.taken.push(name.to_owned());
    }

    fn unknown_app(&self, identity: &str) -> ApiError {
        if self.taken.iter().any(|one| one == identity) {
            let message = format!("You do not have access to the app {identity}.");
            return ApiError::new(StatusCode::FORBIDDEN, "forbidden", message);
        }
        ApiError::not_found("app", "app")
    }
}
