//! The contract of an adapter.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use estiba_model::{
    EnvironmentId, InstanceName, Message, Name, Observed, ResourceId, Rollout, Traffic, Url,
};
use serde::Serialize;

use crate::{
    ImageSpec, InstanceSpec, LogQuery, LogStream, Outputs, ResourceSpec, RolloutSpec, TargetError,
    TaskSpec,
};

/// Something that a target can do and another may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Volumes that outlive instances.
    Volumes,
    /// Workloads of more than one container.
    Sidecars,
    /// UDP ports.
    Udp,
    /// PostgreSQL databases.
    Postgres,
    /// Limits of CPU and memory are in force.
    Limits,
    /// A probe that asks both by HTTP and by a command.
    ProbesOfTwoKinds,
    /// Containers that start when another one is healthy.
    AwaitingHealthy,
    /// Files that are put into containers.
    Files,
    /// More than one port for each workload.
    SeveralPorts,
    /// Host names that workloads share, each with a path of its own.
    SharedHosts,
    /// Containers that run to their end beside what runs: acceptance tests, probes.
    Tasks,
    /// Containers that keep running are asked how they are.
    LivenessProbes,
    /// Probes that are commands.
    CommandProbes,
    /// Workloads reach one another at addresses that nobody else reaches.
    PrivateNetwork,
}

/// Where long work tells how far it is.
pub trait Progress: Send + Sync {
    /// One line for people: a tool's output, or what is going on now.
    fn line(&self, line: &str);

    /// Something that works, but not as well as it could, said once.
    fn notice(&self, notice: &Message);
}

/// A finding of `estiba doctor`.
#[derive(Debug, Clone, Serialize)]
pub struct HostCheck {
    /// A stable name.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// Whether deployments work without it.
    pub optional: bool,
    /// What was found.
    pub found: Message,
    /// What to do, where something can be done.
    pub advice: Option<Message>,
}

/// A command to run beside an instance's own.
#[derive(Debug, Clone)]
pub struct ExecRequest {
    /// In which environment.
    pub environment: EnvironmentId,
    /// In which instance.
    pub instance: InstanceName,
    /// In which container; the first where none is named.
    pub container: Option<Name>,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// What an executed command reads and writes.
#[derive(Debug)]
pub struct ExecIo {
    /// Standard input.
    pub stdin: OwnedFd,
    /// Standard output.
    pub stdout: OwnedFd,
    /// Standard error.
    pub stderr: OwnedFd,
}

/// A container runtime.
///
/// What it guarantees: each operation may be called again after it succeeded,
/// failed or was killed half-way, and then does what is left. What it does not:
/// it never looks at another environment's things or at what Estiba did not
/// make, and it does not decide; the plan does.
#[async_trait]
pub trait Target: Send + Sync {
    /// What it can do here.
    fn capabilities(&self) -> Vec<Capability>;

    /// Which runtime it is: targets of one place see the same things.
    fn place(&self) -> String;

    /// How it runs workloads.
    fn runner(&self) -> Runner<'_>;

    /// What there is of an environment, from the runtime itself.
    ///
    /// # Errors
    /// When the runtime can't be asked.
    async fn observe(&self, environment: &EnvironmentId) -> Result<Observed, TargetError>;

    /// What this machine or cluster can and can't do, and what to install.
    async fn doctor(&self) -> Vec<HostCheck>;

