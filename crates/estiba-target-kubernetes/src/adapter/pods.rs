//! What a pod tells of an instance.

use estiba_model::{InstanceState, Name, ObservedInstance};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};

use super::reasons::ended;
use crate::manifests::{annotation, label};

/// The reason of a container that ends again and again.
pub(super) const CRASH_LOOP: &str = "CrashLoopBackOff";

/// A pod, read as an instance.
#[derive(Clone, Copy)]
pub(super) struct Instance<'p>(pub(super) &'p Pod);

impl<'p> Instance<'p> {
    pub(super) fn name(self) -> &'p str {
        self.0.metadata.name.as_deref().unwrap_or_default()
    }

    pub(super) fn label(self, key: &str) -> Option<&'p str> {
        self.0
            .metadata
            .labels
            .as_ref()?
            .get(key)
            .map(String::as_str)
    }

    pub(super) fn annotation(self, key: &str) -> Option<&'p str> {
        let annotations = self.0.metadata.annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }

    pub(super) fn phase(self) -> &'p str {
        let status = self.0.status.as_ref();
        status.and_then(|s| s.phase.as_deref()).unwrap_or_default()
    }

    /// Whether it was told to end.
    pub(super) fn is_leaving(self) -> bool {
        self.0.metadata.deletion_timestamp.is_some()
    }

    /// Whether all its containers have ended for good. Nodes take seconds more to
    /// give up a pod that was told to end.
    pub(super) fn has_ended(self) -> bool {
        let is_over = |container: &ContainerStatus| {
            let runs = container
                .state
                .as_ref()
                .is_some_and(|s| s.running.is_some());
            !runs && ended(container).is_some()
        };
        matches!(self.phase(), "Succeeded" | "Failed")
            || self.is_leaving()
                && self.containers().next().is_some()
                && self.containers().all(is_over)
    }

    pub(super) fn is_ready(self) -> bool {
        self.condition("Ready")
            .is_some_and(|(status, _)| status == "True")
    }

    /// A condition's status, and what is said about it.
    pub(super) fn condition(self, kind: &str) -> Option<(&'p str, &'p str)> {
        let conditions = self.0.status.as_ref()?.conditions.as_ref()?;
        let condition = conditions
            .iter()
            .find(|condition| condition.type_ == kind)?;
        let said = condition.message.as_deref().unwrap_or_default();
        Some((&condition.status, said))
    }

    /// Its containers, those that run first before the others.
    pub(super) fn containers(self) -> impl Iterator<Item = &'p ContainerStatus> {
        let status = self.0.status.as_ref();
        let init = status.and_then(|status| status.init_container_statuses.as_ref());
        let main = status.and_then(|status| status.container_statuses.as_ref());
        init.into_iter().flatten().chain(main.into_iter().flatten())
    }

    /// The containers of the workload itself.
    fn own_containers(self) -> impl Iterator<Item = &'p ContainerStatus> {
        let shipper = self.annotation(annotation::SHIPPER);
        self.containers()
            .filter(move |container| Some(container.name.as_str()) != shipper)
    }

    pub(super) fn restarts(self) -> u32 {
        let restarts = self
            .own_containers()
            .map(|container| container.restart_count);
        restarts
            .map(|count| u32::try_from(count).unwrap_or_default())
            .sum()
    }

    /// Whether any of its containers was started again.
    pub(super) fn has_restarted(self) -> bool {
        self.containers()
            .any(|container| container.restart_count > 0)
    }

    /// The names of all its containers.
    pub(super) fn container_names(self) -> Vec<&'p str> {
        let spec = self.0.spec.as_ref();
        let init = spec.and_then(|spec| spec.init_containers.as_ref());
        let main = spec.map(|spec| &spec.containers);
        init.into_iter()
            .flatten()
            .chain(main.into_iter().flatten())
            .map(|container| container.name.as_str())
            .collect()
    }

    fn state(self) -> InstanceState {
        let crashes = self.own_containers().any(|container| {
            let waiting = container.state.as_ref().and_then(|s| s.waiting.as_ref());
            waiting.and_then(|w| w.reason.as_deref()) == Some(CRASH_LOOP)
        });
        match self.has_ended() {
            true => InstanceState::Stopped,
            _ if crashes => InstanceState::Crashing,
            _ if self.is_ready() => InstanceState::Ready,
            _ if self.has_started() => InstanceState::Unready,
            _ => InstanceState::Starting,
        }
    }

    /// Whether its containers passed their first check.
    fn has_started(self) -> bool {
        let Some(status) = &self.0.status else {
            return false;
        };
        let main = status.container_statuses.as_deref().unwrap_or_default();
        !main.is_empty() && main.iter().all(|container| container.started == Some(true))
    }

    /// What the engine knows of it; none for what is no instance of a workload.
    pub(super) fn observed(self) -> Option<ObservedInstance> {
        Some(ObservedInstance {
            name: self.name().parse().ok()?,
            workload: self.workload()?,
            version: self.annotation(annotation::VERSION)?.parse().ok()?,
            fingerprint: self.annotation(annotation::FINGERPRINT)?.parse().ok()?,
            state: self.state(),
            restarts: self.restarts(),
        })
    }

    fn workload(self) -> Option<Name> {
        self.label(label::WORKLOAD)?.parse().ok()
    }
}
