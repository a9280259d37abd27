//! Starting and stopping instances.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use bollard::models::RestartPolicyNameEnum;
use estiba_edge::{ControlClient, ControlError};
use estiba_host::directory::make_private;
use estiba_host::{HostError, ports, record, routes};
use estiba_model::{EnvironmentId, InstanceName, Ready, message};
use estiba_target::{ContainerSpec, InstanceSpec, Progress, WorkloadSpec};

use super::DockerTarget;
use crate::container::{Making, Place};
use crate::files::Files;
use crate::instance::{Instance, Standing};
use crate::labels::{self, ContainerLabels, Plan, Role};
use crate::layout::{EnvironmentDir, Layout};
use crate::probe::{Check, Checks};
use crate::{files, logs, minder, run, scratch};

impl DockerTarget {
    pub(super) async fn start_instance(
        &self,
        spec: &InstanceSpec,
        progress: &dyn Progress,
    ) -> Result<(), HostError> {
        let environment = &spec.of.environment;
        let layout = self.own_layout(environment).await?;
        let found = Instance::find(&self.engine, environment, &spec.instance).await?;
        if found.stands() {
            run::start_due(&self.engine, &found).await?;
            return minder::ensure(&layout, &self.engine, self.helper(), environment).await;
        }
        let workload = &spec.of.workload;
        if routes::tcp_ports(&spec.of.exposure).len() < spec.of.exposure.ports.len() {
            progress.notice(&message!(
                "{workload}: UDP ports are not routed by this target",
                "{workload}: esta plataforma no dirige puertos UDP"
            ));
        }
        // What is left of one that ended or was made half is made anew.
        self.remove(&layout, &found).await?;
        let made = self.make(&layout, spec).await;
        let made = match made {
            Ok(()) => Instance::find(&self.engine, environment, &spec.instance).await,
            Err(error) => Err(error),
        };
        let started = match &made {
            Ok(instance) => run::start_due(&self.engine, instance).await,
            Err(_) => Ok(false),
        };
        if let Err(error) = made.as_ref().map(drop).and(started.as_ref().map(drop)) {
            // Nothing runs; what is left would look like an instance.
            let told = HostError::Told(error.message());
            let left = Instance::find(&self.engine, environment, &spec.instance).await?;
            self.remove(&layout, &left).await?;
            return Err(told);
        }
        minder::ensure(&layout, &self.engine, self.helper(), environment).await
    }

    async fn make(&self, layout: &Layout, spec: &InstanceSpec) -> Result<(), HostError> {
        let (of, instance) = (&spec.of, &spec.instance);
        let place = layout.environment(&of.environment);
        let hosts = self.hosts(&of.environment).await?;
        self.keep_secrets(&place, spec)?;
        let path = place.standing(instance);
        make_private(path.parent().unwrap_or(place.path()))?;
        record::write(&path, &Standing::default())?;
        let ports = take_ports(layout, &place, spec)?;
        let files = Files {
            place: &place,
            instance,
            secrets: &of.secrets,
        };
        let mut owner: Option<String> = None;
        for (index, container) in of.containers.iter().enumerate() {
            let plan = plan(of, container, index, &ports);
            let completes = plan.completes();
            let place = match &owner {
                _ if container.ships_logs => Place::Nowhere,
                // What does its work first is gone when the others need it.
                Some(owner) if !completes => Place::Beside(owner.clone()),
                _ => own_place(&ports, &hosts, completes),
            };
            let mut labels = labels::of(&of.environment, Role::Instance);
            ContainerLabels {
                workload: of.workload.clone(),
                version: of.version.clone(),
                fingerprint: of.fingerprint.clone(),
                instance: instance.clone(),
                container: container.name.clone(),
                plan,
            }
            .write(&mut labels);
            let making = Making {
                environment: &of.environment,
                workload: &of.workload,
                instance,
                version: &of.version,
                exposure: &of.exposure,
                spec: container,
                labels,
                restart: if completes {
                    RestartPolicyNameEnum::ON_FAILURE
                } else {
                    // Not "unless stopped": a Docker that was killed takes what it
                    // finds running for stopped by hand.
                    RestartPolicyNameEnum::ALWAYS
                },
                place,
                files,
            };
            let id = making.make(&self.engine, &self.config.images).await?;
            if owner.is_none() && !completes && !container.ships_logs {
                owner = Some(id);
            }
        }
        Ok(())
    }

    /// Values that must not reach its log, for those who read that.
    fn keep_secrets(&self, place: &EnvironmentDir, spec: &InstanceSpec) -> Result<(), HostError> {
        let secrets = spec.of.secrets.iter().map(|secret| secret.expose());
        let secrets: Vec<&str> = secrets.collect();
        record::write(&place.secrets(&spec.instance)?, &secrets)
    }

