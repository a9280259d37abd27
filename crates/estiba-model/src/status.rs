//! How environments are, for those who look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Cause, Deployment, DeploymentId, Digest, InstanceName, InstanceState, Message, Name,
    ResourceId, Step, Version,
};

/// How an environment is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentStatus {
    /// Which.
    pub environment: Name,
    /// The release that was deployed last with success.
    pub deployed: Option<Deployed>,
    /// A deployment that has not ended.
    pub activity: Option<Activity>,
    /// The last deployment, where it failed.
    pub failed: Option<Deployment>,
    /// What runs.
    pub instances: Vec<InstanceStatus>,
    /// What differs from what was deployed, as the steps that would mend it.
    pub drift: Vec<Step>,
    /// Where its workloads are reached.
    pub urls: Vec<Url>,
    /// Why it could not be told in full.
    pub problems: Vec<Message>,
}

/// The release that an environment runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployed {
    /// Which.
    pub version: Version,
    /// The deployment that brought it.
    pub deployment: DeploymentId,
    /// Why it was deployed.
    pub cause: Cause,
    /// Since when it runs.
    pub since: Option<Timestamp>,
}

/// A deployment that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Activity {
    /// The deployment.
    pub deployment: Deployment,
    /// Whether what ran it is gone: `estiba resume` ends it.
    pub interrupted: bool,
}

/// An instance that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InstanceStatus {
    /// Its name.
    pub name: InstanceName,
    /// The workload.
    pub workload: Name,
    /// Where it runs.
    pub target: Name,
    /// Its release.
    pub version: Version,
    /// How it is.
    pub state: InstanceState,
    /// How often a container of it was started again.
    pub restarts: u32,
}

/// An address at which people reach a workload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct Url {
    /// Which workload.
    pub workload: Name,
    /// The address.
    pub url: String,
}

/// What goes when an environment is taken down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Losses {
    /// How many instances end.
    pub instances: usize,
    /// Resources whose data is lost.
    pub data: Vec<ResourceId>,
}

/// An image of a release that runs where the release was taken to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Carried {
    /// The workload.
    pub workload: Name,
    /// Its container.
    pub container: Name,
    /// The image's digest, the same wherever the release runs.
    pub image: Digest,
    /// The target that runs it.
    pub target: Name,
}