    /// Makes a resource, or brings it up to date; its data stays.
    ///
    /// # Errors
    /// When it can't be made, or the target does not provide the type.
    async fn provision(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError>;

    /// What a resource gives, without changing anything. For `dns` and
    /// `service-port` that follows from names and is known before it exists.
    ///
    /// # Errors
    /// When it has to be provisioned first, and was not.
    async fn outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError>;

    /// Removes a resource with its data. One that is gone already is no error.
    ///
    /// # Errors
    /// When it can't be removed.
    async fn destroy(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), TargetError>;

    /// Brings an image to where instances start from.
    ///
    /// # Errors
    /// When it is not in the image store, there is no room, or a registry
    /// refuses it.
    async fn fetch(&self, image: &ImageSpec, progress: &dyn Progress) -> Result<(), TargetError>;

    /// Runs a migration, or another container that is to end, to its end, unless the
    /// same one ended well before. Of a [`Task::Preflight`](crate::Task) nothing is
    /// there when this returns, however it ended.
    ///
    /// # Errors
    /// When it ends with another code than 0, or not in time: then it is ended. The
    /// error has its last lines.
    async fn run_task(&self, task: &TaskSpec, progress: &dyn Progress) -> Result<(), TargetError>;

    /// Where people reach the environment's workloads.
    ///
    /// # Errors
    /// When the runtime can't be asked.
    async fn urls(&self, environment: &EnvironmentId) -> Result<Vec<Url>, TargetError>;

    /// What the instances of a workload wrote, also those that ended.
    ///
    /// # Errors
    /// When the logs can't be read.
    async fn logs(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError>;

    /// Runs a command in a running instance and returns its exit code.
    ///
    /// # Errors
    /// When it can't be run.
    async fn exec(&self, request: &ExecRequest, io: ExecIo) -> Result<i32, TargetError>;

    /// Writes a backup of a database to a new file, in PostgreSQL's custom format
    /// as `pg_dump -Fc` makes it.
    ///
    /// # Errors
    /// When the database or the tool for it is not there; no file is left.
    async fn backup(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError>;

    /// Replaces what is in a database by a backup, whole or not at all.
    ///
    /// # Errors
    /// When the backup can't be read or does not fit; the data is as before.
    async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError>;

    /// Forgets the environment: its logs, migrations' records and whatever else
    /// is left after instances and resources were removed.
    ///
    /// # Errors
    /// When something can't be removed.
    async fn forget(&self, environment: &EnvironmentId) -> Result<(), TargetError>;
}

/// How a target runs workloads.
#[derive(Clone, Copy)]
pub enum Runner<'t> {
    /// Instance by instance: Estiba decides which comes and goes when.
    Stepwise(&'t dyn Instances),
    /// Workload by workload: controllers of its own replace the instances.
    Whole(&'t dyn Rollouts),
}

impl Runner<'_> {
    /// The same as a word for the planner.
    #[must_use]
    pub fn kind(self) -> Rollout {
        match self {
            Self::Stepwise(_) => Rollout::Stepwise,
            Self::Whole(_) => Rollout::Whole,
        }
    }
}

/// A runtime of single instances.
#[async_trait]
pub trait Instances: Send + Sync {
    /// Starts an instance and returns while it is starting. An instance of this
    /// name that runs is left alone; one that has ended is started again.
    ///
    /// # Errors
    /// When it can't be started at all.
    async fn start(
        &self,
        instance: &InstanceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError>;

    /// Waits until an instance is ready, for `timeout` at the most.
    ///
    /// # Errors
    /// When it ends, crashes again and again, or is not ready in time; the
    /// error has its last lines.
    async fn await_ready(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        timeout: Duration,
    ) -> Result<(), TargetError>;

    /// Sends a workload's traffic to these instances and to no other; returns
    /// when it is so. With no instance and an empty exposure the workload is not
    /// reachable any more.
    ///
    /// # Errors
    /// When an address is taken by something else.
    async fn route(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        traffic: &Traffic,
    ) -> Result<(), TargetError>;

    /// Lets an instance finish what it is doing, ends it and removes what is
    /// left of it but its log. One that is gone already is no error.
    ///
    /// # Errors
    /// When it can't be ended.
    async fn stop(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        grace: Duration,
    ) -> Result<(), TargetError>;
}

/// A runtime that takes workloads as a whole.
#[async_trait]
pub trait Rollouts: Send + Sync {
    /// Makes a workload run as it should, and waits until every wanted instance
    /// is ready and no other one is left, for `timeout` at the most. The old
    /// instances of a rolling workload serve until the new ones are ready.
    ///
    /// # Errors
    /// When it does not come to that; the error says why, with the last lines
    /// of an instance that ended. What worked before still serves.
    async fn roll_out(
        &self,
        workload: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError>;

    /// Ends a workload with all its instances and whatever was made for it. One
    /// that is gone already is no error.
    ///
    /// # Errors
    /// When it can't be ended.
    async fn withdraw(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        grace: Duration,
    ) -> Result<(), TargetError>;
}
