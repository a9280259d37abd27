//! The Docker target as the engine of Estiba sees it.

mod await_ready;
mod doctor;
mod exec;
mod instances;
mod task;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use estiba_host::{HostError, address, edge, record};
use estiba_image::ImageStore;
use estiba_model::{
    EnvironmentId, InstanceName, Name, Observed, ObservedInstance, ResourceId, Traffic,
};
use estiba_postgres::Postgres;
use estiba_target::{
    Capability, ExecIo, ExecRequest, HostCheck, ImageSpec, InstanceSpec, Instances, LogQuery,
    LogStream, Outputs, Progress, ResourceSpec, Runner, Target, TargetError, TaskSpec, Url,
};

use crate::engine::Engine;
use crate::instance::Instance;
use crate::layout::{self, Layout};
use crate::routing::Router;
use crate::{database, images, logs, network, resources};

/// Which engine, and how it is used.
#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// The path of the engine's socket.
    pub socket: String,
    /// Where this machine keeps what the engine does not: beside the local
    /// target, with which it shares the edge and the ports.
    pub root: PathBuf,
    /// The images that containers start from.
    pub images: ImageStore,
    /// The program that calls [`role`](crate::role) first thing: it is started
    /// again for everything that runs in the background.
    pub helper: PathBuf,
    /// The port that all HTTP comes in at; the first free one from 8080 to 8099
    /// where there is none.
    pub edge_port: Option<u16>,
    /// Where other machines reach this one; its address on the default route
    /// where there is none.
    pub address: Option<IpAddr>,
}

/// Containers run by a Docker Engine of this machine.
#[derive(Debug)]
pub struct DockerTarget {
    engine: Engine,
    /// What this Estiba makes is kept there.
    home: Layout,
    config: DockerConfig,
    postgres: Postgres,
}

impl DockerTarget {
    /// The target with this configuration. Touches nothing.
    #[must_use]
    pub fn new(config: DockerConfig) -> Self {
        // What is derived from names must not depend on the working directory.
        let root = std::path::absolute(&config.root).unwrap_or_else(|_| config.root.clone());
        Self {
            engine: Engine::new(config.socket.clone()),
            postgres: Postgres::new(&root.join("postgres")),
            home: Layout::new(root, &config.socket),
            config,
        }
    }

    fn helper(&self) -> &Path {
        &self.config.helper
    }

    /// Where an environment is kept: in the state folder of the Estiba that made
    /// it first.
    async fn layout(&self, environment: &EnvironmentId) -> Result<Layout, HostError> {
        match network::home(&self.engine, environment).await? {
            Some(home) => self.home.at(&home),
            None => Ok(self.home.clone()),
        }
    }

    /// The same for an environment that is about to be made, if it is not there.
    async fn own_layout(&self, environment: &EnvironmentId) -> Result<Layout, HostError> {
        network::ensure(&self.engine, environment, &self.home.home()).await?;
        self.layout(environment).await
    }

    fn router<'a>(&'a self, layout: &'a Layout) -> Router<'a> {
        Router {
            engine: &self.engine,
            layout,
            helper: self.helper(),
            port: self.config.edge_port,
            outside: self.outside(),
        }
    }

    fn resources<'a>(&'a self, layout: &'a Layout) -> resources::Provider<'a> {
        resources::Provider {
            engine: &self.engine,
            layout,
            foreign: &self.postgres,
            outside: self.outside(),
        }
    }

    /// Where other machines find this one.
    fn outside(&self) -> IpAddr {
        let given = self.config.address;
        given.unwrap_or_else(address::on_default_route)
    }

    async fn observe_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Observed, HostError> {
        let layout = self.layout(environment).await?;
        let place = layout.environment(environment);
        let mut instances = Vec::new();
        for instance in Instance::all(&self.engine, environment).await? {
            let standing = instance.standing(&place)?;
            let Some(member) = instance.members.first() else {
                continue;
            };
            instances.push(ObservedInstance {
                name: instance.name.clone(),
                workload: member.labels.workload.clone(),
                version: member.labels.version.clone(),
                fingerprint: member.labels.fingerprint.clone(),
                state: instance.state(&standing),
                restarts: instance.restarts().saturating_add(standing.restarts),
            });
        }
        Ok(Observed {
            rollouts: BTreeMap::new(),
            resources: resources::observe(&self.engine, environment).await?,
            instances,
            migrations: task::done(&self.engine, environment).await?,
            traffic: self.router(&layout).observe(environment).await?,
            images: images::present(&self.engine, &environment.project_id()).await?,
        })
    }

