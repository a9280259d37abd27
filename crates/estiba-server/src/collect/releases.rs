//! Which release an instance is of: lines don't say it.

use std::collections::HashMap;
use std::time::Duration;

use estiba_model::{EnvironmentId, InstanceName, Project, Version};
use tokio::time::Instant;

use crate::state::App;

/// How often a target is asked again for an instance that it did not know.
const EVERY: Duration = Duration::from_secs(10);
/// More instances are asked for again when they write.
const MOST_KNOWN: usize = 1000;

/// Releases of instances, as their targets told.
#[derive(Debug, Default)]
pub(super) struct Releases {
    known: HashMap<InstanceName, Version>,
    asked: Option<Instant>,
}

impl Releases {
    /// The release of an instance; `None` where it ended before it was asked for.
    pub async fn of(
        &mut self,
        app: &App,
        project: &Project,
        environment: &EnvironmentId,
        instance: &InstanceName,
    ) -> Option<Version> {
        let is_due = self.asked.is_none_or(|asked| asked.elapsed() >= EVERY);
        if !self.known.contains_key(instance) && is_due {
            let status = app
                .engine
                .environment_status(project, &environment.environment)
                .await;
            if self.known.len() > MOST_KNOWN {
                self.known.clear();
            }
            let instances = status.map(|status| status.instances).unwrap_or_default();
            let told = instances.into_iter().map(|one| (one.name, one.version));
            self.known.extend(told);
            self.asked = Some(Instant::now());
        }
        self.known.get(instance).cloned()
    }
}
