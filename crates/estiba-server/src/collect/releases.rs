//! Which release an instance is of: lines don't say it.

use std::collections::HashMap;
use std::time::Duration;

use estiba_model::{EnvironmentId, InstanceName, Project, Version};
use tokio::time::Instant;

use crate::state::App;

/// How often a target is asked again for an instance that it does not know yet.
const EVERY: Duration = Duration::from_secs(1);
/// So often it is asked for one; then it is one that ended, or a migration.
const MOST_TIMES: u8 = 5;
/// More instances are asked for again when they write.
const MOST_KNOWN: usize = 1000;

/// Releases of instances, as their targets told.
#[derive(Debug, Default)]
pub(super) struct Releases {
    known: HashMap<InstanceName, Version>,
    unknown: HashMap<InstanceName, Asked>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    times: u8,
    last: Instant,
}

impl Releases {
    /// The release of an instance; `None` where its target does not know it, or not yet.
    pub async fn of(
        &mut self,
        app: &App,
        project: &Project,
        environment: &EnvironmentId,
        instance: &InstanceName,
    ) -> Option<Version> {
        if !self.known.contains_key(instance) && self.is_due(instance, Instant::now()) {
            let name = &environment.environment;
            let status = app.engine.environment_status(project, name).await;
            let instances = status.map(|status| status.instances).unwrap_or_default();
            let told = instances.into_iter().map(|one| (one.name, one.version));
            self.known.extend(told);
        }
        self.known.get(instance).cloned()
    }

    fn is_due(&mut self, instance: &InstanceName, now: Instant) -> bool {
        if self.known.len() + self.unknown.len() > MOST_KNOWN {
            self.known.clear();
            self.unknown.clear();
        }
        let Some(asked) = self.unknown.get_mut(instance) else {
            let first = Asked {
                times: 1,
                last: now,
            };
            self.unknown.insert(instance.clone(), first);
            return true;
        };
        let is_due = asked.times < MOST_TIMES && now.duration_since(asked.last) >= EVERY;
        if is_due {
            asked.times += 1;
            asked.last = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_not_asked_for_every_line() {
        let instance: InstanceName = "api-12345678-0".parse().unwrap();
        let mut releases = Releases::default();
        let begun = Instant::now();
        let lines = (0..1000).map(|tenth| begun + Duration::from_millis(100 * tenth));
        let asked = lines.filter(|at| releases.is_due(&instance, *at)).count();
        assert_eq!(asked, usize::from(MOST_TIMES));
        for number in 0..3000 {
            let other = format!("api-12345678-{number}");
            assert!(releases.is_due(&other.parse().unwrap(), begun) || number == 0);
        }
        assert!(releases.unknown.len() <= MOST_KNOWN + 1);
    }
}