    /// What an environment's containers find by name: its workloads, which the
    /// edge serves at the gateway of its network, and databases.
    async fn hosts(&self, environment: &EnvironmentId) -> Result<Vec<(String, IpAddr)>, HostError> {
        let gateway = network::ensure(&self.engine, environment, &self.home.home()).await?;
        let place = self.layout(environment).await?.environment(environment);
        let workloads = place.service_ports().workloads()?.into_iter();
        let mut hosts: Vec<_> = workloads.map(|name| (name, gateway)).collect();
        hosts.extend(database::hosts(&self.engine, environment).await?);
        Ok(hosts)
    }

    async fn forget_environment(&self, environment: &EnvironmentId) -> Result<(), HostError> {
        let layout = self.layout(environment).await?;
        let place = layout.environment(environment);
        resources::remove_leftovers(&self.engine, environment).await?;
        network::remove(&self.engine, environment).await?;
        let project = environment.project_id();
        if !network::has_any(&self.engine, &project).await? {
            images::remove_unused(&self.engine, &project).await?;
        }
        place.service_ports().release()?;
        record::remove(place.path())?;
        edge::end_if_unused(&layout.edge()).await
    }
}

#[async_trait]
impl Target for DockerTarget {
    fn capabilities(&self) -> Vec<Capability> {
        vec![
            Capability::Volumes,
            Capability::Sidecars,
            Capability::Postgres,
            Capability::Limits,
            Capability::ProbesOfTwoKinds,
            Capability::AwaitingHealthy,
            Capability::Files,
            Capability::SeveralPorts,
            Capability::Tasks,
            Capability::LivenessProbes,
            Capability::CommandProbes,
            Capability::PrivateNetwork,
            Capability::SharedHosts,
        ]
    }

    fn place(&self) -> String {
        format!("engine:{}", layout::real(self.engine.socket()))
    }

    fn runner(&self) -> Runner<'_> {
        Runner::Stepwise(self)
    }

    async fn observe(&self, environment: &EnvironmentId) -> Result<Observed, TargetError> {
        Ok(self.observe_environment(environment).await?)
    }

    async fn doctor(&self) -> Vec<HostCheck> {
        self.check_engine().await
    }

    async fn provision(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let layout = self.own_layout(environment).await?;
        let provider = self.resources(&layout);
        provider.provision(environment, resource, progress).await
    }

    async fn outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let layout = self.layout(environment).await?;
        let provider = self.resources(&layout);
        Ok(provider.outputs(environment, resource).await?)
    }

    async fn destroy(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), TargetError> {
        let layout = self.layout(environment).await?;
        let provider = self.resources(&layout);
        Ok(provider.destroy(environment, resource).await?)
    }

    async fn fetch(&self, image: &ImageSpec, progress: &dyn Progress) -> Result<(), TargetError> {
        Ok(images::fetch(&self.engine, &self.config.images, image, progress).await?)
    }

    async fn run_task(&self, task: &TaskSpec, progress: &dyn Progress) -> Result<(), TargetError> {
        self.carry_out_task(task, progress).await
    }

    async fn urls(&self, environment: &EnvironmentId) -> Result<Vec<Url>, TargetError> {
        let layout = self.layout(environment).await?;
        Ok(self.router(&layout).urls(environment)?)
    }

    async fn logs(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError> {
        let place = self.layout(environment).await?.environment(environment);
        let socket = self.config.socket.clone();
        Ok(logs::stream(socket, place, environment, workload, query).await?)
    }

    async fn exec(&self, request: &ExecRequest, io: ExecIo) -> Result<i32, TargetError> {
        Ok(self.exec_in(request, io).await?)
    }

    async fn backup(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError> {
        let layout = self.layout(environment).await?;
        let provider = self.resources(&layout);
        Ok(provider.backup(environment, resource, to).await?)
    }

    async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        let layout = self.layout(environment).await?;
        let provider = self.resources(&layout);
        Ok(provider.restore(environment, resource, from).await?)
    }

    async fn forget(&self, environment: &EnvironmentId) -> Result<(), TargetError> {
        Ok(self.forget_environment(environment).await?)
    }
}

#[async_trait]
impl Instances for DockerTarget {
    async fn start(
        &self,
        instance: &InstanceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        Ok(self.start_instance(instance, progress).await?)
    }

    async fn await_ready(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        timeout: Duration,
    ) -> Result<(), TargetError> {
        self.await_instance(environment, instance, timeout).await
    }

    async fn route(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        traffic: &Traffic,
    ) -> Result<(), TargetError> {
        let layout = self.layout(environment).await?;
        let router = self.router(&layout);
        Ok(router.route(environment, workload, traffic).await?)
    }

    async fn stop(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        grace: Duration,
    ) -> Result<(), TargetError> {
        Ok(self.stop_instance(environment, instance, grace).await?)
    }
}
