//! Apps.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#app>

pub(crate) mod api;
pub(crate) mod domains;
pub(crate) mod features;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use self::domains::Domain;
use crate::dynos::Dyno;
use crate::error::ApiError;
use crate::formation::Process;
use crate::ids::{new_id, now};
use crate::logs::Logs;
use crate::options::Urls;
use crate::releases::Release;
use crate::world::World;

/// The stack of apps that say nothing, and that of containers.
const USUAL_STACK: &str = "heroku-24";
pub(crate) const CONTAINER: &str = "container";
const STACKS: [&str; 3] = ["heroku-22", USUAL_STACK, CONTAINER];
pub(crate) const REGIONS: [&str; 2] = ["us", "eu"];

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) stack: String,
    pub(crate) build_stack: String,
    pub(crate) maintenance: bool,
    pub(crate) preboot: bool,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) formation: BTreeMap<String, Process>,
    pub(crate) releases: Vec<Release>,
    /// The version of the release that is in effect.
    pub(crate) current: Option<u64>,
    pub(crate) dynos: Vec<Dyno>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) logs: Arc<Logs>,
    /// Whose turn it is to start and stop dynos, and to try releases.
    pub(crate) dyno_turn: Arc<Mutex<()>>,
    pub(crate) release_turn: Arc<Mutex<()>>,
    /// Its own port of the router, where it has one.
    pub(crate) port: Option<u16>,
    /// Ends with it.
    pub(crate) life: CancellationToken,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) released_at: Option<String>,
}

impl App {
    fn new(name: String, region: String, stack: String) -> Self {
        Self {
            id: new_id(),
            domains: vec![Domain::of_heroku(&name)],
            name,
            region,
            build_stack: stack.clone(),
            stack,
            maintenance: false,
            preboot: false,
            config: BTreeMap::new(),
            formation: BTreeMap::new(),
            releases: Vec::new(),
            current: None,
            dynos: Vec::new(),
            logs: Arc::default(),
            dyno_turn: Arc::default(),
            release_turn: Arc::default(),
            port: None,
            life: CancellationToken::new(),
            created_at: now(),
            updated_at: now(),
            released_at: None,
        }
    }

    /// Whether that is its name or its identifier.
    pub(crate) fn is(&self, identity: &str) -> bool {
        self.id == identity || self.name == identity
    }

    /// As others refer to it.
    pub(crate) fn reference(&self) -> Value {
        json!({ "id": self.id, "name": self.name })
    }

    /// The release that is in effect.
    pub(crate) fn current(&self) -> Option<&Release> {
        let current = self.current?;
        self.releases.iter().find(|one| one.version == current)
    }

    pub(crate) fn web_url(&self, world: &World) -> String {
        match self.port {
            Some(port) => format!("http://{}:{port}/", world.addresses.gateway),
            None => format!("http://{}:{}/", host(&self.name), world.addresses.router),
        }
    }

    fn view(&self, world: &World) -> Value {
        let stable = |name: &str| json!({ "id": stable_id(name), "name": name });
        json!({
            "acm": false,
            "archived_at": null,
            "build_stack": stable(&self.build_stack),
            "buildpack_provided_description": self.current.map(|_| "Container"),
            "created_at": self.created_at,
            "generation": stable("cedar"),
            "git_url": format!("https://git.heroku.com/{}.git", self.name),
            "id": self.id,
            "internal_routing": null,
            "maintenance": self.maintenance,
            "name": self.name,
            "organization": null,
            "owner": world.account.reference(),
            "region": stable(&self.region),
            "released_at": self.released_at,
            "repo_size": null,
            "slug_size": null,
            "space": null,
            "stack": stable(&self.stack),
            "team": null,
            "updated_at": self.updated_at,
            "web_url": self.web_url(world),
        })
    }
}

/// The host name that the router knows an app by.
pub(crate) fn host(name: &str) -> String {
    format!("{name}.herokuapp.localhost")
}

/// The identifier of something that Heroku has once for all.
pub(crate) fn stable_id(name: &str) -> String {
    let mut bytes = [0; 16];
    for (at, byte) in name.bytes().enumerate() {
        bytes[at % 16] ^= byte;
    }
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

/// Heroku's rules for names.
fn check_name(name: &str) -> Result<(), ApiError> {
    if name.len() < 3 {
        return Err(ApiError::invalid(
            "Name is too short (minimum is 3 characters)",
        ));
    }
    if name.len() > 30 {
        return Err(ApiError::invalid(
            "Name is too long (maximum is 30 characters)",
        ));
    }
    let is_plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-';
    let first = name.starts_with(|one: char| one.is_ascii_lowercase());
    if !first || name.ends_with('-') || !name.chars().all(is_plain) {
        return Err(ApiError::invalid(
            "Name must start with a letter, end with a letter or digit and can only contain \
             lowercase letters, digits, and dashes.",
        ));
    }
    Ok(())
}

fn check_stack(stack: &str) -> Result<(), ApiError> {
    if STACKS.contains(&stack) || STACKS.iter().any(|one| stable_id(one) == stack) {
        return Ok(());
    }
    Err(ApiError::not_found("stack", "stack"))
}

/// Whether apps have ports of their own.
pub(crate) fn has_port(world: &World) -> bool {
    world.options.urls == Urls::Ports
}
