//! The kinds of target that this version has: what each can do and where it
//! puts things. No file outside this folder names one.

mod engine;
mod heroku;
mod kubernetes;
mod local;

use estiba_model::{Message, Name, ProjectId};
use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// A kind of target.
pub(crate) struct Kind {
    pub name: &'static str,
    /// What the kind reads from `targets` besides `kind`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The Score types that it provides.
    pub resources: &'static [Provided],
    pub capabilities: &'static [Capability],
    /// What only newer versions of it can do, and since which.
    pub newer: &'static [(Capability, &'static str)],
    /// Where an environment runs; environments of equal places would run over
    /// one another.
    pub place: fn(&ProjectId, &Name) -> String,
    /// Which runtime settings lead to: two targets of one are never used side by
    /// side.
    pub runtime: fn(&Map<String, Value>) -> String,
    /// What shares host names: two routes of one host on one network collide.
    pub network: &'static str,
    /// The pattern of the addresses that its workloads get by themselves, where
    /// the settings have one.
    pub address: fn(&Map<String, Value>) -> Option<&str>,
    /// Whether a workload with a port gets an address from outside by itself.
    pub gives_addresses: fn(&Map<String, Value>) -> bool,
    /// Whether it takes its images from the project's registry.
    pub needs_registry: bool,
    /// What is wrong about settings that fit the schema.
    pub mistakes: fn(&Map<String, Value>) -> Vec<Mistake>,
    /// The name that each workload has among all people who use the runtime, where it
    /// has one; or why it would not be taken.
    pub app: Option<AppName>,
}

/// The name of a workload's app, by the settings, the project, the environment and
/// the workload.
pub(crate) type AppName =
    fn(&Map<String, Value>, &ProjectId, &Name, &Name) -> Result<String, Message>;

/// What is wrong about a setting.
pub(crate) struct Mistake {
    pub key: &'static str,
    pub what: Message,
    pub hint: Message,
}

/// A Score type that a kind provides.
pub(crate) struct Provided {
    pub kind: &'static str,
    /// What `resources` of an environment may say about it, without `-from`.
    pub settings: &'static [&'static str],
}

/// What may be said about mail, which is the engine's own matter: no kind provides it.
const MAIL_SETTINGS: &[&str] = &["from", "url"];

const fn provided(kind: &'static str, settings: &'static [&'static str]) -> Provided {
    Provided { kind, settings }
}

/// The kinds of this version.
pub(crate) const ALL: &[Kind] = &[
    engine::DOCKER,
    heroku::HEROKU,
    kubernetes::KUBERNETES,
    local::LOCAL,
    engine::PODMAN,
];

/// Kinds that later versions will have.
pub(crate) const LATER: &[&str] = &["nomad"];

/// The kind of this name.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}

/// The names that a kind takes where its settings say none.
pub(crate) fn usual_patterns(kind: &Kind) -> &'static [(&'static str, &'static str)] {
    match kind.name {
        "heroku" => heroku::USUAL_PATTERNS,
        "kubernetes" => kubernetes::USUAL_PATTERNS,
        _ => &[],
    }
}

/// Whether environments of several teams may have one of these: what is in it then
/// carries the team in its own name.
pub(crate) fn may_be_shared(setting: &str) -> bool {
    setting == kubernetes::NAMESPACE
}

/// Where the databases of a kind of target are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseServers {
    /// Each on a server of its own, beside the workloads.
    Own,
    /// All on one server, beside the workloads.
    One,
    /// With whoever runs the target, who is paid for them.
    Elsewhere,
}

/// Where the databases of a kind of target are; as most have it for one that is not
/// known.
#[must_use]
pub fn database_servers(kind: &str) -> DatabaseServers {
    match kind {
        "local" => DatabaseServers::One,
        "heroku" => DatabaseServers::Elsewhere,
        _ => DatabaseServers::Own,
    }
}
