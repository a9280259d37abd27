//! The target as the engine sees it.

mod cluster;
mod connection;
mod database;
mod doctor;
mod entrances;
mod environment;
mod error;
mod exec;
mod images;
mod logs;
mod observe;
mod operated;
mod pods;
mod policies;
mod reasons;
mod records;
mod resources;
mod rollout;
mod settling;
mod task;
mod withdraw;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use estiba_image::ImageStore;
use estiba_model::{EnvironmentId, Name, Observed, ResourceId, SecretString};
use estiba_postgres::Postgres;
use estiba_target::{
    Capability, ExecIo, ExecRequest, HostCheck, ImageSpec, LogQuery, LogStream, Outputs, Progress,
    ResourceSpec, RolloutSpec, Rollouts, Runner, Target, TargetError, TaskSpec, Url,
};
use tokio::sync::OnceCell;

use crate::Settings;
use crate::manifests::Manifests;
use cluster::Cluster;

/// What a cluster is used for.
#[derive(Debug, Clone)]
pub struct KubernetesConfig {
    /// How it is reached and used.
    pub settings: Settings,
    /// Where images are pushed and pulled: a host and a path.
    pub registry: String,
    /// The images that are pushed.
    pub images: ImageStore,
    /// The environments in whose namespaces `doctor` looks; without any, it looks
    /// at the whole cluster.
    pub environments: Vec<EnvironmentId>,
    /// Where clients of databases that are given by URL keep what they need.
    pub postgres_root: PathBuf,
}

/// Workloads on a Kubernetes cluster.
///
/// It keeps nothing that matters: what there is, is asked from the API server.
pub struct KubernetesTarget {
    config: KubernetesConfig,
    postgres: Postgres,
    cluster: OnceCell<Cluster>,
    login: OnceCell<Option<Login>>,
}

/// User and password of the registry.
type Login = (String, SecretString);

impl KubernetesTarget {
    /// The target with this configuration. Connects to nothing yet.
    #[must_use]
    pub fn new(config: KubernetesConfig) -> Self {
        Self {
            postgres: Postgres::new(&config.postgres_root),
            config,
            cluster: OnceCell::new(),
            login: OnceCell::new(),
        }
    }

    async fn cluster(&self) -> Result<&Cluster, TargetError> {
        let connect = || Cluster::connect(&self.config.settings);
        self.cluster.get_or_try_init(connect).await
    }

    /// The way to the objects of an environment, for specifications without
    /// images.
    async fn manifests(&self, environment: &EnvironmentId) -> Result<Manifests, TargetError> {
        let mut manifests = Manifests {
            settings: self.config.settings.clone(),
            environment: environment.clone(),
            registry: self.config.registry.clone(),
            server: self.cluster().await?.version,
            users: BTreeMap::new(),
            pull_secret: self.config.settings.pull_secret.clone(),
        };
        if self.login().await.is_some() {
            manifests.pull_secret = Some(manifests.registry_login_name());
        }
        Ok(manifests)
    }
}

#[async_trait]
impl Target for KubernetesTarget {
    fn capabilities(&self) -> Vec<Capability> {
        vec![
            Capability::Volumes,
            Capability::Sidecars,
            Capability::Udp,
            Capability::Postgres,
            Capability::Limits,
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
        self.config.settings.place()
    }

    fn runner(&self) -> Runner<'_> {
        Runner::Whole(self)
    }

    async fn observe(&self, environment: &EnvironmentId) -> Result<Observed, TargetError> {
        self.observe_environment(environment).await
    }

    async fn doctor(&self) -> Vec<HostCheck> {
        self.check_cluster().await
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

    async fn fetch(&self, image: &ImageSpec, progress: &dyn Progress) -> Result<(), TargetError> {
        self.push_image(image, progress).await
    }

    async fn run_task(&self, task: &TaskSpec, progress: &dyn Progress) -> Result<(), TargetError> {
        self.carry_out_task(task, progress).await
    }

    async fn urls(&self, environment: &EnvironmentId) -> Result<Vec<Url>, TargetError> {
        self.urls_of(environment).await
    }

    async fn logs(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError> {
        self.logs_of(environment, workload, query).await
    }

    async fn exec(&self, request: &ExecRequest, io: ExecIo) -> Result<i32, TargetError> {
        self.exec_in(request, io).await
    }

    async fn backup(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError> {
        self.backup_database(environment, resource, to).await
    }

    async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        self.restore_database(environment, resource, from).await
    }

    async fn forget(&self, environment: &EnvironmentId) -> Result<(), TargetError> {
        self.forget_environment(environment).await
    }
}

#[async_trait]
impl Rollouts for KubernetesTarget {
    async fn roll_out(
        &self,
        workload: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        self.roll_out_workload(workload, timeout, progress).await
    }

    async fn withdraw(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        grace: Duration,
    ) -> Result<(), TargetError> {
        self.withdraw_workload(environment, workload, grace).await
    }
}
