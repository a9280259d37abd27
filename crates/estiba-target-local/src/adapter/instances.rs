//! Starting and stopping instances.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use estiba_edge::{ControlClient, ControlError};
use estiba_model::{EnvironmentId, Exposure, InstanceName, Name, SecretString, Version, message};
use estiba_target::{ContainerSpec, InstanceSpec, Progress, WorkloadSpec};
use rustix::process::Signal;
use tokio::time::timeout;

use super::container::Planner;
use super::{LocalTarget, blocking};
use crate::layout::{EnvironmentDir, InstanceDir};
use crate::process;
use crate::supervisor::{
    self, ContainerLabel, Description, Labels, PortLabel, Purpose, ROLE, StopOrder,
};
use crate::{logs, traffic};
use estiba_host::HostError;
use estiba_host::Process;
use estiba_host::background::{Started, start};
use estiba_host::directory::{make_private, runtime_dir};
use estiba_host::routes::tcp_ports;
use estiba_host::{lock, ports, record};

/// Time for a supervisor to end after its containers' time is over.
const SUPERVISOR_LIMIT: Duration = Duration::from_secs(15);

impl LocalTarget {
    pub(super) async fn start_instance(
        &self,
        spec: &InstanceSpec,
        progress: &dyn Progress,
    ) -> Result<(), HostError> {
        let place = self.layout.environment(&spec.of.environment);
        let directory = place.instance(&spec.instance);
        let lock = directory.lock();
        if lock::is_held(&lock).map_err(HostError::at(&lock))? {
            return Ok(());
        }
        self.notices(&spec.of, progress);
        make_private(&directory.0)?;
        let described = self.describe_instance(spec, &place, &directory).await;
        let started = match described {
            Ok(description) => self.supervise(&description).await,
            Err(error) => Err(error),
        };
        if let Err(error) = started {
            // Nothing runs; what is left would look like an instance.
            self.release(&directory)?;
            return Err(error);
        }
        Ok(())
    }

    /// Starts a supervisor; it runs when this returns.
    pub(super) async fn supervise(&self, description: &Description) -> Result<(), HostError> {
        let directory = &description.directory;
        let input = serde_json::to_vec(description).map_err(|error| HostError::Damaged {
            path: directory.labels(),
            detail: error.to_string(),
        })?;
        let log = directory.supervisor_log();
        let args = [directory.0.as_path()];
        match start(self.helper(), ROLE, &args, &input, &log).await? {
            Started::Runs | Started::AlreadyRuns => Ok(()),
            Started::Failed(message) => Err(HostError::Told(message)),
        }
    }

    async fn describe_instance(
        &self,
        spec: &InstanceSpec,
        place: &EnvironmentDir,
        directory: &InstanceDir,
    ) -> Result<Description, HostError> {
        let ports = self.layout.ports();
        let (instance, spec) = (spec.instance.clone(), spec.of.clone());
        let (place, directory) = (place.clone(), directory.clone());
        let (images, helper) = (self.config.images.clone(), self.config.helper.clone());
        let edge_socket = self.layout.edge().socket();
        blocking(move || {
            let logs = place.logs(&spec.workload);
            make_private(&logs)?;
            logs::prune(&logs, |name| {
                let running = name.parse().map(|name| place.instance(&name).lock());
                running.is_ok_and(|lock| lock::is_held(&lock).unwrap_or(true))
            })?;
            release_ports(&ports, &directory)?;
            let ports = allocate(&ports, &spec.exposure, &directory)?;
            let identity = Identity {
                environment: &spec.environment,
                workload: &spec.workload,
                instance: &instance,
                version: &spec.version,
            };
            let labels = Labels {
                environment: spec.environment.clone(),
                workload: spec.workload.clone(),
                instance: instance.clone(),
                version: spec.version.clone(),
                fingerprint: spec.fingerprint.clone(),
                containers: Vec::new(),
                ports,
            };
            let parts = Parts {
                images: &images,
                place: &place,
                directory: &directory,
                exposure: &spec.exposure,
                containers: &spec.containers,
                variables: identity.variables(),
                secrets: &spec.secrets,
                purpose: Purpose::Serve,
                helper,
                edge_socket,
                logs: logs.join(instance.as_str()),
            };
            parts.describe(labels)
        })
        .await
    }

    fn notices(&self, spec: &WorkloadSpec, progress: &dyn Progress) {
        let workload = &spec.workload;
        let has_port = !tcp_ports(&spec.exposure).is_empty();
        let sets_port = |one: &ContainerSpec| one.variables.contains_key("PORT");
        if has_port && spec.containers.iter().any(sets_port) {
            progress.notice(&message!(
                "{workload}: the variable PORT of the Score file is replaced: on this machine every instance gets a port of its own",
                "{workload}: se reemplaza la variable PORT del archivo Score: en esta máquina cada instancia recibe un puerto propio"
            ));
        }
        if tcp_ports(&spec.exposure).len() < spec.exposure.ports.len() {
            progress.notice(&message!(
                "{workload}: UDP ports are not routed by the local target",
                "{workload}: la plataforma local no dirige puertos UDP"
            ));
        }
        let mut own = spec.containers.iter().filter(|one| !one.ships_logs);
        let is_limited =
            own.any(|one| one.limits.memory_bytes.is_some() || one.limits.cpu_millis.is_some());
        if is_limited
            && !self
                .host()
                .is_some_and(|host| host.memory_limit && host.cpu_limit)
        {
            progress.notice(&message!(
                "{workload}: limits of memory and CPU are not enforced for this user on this machine; `estiba doctor` says why",
                "{workload}: en esta máquina no se aplican límites de memoria y CPU para este usuario; `estiba doctor` dice por qué"
            ));
        }
    }

