//! How an instance is, as its supervisor tells it.

use estiba_model::{InstanceState, Message, message};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use estiba_host::ProcessId;

use super::description::ContainerPlan;

/// After so many quick ends in a row a container is crashing.
pub(crate) const CRASHING_AFTER: u32 = 3;

/// How an instance is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Status {
    pub(crate) state: InstanceState,
    /// Since when it is in this state.
    pub(crate) since: Timestamp,
    /// Whether it has ever been ready.
    pub(crate) was_ready: bool,
    pub(crate) containers: Vec<ContainerStatus>,
}

/// How a container is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ContainerStatus {
    pub(crate) phase: Phase,
    /// Its first process, while it runs.
    pub(crate) process: Option<ProcessId>,
    pub(crate) ready: bool,
    /// How often it was started again.
    pub(crate) restarts: u32,
    /// How often it ended in a row without having been up for long.
    pub(crate) quick_ends: u32,
    /// How it ended last.
    pub(crate) end: Option<End>,
    /// Why it does not start, or what a check says that fails.
    pub(crate) error: Option<Message>,
    /// It reads what the others log to files: how the instance is does not depend on it.
    #[serde(default)]
    pub(crate) ships_logs: bool,
}

/// What a container is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// For another container, or for its first start.
    #[default]
    Waiting,
    /// It runs.
    Running,
    /// It ended and will be started again.
    BackingOff,
    /// It did its work.
    Completed,
    /// It ended for good.
    Stopped,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum End {
    /// With this code.
    Exited(i32),
    /// By the signal of this number.
    Killed(i32),
    /// Killed by the kernel, at the memory limit.
    OutOfMemory,
}

impl End {
    /// What happened, for people.
    pub(crate) fn message(self) -> Message {
        match self {
            Self::Exited(code) => {
                message!("it ended with code {code}", "terminó con código {code}")
            }
            Self::Killed(signal) => {
                message!(
                    "it was killed by signal {signal}",
                    "la señal {signal} lo terminó"
                )
            }
            Self::OutOfMemory => message!(
                "it used more memory than its limit and was killed",
                "usó más memoria que su límite y fue terminado"
            ),
        }
    }
}

impl ContainerStatus {
    fn is_crashing(&self) -> bool {
        self.quick_ends >= CRASHING_AFTER && !self.ready && self.phase != Phase::Completed
    }
}

impl Status {
    pub(crate) fn starting(plans: &[ContainerPlan]) -> Self {
        let starting = |plan: &ContainerPlan| ContainerStatus {
            ships_logs: plan.ships_logs,
            ..ContainerStatus::default()
        };
        Self {
            state: InstanceState::Starting,
            since: Timestamp::now(),
            was_ready: false,
            containers: plans.iter().map(starting).collect(),
        }
    }

    /// The containers of the workload itself.
    pub(crate) fn own(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.containers.iter().filter(|one| !one.ships_logs)
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.own().map(|one| one.restarts).sum()
    }

    /// Brings the state up to date with the containers.
    pub(super) fn settle(&mut self) {
        let state = if self.own().all(|one| one.ready) {
            InstanceState::Ready
        } else if self.own().any(ContainerStatus::is_crashing) {
            InstanceState::Crashing
        } else if self.was_ready {
            InstanceState::Unready
        } else {
            InstanceState::Starting
        };
        self.was_ready |= state == InstanceState::Ready;
        if state != self.state {
            self.state = state;
            self.since = Timestamp::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_follows_from_the_containers() {
        let ready = || ContainerStatus {
            ready: true,
            phase: Phase::Running,
            ..Default::default()
        };
        let crashing = || ContainerStatus {
            quick_ends: CRASHING_AFTER,
            phase: Phase::BackingOff,
            ..Default::default()
        };
        let waiting = ContainerStatus::default;
        let shipping = |container| ContainerStatus {
            ships_logs: true,
            ..container
        };
        for (was_ready, containers, expected) in [
            (false, vec![waiting()], InstanceState::Starting),
            (false, vec![ready(), waiting()], InstanceState::Starting),
            (false, vec![ready(), ready()], InstanceState::Ready),
            (true, vec![ready(), waiting()], InstanceState::Unready),
            (true, vec![ready(), crashing()], InstanceState::Crashing),
            (false, vec![crashing()], InstanceState::Crashing),
            (
                false,
                vec![shipping(crashing()), ready()],
                InstanceState::Ready,
            ),
            (
                false,
                vec![shipping(ready()), waiting()],
                InstanceState::Starting,
            ),
        ] {
            let mut status = Status::starting(&[]);
            status.was_ready = was_ready;
            status.containers = containers;
            status.settle();
            assert_eq!(status.state, expected, "{status:?}");
        }
    }
}
