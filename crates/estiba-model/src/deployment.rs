//! The record of one release going to one environment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{EnvironmentId, Message, Step, Version};

/// The number of a deployment, unique in a store and growing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(transparent)]
pub struct DeploymentId(pub i64);

impl std::fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One release going to one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// Its number.
    pub id: DeploymentId,
    /// Where.
    pub environment: EnvironmentId,
    /// Which release.
    pub version: Version,
    /// What was asked for.
    pub cause: Cause,
    /// How far it is.
    pub state: DeploymentState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it got its turn.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<Message>,
    /// The last lines that explain it.
    #[serde(default)]
    pub log: Vec<String>,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A release, or a change of configuration, or a repair of drift.
    Deploy,
    /// A release that another environment runs.
    Promote,
    /// An earlier release.
    Rollback,
    /// New instances of the same release.
    Restart,
    /// Another number of copies.
    Scale,
    /// The same release over databases that were emptied.
    Reset,
    /// Acceptance tests that somebody ran against what runs; nothing was deployed.
    Accept,
    /// The end of the environment and of its data.
    Down,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DeploymentState {
    /// Another deployment has the environment.
    Queued,
    /// Its steps are being taken.
    Running,
    /// A step failed and what worked before is being restored.
    RollingBack,
    /// It runs.
    Succeeded,
    /// It failed; what worked before still runs.
    Failed,
    /// A newer one was asked for before this one began or ended.
    Superseded,
}

impl DeploymentState {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Superseded)
    }
}

/// A step as it was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StepRecord {
    /// Its place in the order of the deployment, from 0.
    pub index: u32,
    /// What it does.
    pub step: Step,
    /// How far it is.
    pub state: StepState,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<Message>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun, and not known to have ended.
    Running,
    /// Done.
    Done,
    /// Failed.
    Failed,
}
