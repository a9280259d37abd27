//! Instances that nobody can ask: whether they stay.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;

use super::pods::Instance;

/// So long the instances have to stay as they are. A program that ends at once counts as
/// ready until its node notices, which since 1.36 is at once (`PLEGOnDemandRelist`).
const SETTLED: Duration = Duration::from_secs(3);

/// How long instances have been up with no restart.
pub(super) struct Settling {
    is_probed: bool,
    since: Option<(u32, Instant)>,
}

impl Settling {
    /// Those that Kubernetes asks how they are need no more than their answer.
    pub(super) fn new(is_probed: bool) -> Self {
        Self {
            is_probed,
            since: None,
        }
    }

    /// Whether these instances, which are all ready now, are so for long enough.
    pub(super) fn is_over(&mut self, instances: &[Pod]) -> bool {
        if self.is_probed || instances.is_empty() {
            return true;
        }
        let restarts = instances.iter().map(|pod| Instance(pod).restarts()).sum();
        match self.since {
            Some((before, since)) if before == restarts => since.elapsed() >= SETTLED,
            _ => {
                self.since = Some((restarts, Instant::now()));
                false
            }
        }
    }
}
