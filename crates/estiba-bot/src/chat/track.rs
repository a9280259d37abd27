//! One deployment, as far as it is told.

use estiba_model::{Cause, Changes, DeploymentState, EnvironmentId, Event, Message, Version, What};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::clip;

/// The most commits of a deployment that are told.
const MOST_COMMITS: usize = 5;
/// The most lines of output that are told.
pub(super) const MOST_LINES: usize = 15;

/// A deployment as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Where.
    pub environment: EnvironmentId,
    /// Which release; none for an end.
    pub version: Option<Version>,
    /// What ran before.
    pub before: Option<Version>,
    /// The first lines of the commits that it brings, or takes back.
    #[serde(default)]
    pub commits: Vec<String>,
    /// What was asked for.
    pub cause: Option<Cause>,
    /// Who asked.
    pub by: Option<String>,
    /// How far it is.
    pub stage: Stage,
    /// The message that tells of it.
    pub message: Option<i32>,
    /// Whether the message does not say it all.
    pub untold: bool,
    /// It was told with many others, in one message.
    pub among_many: bool,
    /// Since when it is.
    pub at: Timestamp,
}

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// Its steps are being taken.
    Running {
        /// So many are done.
        done: u32,
        /// Of so many.
        total: u32,
    },
    /// What worked before is being restored.
    RollingBack,
    /// It went well.
    Succeeded {
        /// How long it took, where it is known.
        took_ms: u64,
    },
    /// It failed.
    Failed {
        /// Why.
        reasons: Vec<Message>,
        /// The last lines of output.
        log: Vec<String>,
    },
    /// A newer one took its place.
    Superseded,
}

impl Stage {
    /// Whether nothing follows.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeeded { .. } | Self::Failed { .. } | Self::Superseded
        )
    }
}

impl Track {
    /// One of which nothing is known.
    pub fn new(environment: EnvironmentId, at: Timestamp) -> Self {
        Self {
            environment,
            version: None,
            before: None,
            commits: Vec::new(),
            cause: None,
            by: None,
            stage: Stage::Queued,
            message: None,
            untold: false,
            among_many: false,
            at,
        }
    }

    /// One that is recorded, and perhaps over.
    pub fn of(deployment: &estiba_model::Deployment, message: i32) -> Self {
        let stage = match deployment.state {
            DeploymentState::Queued => Stage::Queued,
            DeploymentState::Running => Stage::Running { done: 0, total: 0 },
            DeploymentState::RollingBack => Stage::RollingBack,
            DeploymentState::Succeeded => {
                let began = deployment.started_at.unwrap_or(deployment.created_at);
                let ended = deployment.finished_at.unwrap_or(began);
                let took = ended.duration_since(began).as_millis();
                let took_ms = u64::try_from(took).unwrap_or_default();
                Stage::Succeeded { took_ms }
            }
            DeploymentState::Failed => Stage::Failed {
                reasons: deployment.error.clone().into_iter().collect(),
                log: deployment.log.clone(),
            },
            DeploymentState::Superseded => Stage::Superseded,
        };
        Self {
            version: Some(deployment.version.clone()),
            cause: Some(deployment.cause),
            message: Some(message),
            untold: true,
            stage,
            ..Self::new(deployment.environment.clone(), deployment.created_at)
        }
    }

    /// Whether its end comes as a message of its own, beside the edited one.
    pub fn disturbs(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. })
    }

    pub(super) fn take_in(&mut self, what: &What) -> bool {
        match what {
            What::Asked { version, cause, by } => {
                self.version = Some(version.clone());
                self.cause = Some(*cause);
                self.by = Some(by.clone());
            }
            What::Started {
                version,
                before,
                changes,
            } => {
                self.version.clone_from(version);
                self.before.clone_from(before);
                self.commits = commits(changes);
                self.stage = Stage::Running { done: 0, total: 0 };
            }
            What::Progress { progress } => return self.progress(progress),
            What::Succeeded { version, took_ms } => {
                self.known(version);
                self.stage = Stage::Succeeded { took_ms: *took_ms };
            }
            What::Failed {
                version,
                reasons,
                log,
            } => {
                self.known(version);
                let clipped = |reason: &Message| reason.clone().map(|text| clip(&text, 1000));
                let beyond = log.len().saturating_sub(MOST_LINES);
                self.stage = Stage::Failed {
                    reasons: reasons.iter().take(5).map(clipped).collect(),
                    log: log[beyond..].iter().map(|line| clip(line, 300)).collect(),
                };
            }
            What::Superseded { version } => {
                self.known(version);
                self.stage = Stage::Superseded;
            }
            _ => return false,
        }
        true
    }

    fn progress(&mut self, progress: &Event) -> bool {
        self.stage = match progress {
            Event::StepStarted { index, total, .. } => Stage::Running {
                done: *index,
                total: *total,
            },
            Event::RollingBack { .. } => Stage::RollingBack,
            _ => return false,
        };
        true
    }

    fn known(&mut self, version: &Version) {
        self.version.get_or_insert_with(|| version.clone());
    }
}

/// The commits of a change, as many as a message may have.
fn commits(changes: &Changes) -> Vec<String> {
    let sign = if changes.undone { '−' } else { '+' };
    let lines = changes.commits.iter();
    let lines = lines.map(|commit| format!("{sign} {}", clip(&commit.subject, 120)));
    let mut lines: Vec<String> = lines.take(MOST_COMMITS).collect();
    let left = changes.commits.len() - lines.len();
    if left > 0 {
        lines.push(format!("{sign} … {left}"));
    }
    lines
}
