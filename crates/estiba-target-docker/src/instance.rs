//! An instance as the engine shows it: its containers, by their labels.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, ContainerSummary,
};
use estiba_edge::Upstream;
use estiba_host::{HostError, record};
use estiba_model::{EnvironmentId, InstanceName, InstanceState, Message, Name};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::labels::{self, ContainerLabels, Role};
use crate::layout::EnvironmentDir;

/// After so many quick ends it counts as crashing.
pub(crate) const CRASHING_AFTER: u32 = 3;

/// Containers that are looked at together.
const AT_ONCE: usize = 8;

/// The number of SIGTERM.
const TERM: i32 = 15;

/// A container of an instance.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) labels: ContainerLabels,
    found: ContainerInspectResponse,
}

impl Member {
    pub(crate) fn state(&self) -> ContainerState {
        self.found.state.clone().unwrap_or_default()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state().running == Some(true) && self.state().restarting != Some(true)
    }

    /// It was made, and never started.
    pub(crate) fn is_waiting(&self) -> bool {
        // Podman has words of its own for it.
        let status = self.state().status;
        matches!(
            status,
            Some(ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY)
        ) && self.started_at().is_none()
    }

    /// It did its work.
    pub(crate) fn is_complete(&self) -> bool {
        self.labels.plan.completes() && self.has_ended() && self.state().exit_code == Some(0)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(
            self.state().status,
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD)
        )
    }

    /// Whether its program ends when it is asked to. One that does nothing at the
    /// signal would be waited for in vain.
    pub(crate) fn hears(&self) -> bool {
        let config = self.found.config.as_ref();
        let own_signal = config.and_then(|config| config.stop_signal.as_deref());
        let pid = self.state().pid.and_then(|pid| i32::try_from(pid).ok());
        match pid.filter(|pid| *pid > 0) {
            Some(pid) if own_signal.is_none_or(|name| name == "SIGTERM" || name == "15") => {
                estiba_host::hears(pid, TERM)
            }
            _ => true,
        }
    }

    pub(crate) fn restarts(&self) -> u32 {
        let count = self.found.restart_count.unwrap_or_default();
        u32::try_from(count).unwrap_or_default()
    }

    /// When it last started; none where it never did.
    pub(crate) fn started_at(&self) -> Option<jiff::Timestamp> {
        let at = self.state().started_at?;
        // An engine says that it never was by the year 1.
        at.parse()
            .ok()
            .filter(|at: &jiff::Timestamp| at.as_second() > 0)
    }

    /// The container whose address it has, by its id.
    pub(crate) fn beside(&self) -> Option<&str> {
        let host = self.found.host_config.as_ref()?;
        host.network_mode.as_deref()?.strip_prefix("container:")
    }

    fn address(&self) -> Option<IpAddr> {
        let networks = self.found.network_settings.as_ref()?.networks.as_ref()?;
        let mut addresses = networks
            .values()
            .filter_map(|one| one.ip_address.as_deref());
        addresses.find_map(|address| address.parse().ok())
    }
}

/// The containers of an instance, in the order in which they start.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) environment: EnvironmentId,
    pub(crate) name: InstanceName,
    pub(crate) members: Vec<Member>,
}

impl Instance {
    /// The instance of this name; with no members where there is none.
    pub(crate) async fn find(
        engine: &Engine,
        environment: &EnvironmentId,
        name: &InstanceName,
    ) -> Result<Self, HostError> {
        let labels = labels::of_instance(environment, Role::Instance, name);
        let members = members(engine, labels::filter(&labels)).await?;
        Ok(Self {
            environment: environment.clone(),
            name: name.clone(),
            members,
        })
    }

    /// All instances of an environment.
    pub(crate) async fn all(
        engine: &Engine,
        environment: &EnvironmentId,
    ) -> Result<Vec<Self>, HostError> {
        let labels = labels::of(environment, Role::Instance);
        let mut by_name: BTreeMap<InstanceName, Vec<Member>> = BTreeMap::new();
        for member in members(engine, labels::filter(&labels)).await? {
            let name = member.labels.instance.clone();
            by_name.entry(name).or_default().push(member);
        }
        let instance = |(name, members)| Self {
            environment: environment.clone(),
            name,
            members,
        };
        Ok(by_name.into_iter().map(instance).collect())
    }

    pub(crate) fn workload(&self) -> Option<&Name> {
        self.members.first().map(|member| &member.labels.workload)
    }

