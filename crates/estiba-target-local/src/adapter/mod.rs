//! The local target as the engine sees it.

mod await_ready;
mod container;
mod doctor;
mod exec;
mod instances;
mod observe;
mod resources;
mod route;
mod task;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use estiba_image::ImageStore;
use estiba_model::{EnvironmentId, InstanceName, Name, Observed, ResourceId, Traffic};
use estiba_postgres::Postgres;
use estiba_target::{
    Capability, ExecIo, ExecRequest, HostCheck, ImageSpec, InstanceSpec, Instances, LogQuery,
    LogStream, Outputs, Progress, ResourceSpec, Runner, Target, TargetError, TaskSpec, Url,
};
use tokio::task::spawn_blocking;

use crate::layout::Layout;
use crate::logs;
use crate::runtime::{HostReport, host_report};
use estiba_host::{HostError, address};

/// How containers run on this machine.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Where everything is kept but images.
    pub root: PathBuf,
    /// The images that containers start from.
    pub images: ImageStore,
    /// The program that calls [`role`](crate::role) first thing: it is started
    /// again for everything that runs in the background.
    pub helper: PathBuf,
    /// The port that all HTTP comes in at; the first free one from 8080 to 8099
    /// where there is none.
    pub edge_port: Option<u16>,
    /// Where other machines and containers with a network of their own reach this
    /// one; its address on the default route where there is none.
    pub address: Option<IpAddr>,
}

/// Containers run by Estiba itself, on this machine.
///
/// It keeps nothing in memory that matters: what there is, is asked from the
/// directories under [`LocalConfig::root`] and from the processes that run.
#[derive(Debug)]
pub struct LocalTarget {
    layout: Layout,
    config: LocalConfig,
    postgres: Postgres,
    host: OnceLock<Option<HostReport>>,
}

impl LocalTarget {
    /// The target with this configuration. Touches nothing.
    #[must_use]
    pub fn new(config: LocalConfig) -> Self {
        // What is derived from names must not depend on the working directory.
        let root = std::path::absolute(&config.root).unwrap_or_else(|_| config.root.clone());
        Self {
            postgres: Postgres::new(&root.join("postgres")),
            layout: Layout::new(root),
            config,
            host: OnceLock::new(),
        }
    }

    fn helper(&self) -> &Path {
        &self.config.helper
    }

    /// Where workloads on other targets find this machine.
    fn outside(&self) -> IpAddr {
        let given = self.config.address;
        given.unwrap_or_else(address::on_default_route)
    }

    /// What the machine can do, asked once.
    fn host(&self) -> Option<&HostReport> {
        let report = self.host.get_or_init(|| host_report(self.helper()).ok());
        report.as_ref()
    }
}

#[async_trait]
impl Target for LocalTarget {
    fn capabilities(&self) -> Vec<Capability> {
        let mut all = vec![
            Capability::Volumes,
            Capability::Sidecars,
            Capability::Postgres,
            Capability::ProbesOfTwoKinds,
            Capability::AwaitingHealthy,
            Capability::Files,
            Capability::SeveralPorts,
            Capability::Tasks,
            Capability::LivenessProbes,
            Capability::CommandProbes,
            Capability::PrivateNetwork,
            Capability::SharedHosts,
        ];
        if self
            .host()
            .is_some_and(|host| host.memory_limit && host.cpu_limit)
        {
            all.push(Capability::Limits);
        }
        all
    }

    fn place(&self) -> String {
        format!("local:{}", self.config.root.display())
    }

    fn runner(&self) -> Runner<'_> {
        Runner::Stepwise(self)
    }

    async fn observe(&self, environment: &EnvironmentId) -> Result<Observed, TargetError> {
        Ok(self.observe_environment(environment).await?)
    }

    async fn doctor(&self) -> Vec<HostCheck> {
        self.check_host().await
    }

    async fn provision(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        self.provision_resource(environment, resource, progress)
            .await
    }

    async fn outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        self.resource_outputs(environment, resource).await
    }

    async fn destroy(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), TargetError> {
        self.destroy_resource(environment, resource).await
    }

    async fn fetch(&self, image: &ImageSpec, _: &dyn Progress) -> Result<(), TargetError> {
        let (images, layout, image) = (
            self.config.images.clone(),
            self.layout.clone(),
            image.digest.clone(),
        );
        let fetched = blocking(move || {
            let layers = images.layers(&image)?;
            estiba_host::directory::make_private(&layout.images())?;
            estiba_host::record::write(&layout.image(&image), &layers)
        });
        Ok(fetched.await?)
    }

    async fn run_task(&self, task: &TaskSpec, progress: &dyn Progress) -> Result<(), TargetError> {
        self.carry_out_task(task, progress).await
    }

    async fn urls(&self, environment: &EnvironmentId) -> Result<Vec<Url>, TargetError> {
        Ok(self.urls_of(environment).await?)
    }

    async fn logs(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError> {
        let logs = self.layout.environment(environment).logs(workload);
        if query.follow {
            // So that there is something to watch before the first start.
            estiba_host::directory::make_private(&logs)?;
        }
        Ok(logs::stream(&logs, query))
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
        self.backup_resource(environment, resource, to).await
    }

    async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        self.restore_resource(environment, resource, from).await
    }

    async fn forget(&self, environment: &EnvironmentId) -> Result<(), TargetError> {
        Ok(self.forget_environment(environment).await?)
    }
}

#[async_trait]
impl Instances for LocalTarget {
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
        Ok(self.route_traffic(environment, workload, traffic).await?)
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

/// Runs what blocks without holding up anything else.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HostError> + Send + 'static,
) -> Result<T, HostError> {
    spawn_blocking(work)
        .await
        .map_err(|error| HostError::system("a thread")(std::io::Error::other(error)))?
}
