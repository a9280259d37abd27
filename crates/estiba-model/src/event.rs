//! What the engine tells while it works.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DeploymentId, Digest, Message, Name, Plan, Step, Version};

/// Something happened. No event holds a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A workload's image is being built.
    Building {
        /// Which.
        workload: Name,
    },
    /// A workload's image is there.
    Built {
        /// Which.
        workload: Name,
        /// What it is.
        image: Digest,
        /// Nothing had changed since it was built.
        cached: bool,
    },
    /// A release was made, or is there already.
    Released {
        /// Which.
        version: Version,
        /// Whether it is new.
        new: bool,
    },
    /// Another deployment has the environment; this one waits.
    Queued {
        /// This deployment.
        deployment: DeploymentId,
    },
    /// A deployment whose process ended in the middle is taken over.
    TakenOver {
        /// The one that was interrupted.
        deployment: DeploymentId,
    },
    /// The plan is made; its steps follow.
    Planned {
        /// The deployment it belongs to.
        deployment: DeploymentId,
        /// The plan.
        plan: Plan,
    },
    /// A step begins.
    StepStarted {
        /// Its number, from 0.
        index: u32,
        /// How many there are.
        total: u32,
        /// What it does.
        step: Step,
    },
    /// A step ended well.
    StepDone {
        /// Its number, from 0.
        index: u32,
        /// How long it took.
        #[serde(with = "millis", rename = "took_ms")]
        #[schema(value_type = u64)]
        took: Duration,
    },
    /// A step failed.
    StepFailed {
        /// Its number, from 0.
        index: u32,
        /// Why.
        error: Message,
        /// The last lines that explain it.
        log: Vec<String>,
    },
    /// What worked before is being restored.
    RollingBack {
        /// To this release; none where none worked before.
        to: Option<Version>,
    },
    /// A line of a tool or of a migration.
    Line {
        /// The text.
        text: String,
    },
    /// Something works, but not as well as it could.
    Notice {
        /// What.
        notice: Message,
    },
}

/// A span as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