    /// The containers of the workload itself.
    pub(crate) fn own(&self) -> impl DoubleEndedIterator<Item = &Member> {
        self.members
            .iter()
            .filter(|one| !one.labels.plan.ships_logs)
    }

    /// The order in which they end: what reads logs has its time when the others have
    /// written their last line.
    pub(crate) fn members_to_end(&self) -> impl Iterator<Item = &Member> {
        let shippers = self.members.iter().filter(|one| one.labels.plan.ships_logs);
        self.own().rev().chain(shippers)
    }

    /// None of its containers is missing, and none that should run has ended.
    pub(crate) fn stands(&self) -> bool {
        self.is_whole() && !self.own().any(|one| self.is_lost(one))
    }

    fn is_whole(&self) -> bool {
        let wanted = self.members.first().map(|one| one.labels.plan.of);
        wanted == Some(self.members.len())
    }

    /// It ended for good, or was taken off the network.
    fn is_lost(&self, member: &Member) -> bool {
        let has_ended = member.has_ended() && !member.is_complete();
        let is_cut_off =
            member.is_running() && member.beside().is_none() && member.address().is_none();
        has_ended || is_cut_off
    }

    /// The container whose address is the instance's.
    pub(crate) fn owner(&self) -> Option<&Member> {
        self.own().find(|one| !one.labels.plan.completes())
    }

    /// Where its ports are on the environment's network.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.owner()?.address()
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.own().map(Member::restarts).sum()
    }

    /// The loopback ports of this machine by the instance's own ports.
    pub(crate) fn ports(&self) -> BTreeMap<u16, u16> {
        let owner = self.owner();
        owner
            .map(|owner| owner.labels.plan.ports.clone())
            .unwrap_or_default()
    }

    /// Where the edge reaches one of its ports.
    pub(crate) fn upstream(&self, port: u16) -> Option<Upstream> {
        let of_machine = *self.ports().get(&port)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, of_machine));
        // Instances of two environments may have equal names.
        let name = format!("{}/{}", self.environment, self.name);
        Some(Upstream::new(name, address))
    }

    /// Changes when its containers are others.
    pub(crate) fn key(&self) -> String {
        let ids: Vec<&str> = self.members.iter().map(|one| one.id.as_str()).collect();
        ids.join(" ")
    }

    /// What was last said of its readiness.
    pub(crate) fn standing(&self, place: &EnvironmentDir) -> Result<Standing, HostError> {
        let known: Option<Standing> = record::read(&place.standing(&self.name))?;
        let known = known.filter(|known| known.key == self.key());
        Ok(known.unwrap_or_else(|| Standing {
            key: self.key(),
            ..Standing::default()
        }))
    }

    /// How it is.
    pub(crate) fn state(&self, standing: &Standing) -> InstanceState {
        let is_running = || {
            let mut lasting = self.own().filter(|one| !one.labels.plan.completes());
            lasting.all(Member::is_running)
        };
        if !self.stands() {
            InstanceState::Stopped
        } else if standing.ready && is_running() {
            InstanceState::Ready
        } else if self.restarts() >= CRASHING_AFTER {
            InstanceState::Crashing
        } else if standing.was_ready {
            InstanceState::Unready
        } else {
            InstanceState::Starting
        }
    }
}

/// What probes say of an instance, kept on disk for those who route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Of which containers that is said.
    pub(crate) key: String,
    /// Its probes pass.
    pub(crate) ready: bool,
    /// They did once.
    pub(crate) was_ready: bool,
    /// What the last one said that failed.
    pub(crate) why: Option<Message>,
    /// Restarts by the minder, which the engine does not count.
    pub(crate) restarts: u32,
}

async fn members(engine: &Engine, filter: Vec<String>) -> Result<Vec<Member>, HostError> {
    let inspect = |summary: ContainerSummary| async {
        let labels = ContainerLabels::read(&summary.labels.unwrap_or_default());
        let (Some(id), Some(labels)) = (summary.id, labels) else {
            return Ok::<_, HostError>(None);
        };
        // One that is removed meanwhile is none.
        let found = engine.inspect(&id).await?;
        Ok(found.map(|found| Member { id, labels, found }))
    };
    let summaries = stream::iter(engine.containers(filter).await?);
    let inspected: Vec<Option<Member>> = summaries
        .map(inspect)
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    let mut members: Vec<Member> = inspected.into_iter().flatten().collect();
    members.sort_by_key(|member| member.labels.plan.index);
    Ok(members)
}
