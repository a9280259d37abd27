//! What the engine tells while it works.

use std::time::Duration;

use estiba_model::{DeploymentId, Digest, Message, Name, Plan, Step, Version};
use serde::Serialize;

/// Something happened. No event holds a secret.
#[derive(Debug, Clone, Serialize)]
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
        #[serde(serialize_with = "as_millis", rename = "took_ms")]
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

fn as_millis<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

/// Who is told.
pub trait Observer: Send + Sync {
    /// Takes note of an event.
    fn event(&self, event: Event);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: Event) {}
}
