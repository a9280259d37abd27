//! What should run, what runs, and the steps from one to the other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Digest, EnvironmentId, Fingerprint, InstanceName, Name, Protocol, ResourceId, Version,
};

/// What should run in an environment. No secret is in it: values that matter
/// are in the fingerprints only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Desired {
    /// Where.
    pub environment: EnvironmentId,
    /// Which release.
    pub version: Version,
    /// What the environment provides, in an order in which each can be made.
    pub resources: Vec<DesiredResource>,
    /// What runs.
    pub workloads: Vec<DesiredWorkload>,
    /// The tests that it has to pass.
    #[serde(default)]
    pub acceptance: Vec<DesiredAcceptance>,
}

/// Acceptance tests that what runs has to pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredAcceptance {
    /// The workload that has them.
    pub workload: Name,
    /// The target that runs them.
    pub target: Name,
    /// Changes with the tests and with all that runs in the environment.
    pub fingerprint: Fingerprint,
    /// The image that they are in.
    pub image: Digest,
}

/// A resource that should exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredResource {
    /// Its identity.
    pub id: ResourceId,
    /// The target that provides it.
    pub target: Name,
    /// Changes when it has to be provisioned anew (which keeps its data).
    pub fingerprint: Fingerprint,
}

/// A workload that should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredWorkload {
    /// Its name.
    pub name: Name,
    /// The target that runs it.
    pub target: Name,
    /// Changes when its instances have to be replaced.
    pub fingerprint: Fingerprint,
    /// How many copies.
    pub replicas: u32,
    /// How instances are replaced.
    pub strategy: Strategy,
    /// Who replaces them.
    pub rollout: Rollout,
    /// The migration that must have run before, by its fingerprint.
    pub migration: Option<Fingerprint>,
    /// Workloads that should be up before this one.
    pub after: BTreeSet<Name>,
    /// Whether it has to answer with its version.
    #[serde(default)]
    pub smoke: bool,
    /// The images it runs.
    pub images: BTreeSet<Digest>,
    /// How it is reached.
    pub exposure: Exposure,
}

/// How the instances of a workload are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// A new instance is ready before an old one leaves.
    Rolling,
    /// The old instances leave before a new one starts: two pollers of one
    /// Telegram token conflict.
    Replace,
}

/// Who replaces the instances of a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rollout {
    /// Estiba does, one by one: the target runs single instances.
    #[default]
    Stepwise,
    /// The target does: it takes a workload as a whole and has controllers of
    /// its own, as Kubernetes does.
    Whole,
}

/// How a workload is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Exposure {
    /// From other workloads of the environment, by port name.
    pub ports: BTreeMap<String, ExposedPort>,
    /// From outside.
    pub routes: BTreeSet<Route>,
    /// The names of ports that workloads on other targets use.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outside: BTreeSet<String>,
}

/// A port of a workload's service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExposedPort {
    /// The port that clients use.
    pub port: u16,
    /// The port that the container listens on.
    pub target_port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// A host and path prefix from outside to a port of a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Route {
    /// The host name; the target's own for the workload where there is none.
    pub host: Option<String>,
    /// The path prefix, `/` for all.
    pub path: String,
    /// The name of the service's port.
    pub port: String,
}

/// What runs of one environment on one target, as the target says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct Observed {
    /// Resources that exist, and the fingerprint they were made with.
    pub resources: BTreeMap<ResourceId, ObservedResource>,
    /// Instances, in whatever state.
    pub instances: Vec<ObservedInstance>,
    /// What was rolled out, where the target takes workloads as a whole.
    #[serde(default)]
    pub rollouts: BTreeMap<Name, ObservedRollout>,
    /// Migrations that ended well, and acceptance tests that passed.
    pub migrations: BTreeMap<Name, BTreeSet<Fingerprint>>,
    /// Where each workload's traffic goes.
    pub traffic: BTreeMap<Name, Traffic>,
    /// Images that the target holds ready to start.
    pub images: BTreeSet<Digest>,
}

/// A resource that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedResource {
    /// What it was made with.
    pub fingerprint: Fingerprint,
    /// Whether it holds data that removal would lose.
    pub holds_data: bool,
}

/// A workload that was rolled out as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedRollout {
    /// What the target was told to run.
    pub wanted: WholeWorkload,
    /// Whether it has come to that: every wanted instance is ready, no other
    /// one is left, and the objects are as they were made.
    pub settled: bool,
}

/// A workload as a whole, by what tells one from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WholeWorkload {
    /// Changes when its instances have to be replaced.
    pub fingerprint: Fingerprint,
    /// How many copies.
    pub replicas: u32,
    /// How it is reached.
    pub exposure: Exposure,
}

/// An instance that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObservedInstance {
    /// Its name.
    pub name: InstanceName,
    /// Of which workload it is a copy.
    pub workload: Name,
    /// The release it runs.
    pub version: Version,
    /// What it was made with.
    pub fingerprint: Fingerprint,
    /// How it is.
    pub state: InstanceState,
    /// How often a container of it was started again.
    pub restarts: u32,
}