    pub(super) async fn stop_instance(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        grace: Duration,
    ) -> Result<(), HostError> {
        let directory = self.layout.environment(environment).instance(instance);
        if !directory.0.exists() {
            return Ok(());
        }
        let labels: Option<Labels> = record::read(&directory.labels())?;
        if let Some(labels) = &labels {
            self.drain(labels, grace).await?;
        }
        self.end_supervisor(&directory, grace).await?;
        self.release(&directory)
    }

    /// Waits until nothing is in flight at an instance, for `grace` at the most.
    async fn drain(&self, labels: &Labels, grace: Duration) -> Result<(), HostError> {
        let edge = ControlClient::new(self.layout.edge().socket());
        let drains = labels
            .ports
            .keys()
            .filter_map(|port| traffic::upstream(labels, port))
            .map(|upstream| {
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

    pub(super) async fn end_supervisor(
        &self,
        directory: &InstanceDir,
        grace: Duration,
    ) -> Result<(), HostError> {
        let lock = directory.lock();
        let holder = lock::holder(&lock).map_err(HostError::at(&lock))?;
        if let Some(holder) = holder
            && let Ok(process) = Process::open(holder.pid)
            // Held now, it can't have become another process since.
            && lock::is_held(&lock).map_err(HostError::at(&lock))?
        {
            let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
            record::write(&directory.stop_order(), &StopOrder { grace_ms })?;
            let system = HostError::system;
            process
                .signal(Signal::TERM)
                .map_err(system("a signal to a supervisor"))?;
            let limit = grace.saturating_add(SUPERVISOR_LIMIT);
            match timeout(limit, process::ended(&process)).await {
                Ok(ended) => ended.map_err(system("a supervisor's end"))?,
                Err(_) => {
                    process
                        .signal(Signal::KILL)
                        .map_err(system("a signal to a supervisor"))?;
                    process::ended(&process)
                        .await
                        .map_err(system("a supervisor's end"))?;
                }
            }
        }
        let ended = directory.clone();
        blocking(move || supervisor::end_leftovers(&ended)).await
    }

    /// Removes what is left of an instance that does not run, but its log.
    fn release(&self, directory: &InstanceDir) -> Result<(), HostError> {
        release_ports(&self.layout.ports(), directory)?;
        record::remove(&runtime_dir()?.join(directory.unique()))?;
        record::remove(&directory.0)
    }
}

/// What an instance is told about itself.
pub(super) struct Identity<'a> {
    pub(super) environment: &'a EnvironmentId,
    pub(super) workload: &'a Name,
    pub(super) instance: &'a InstanceName,
    pub(super) version: &'a Version,
}

impl Identity<'_> {
    pub(super) fn variables(&self) -> Vec<(String, String)> {
        [
            ("ESTIBA_ENVIRONMENT", self.environment.environment.as_str()),
            ("ESTIBA_WORKLOAD", self.workload.as_str()),
            ("ESTIBA_INSTANCE", self.instance.as_str()),
            ("ESTIBA_VERSION", self.version.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// What a description is made of.
pub(super) struct Parts<'a> {
    pub(super) images: &'a estiba_image::ImageStore,
    pub(super) place: &'a EnvironmentDir,
    pub(super) directory: &'a InstanceDir,
    pub(super) exposure: &'a Exposure,
    pub(super) containers: &'a [ContainerSpec],
    pub(super) variables: Vec<(String, String)>,
    pub(super) secrets: &'a [SecretString],
    pub(super) purpose: Purpose,
    pub(super) helper: PathBuf,
    pub(super) edge_socket: PathBuf,
    pub(super) logs: PathBuf,
}

impl Parts<'_> {
    pub(super) fn describe(self, labels: Labels) -> Result<Description, HostError> {
        let files = runtime_dir()?.join(self.directory.unique());
        let containers = Planner {
            images: self.images,
            environment: self.place,
            directory: self.directory,
            files: &files,
            instance: &labels.instance,
            exposure: self.exposure,
            ports: &labels.ports,
            variables: self.variables,
        }
        .plan(self.containers)?;
        let of_container = containers.iter().map(|plan| ContainerLabel {
            name: plan.name.clone(),
            id: plan.spec.id.clone(),
            ships_logs: plan.ships_logs,
        });
        let labels = Labels {
            containers: of_container.collect(),
            ..labels
        };
        let secrets = self.secrets.iter().map(|secret| secret.expose().to_owned());
        Ok(Description {
            labels,
            purpose: self.purpose,
            directory: self.directory.clone(),
            environment: self.place.clone(),
            logs: self.logs,
            files,
            helper: self.helper,
            edge_socket: self.edge_socket,
            containers,
            secrets: secrets.collect(),
        })
    }
}

fn allocate(
    all: &ports::Ports,
    exposure: &Exposure,
    directory: &InstanceDir,
) -> Result<BTreeMap<String, PortLabel>, HostError> {
    let owner: &Path = &directory.0;
    let mut allocated = BTreeMap::new();
    for name in tcp_ports(exposure) {
        let port = all.take(&ports::INSTANCES, rand::random(), owner)?;
        let label = PortLabel {
            allocated: port,
            target_port: exposure.ports[name].target_port,
        };
        allocated.insert(name.clone(), label);
    }
    Ok(allocated)
}

fn release_ports(all: &ports::Ports, directory: &InstanceDir) -> Result<(), HostError> {
    // A damaged one has no ports that anybody knows; they are free again when
    // the directory is gone.
    let labels: Option<Labels> = record::read(&directory.labels()).unwrap_or_default();
    for port in labels.iter().flat_map(|labels| labels.ports.values()) {
        all.give_back(port.allocated)?;
    }
    Ok(())
}
