//! The target as the engine sees it.

mod apps;
mod database;
mod doctor;
mod exec;
mod images;
mod logs;
mod migrate;
mod observe;
mod releases;
mod resources;
mod rollout;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
mod watch;
mod withdraw;

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

use crate::client::Client;
use crate::{KeyError, Settings};

/// How often something that is going on is looked at.
const INTERVAL: Duration = Duration::from_millis(500);
/// The process type of workloads with a port.
const WEB: &str = "web";
/// That of workloads without.
const WORKER: &str = "worker";
/// What runs before a release takes effect.
const RELEASE: &str = "release";

/// What Heroku is used for.
#[derive(Debug, Clone)]
pub struct HerokuConfig {
    /// How it is reached and used.
    pub settings: Settings,
    /// The images that are pushed.
    pub images: ImageStore,
    /// The project's registry, from which images come that another machine built.
    pub registry: Option<String>,
    /// Where clients of databases keep what they need.
    pub postgres_root: PathBuf,
    /// The key of the API, or why there is none: see [`api_key`](crate::api_key).
    pub key: Result<SecretString, KeyError>,
}

/// Workloads on Heroku.
///
/// It keeps nothing that matters: what there is, is asked from the Platform API.
pub struct HerokuTarget {
    config: HerokuConfig,
    postgres: Postgres,
    client: OnceCell<Client>,
}

impl HerokuTarget {
    /// The target with this configuration. Connects to nothing yet.
    #[must_use]
    pub fn new(config: HerokuConfig) -> Self {
        Self {
            postgres: Postgres::new(&config.postgres_root),
            config,
            client: OnceCell::new(),
        }
    }

    async fn client(&self) -> Result<&Client, TargetError> {
        let settings = &self.config.settings;
        let connect = || async {
            let key = self.config.key.clone();
            let key = key.map_err(|error| TargetError::new(error.message().clone()))?;
            Client::new(settings.api(), key).map_err(|fault| fault.at("api"))
        };
        self.client.get_or_try_init(connect).await
    }
}

/// An app in messages.
fn app_named(name: &str) -> String {
    format!("app {name}")
}

#[async_trait]
impl Target for HerokuTarget {
    fn capabilities(&self) -> Vec<Capability> {
        vec![Capability::Postgres]
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
        self.check_account().await
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
        self.ensure_image(&image.workload, &image.digest).await
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
        self.exec_beside(request, io).await
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
impl Rollouts for HerokuTarget {
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