/// How an instance is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    /// Started, not ready for the first time yet.
    Starting,
    /// Its probes pass.
    Ready,
    /// It was ready and now a probe fails.
    Unready,
    /// A container ends again and again; the next start waits.
    Crashing,
    /// It ended, or what ran it is gone.
    Stopped,
}

/// Where the traffic of a workload goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// How it is reached.
    pub exposure: Exposure,
    /// Who answers.
    pub instances: BTreeSet<InstanceName>,
}

/// The steps from what runs to what should.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    /// Where.
    pub environment: EnvironmentId,
    /// To which release; none where the environment is taken down.
    pub version: Option<Version>,
    /// In order. Each is idempotent.
    pub steps: Vec<Step>,
    /// Resources with data that nothing uses any more: kept until the
    /// environment is taken down.
    pub kept: Vec<ResourceId>,
}

/// One thing to do. The target is that of the workload or resource named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// Makes a resource, or brings it up to date.
    Provision {
        /// Which.
        resource: ResourceId,
        /// Where.
        target: Name,
    },
    /// Brings an image to the target, ready to start.
    Fetch {
        /// For which workload.
        workload: Name,
        /// Where.
        target: Name,
        /// Which image.
        image: Digest,
    },
    /// Keeps what is in a database aside, and empties it.
    Empty {
        /// Which.
        resource: ResourceId,
        /// Where.
        target: Name,
    },
    /// Puts back what was in a database before it was emptied.
    PutBack {
        /// Which.
        resource: ResourceId,
        /// Where.
        target: Name,
    },
    /// Runs a workload's migration to its end.
    Migrate {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
        /// What marks it as done.
        fingerprint: Fingerprint,
    },
    /// Starts an instance.
    Start {
        /// Of which workload.
        workload: Name,
        /// Where.
        target: Name,
        /// Its name.
        instance: InstanceName,
    },
    /// Waits until an instance is ready.
    Await {
        /// Of which workload.
        workload: Name,
        /// Where.
        target: Name,
        /// Which.
        instance: InstanceName,
    },
    /// Sends a workload's traffic to these instances and to no other.
    Route {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
        /// How it is reached and who answers.
        traffic: Traffic,
    },
    /// Lets an instance finish what it is doing, ends it and removes it.
    Stop {
        /// Of which workload.
        workload: Name,
        /// Where.
        target: Name,
        /// Which.
        instance: InstanceName,
    },
    /// Has the target replace the instances of a workload, and waits until it has.
    RollOut {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
        /// What should run.
        wanted: WholeWorkload,
    },
    /// Ends a workload that the target runs as a whole, with all its instances.
    Withdraw {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
    },
    /// Asks a workload for its version, from outside, until it is the right one.
    Smoke {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
    },
    /// Runs a workload's acceptance tests to their end.
    Accept {
        /// Which.
        workload: Name,
        /// Where.
        target: Name,
        /// What marks them as passed.
        fingerprint: Fingerprint,
    },
    /// Removes a resource and the data in it.
    Destroy {
        /// Which.
        resource: ResourceId,
        /// Where.
        target: Name,
    },
}

impl Step {
    /// The target that carries it out.
    #[must_use]
    pub fn target(&self) -> &Name {
        match self {
            Self::Provision { target, .. }
            | Self::Fetch { target, .. }
            | Self::Empty { target, .. }
            | Self::PutBack { target, .. }
            | Self::Migrate { target, .. }
            | Self::Start { target, .. }
            | Self::Await { target, .. }
            | Self::Route { target, .. }
            | Self::Stop { target, .. }
            | Self::RollOut { target, .. }
            | Self::Withdraw { target, .. }
            | Self::Smoke { target, .. }
            | Self::Accept { target, .. }
            | Self::Destroy { target, .. } => target,
        }
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Provision { .. } => "provision",
            Self::Fetch { .. } => "fetch",
            Self::Empty { .. } => "empty",
            Self::PutBack { .. } => "put-back",
            Self::Migrate { .. } => "migrate",
            Self::Start { .. } => "start",
            Self::Await { .. } => "await",
            Self::Route { .. } => "route",
            Self::Stop { .. } => "stop",
            Self::RollOut { .. } => "roll-out",
            Self::Withdraw { .. } => "withdraw",
            Self::Smoke { .. } => "smoke",
            Self::Accept { .. } => "accept",
            Self::Destroy { .. } => "destroy",
        }
    }

    /// The workload that it is for; none where it is for a resource.
    #[must_use]
    pub fn workload(&self) -> Option<&Name> {
        match self {
            Self::Fetch { workload, .. }
            | Self::Migrate { workload, .. }
            | Self::Start { workload, .. }
            | Self::Await { workload, .. }
            | Self::Route { workload, .. }
            | Self::Stop { workload, .. }
            | Self::RollOut { workload, .. }
            | Self::Withdraw { workload, .. }
            | Self::Smoke { workload, .. }
            | Self::Accept { workload, .. } => Some(workload),
            Self::Provision { .. }
            | Self::Empty { .. }
            | Self::PutBack { .. }
            | Self::Destroy { .. } => None,
        }
    }
}