    pub(super) async fn stop_instance(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        grace: Duration,
    ) -> Result<(), HostError> {
        let layout = self.layout(environment).await?;
        let found = Instance::find(&self.engine, environment, instance).await?;
        if !found.members.is_empty() {
            drain(&layout, &found, grace).await?;
            // From here on the minder leaves it alone.
            let place = layout.environment(environment);
            record::remove(&place.standing(instance))?;
            let seconds = i32::try_from(grace.as_secs()).unwrap_or(i32::MAX);
            for member in found.members_to_end() {
                let seconds = if member.hears() { seconds } else { 0 };
                self.engine.stop(&member.id, seconds).await?;
            }
        }
        self.remove(&layout, &found).await
    }

    /// Removes an instance but its log, which is kept on this machine.
    async fn remove(&self, layout: &Layout, instance: &Instance) -> Result<(), HostError> {
        let place = layout.environment(&instance.environment);
        logs::keep(&self.engine, &place, instance).await?;
        for member in instance.members.iter().rev() {
            self.engine.remove(&member.id).await?;
        }
        scratch::remove(&self.engine, &instance.environment, &instance.name).await?;
        for port in instance.ports().values() {
            layout.ports().give_back(*port)?;
        }
        files::remove(&place, &instance.name)?;
        record::remove(&place.secrets(&instance.name)?)?;
        record::remove(&place.standing(&instance.name))
    }
}

/// Waits until nothing is in flight at an instance, for `grace` at the most.
async fn drain(layout: &Layout, instance: &Instance, grace: Duration) -> Result<(), HostError> {
    let edge = ControlClient::new(layout.edge().socket());
    let ports = instance.ports();
    let upstreams = ports.keys().filter_map(|port| instance.upstream(*port));
    let drains = upstreams.map(|upstream| {
        let edge = edge.clone();
        async move { edge.drain(&upstream, grace).await }
    });
    for drained in futures::future::join_all(drains).await {
        match drained {
            // Without an edge nothing comes in.
            Ok(_) | Err(ControlError::NotRunning { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A port of this machine for each that is served or asked: the engine's own
/// choice would change with every restart.
fn take_ports(
    layout: &Layout,
    place: &EnvironmentDir,
    spec: &InstanceSpec,
) -> Result<BTreeMap<u16, u16>, HostError> {
    let exposed = routes::tcp_ports(&spec.of.exposure);
    let own: BTreeSet<u16> = exposed
        .into_iter()
        .map(|name| spec.of.exposure.ports[name].target_port)
        .collect();
    let (all, owner) = (layout.ports(), place.standing(&spec.instance));
    let take = |port| Ok((port, all.take(&ports::INSTANCES, rand::random(), &owner)?));
    own.into_iter().map(take).collect()
}

fn own_place(ports: &BTreeMap<u16, u16>, hosts: &[(String, IpAddr)], completes: bool) -> Place {
    Place::Own {
        ports: if completes {
            BTreeMap::new()
        } else {
            ports.clone()
        },
        hosts: hosts.to_vec(),
    }
}

fn plan(
    of: &WorkloadSpec,
    container: &ContainerSpec,
    index: usize,
    ports: &BTreeMap<u16, u16>,
) -> Plan {
    let completes =
        |one: &ContainerSpec| one.before.values().any(|ready| *ready == Ready::Complete);
    let mut readiness = checks(of, Check::of(container.readiness.as_ref()));
    // Where nothing says when the instance is ready, its port does.
    let is_probed = of.containers.iter().any(|one| one.readiness.is_some());
    let last = of
        .containers
        .iter()
        .rposition(|one| !completes(one) && !one.ships_logs);
    if let Some(main) = routes::main_port(&of.exposure).filter(|_| !is_probed)
        && last == Some(index)
    {
        readiness.push(Check::Tcp(of.exposure.ports[main].target_port));
    }
    Plan {
        index,
        of: of.containers.len(),
        ports: ports.clone(),
        readiness,
        liveness: checks(of, Check::of(container.liveness.as_ref())),
        before: container.before.clone(),
        ships_logs: container.ships_logs,
    }
}

/// The checks of a probe that may name a port as clients see it.
fn checks(of: &WorkloadSpec, checks: Checks) -> Checks {
    let exposed = || of.exposure.ports.values();
    let listening = |port: u16| {
        let is_target = exposed().any(|one| one.target_port == port);
        let of_service = exposed().find(|one| one.port == port && !is_target);
        of_service.map_or(port, |one| one.target_port)
    };
    let own = |check| match check {
        Check::Http {
            host: None,
            port,
            path,
            headers,
        } => Check::Http {
            host: None,
            port: listening(port),
            path,
            headers,
        },
        other => other,
    };
    checks.into_iter().map(own).collect()
}
