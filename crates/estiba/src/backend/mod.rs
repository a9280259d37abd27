//! Where commands are carried out: by the engine in this process, or by a server
//! that `ESTIBA_URL` names. The commands and what they show are the same.

mod here;
mod logs;
mod there;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use estiba_api::DeploymentView;
use estiba_engine::{Observer, Outcome, Preflight};
use estiba_model::{
    Approval, Carried, DeploymentId, EnvironmentStatus, LogLine, Losses, Mail, MailContent, Name,
    Plan, Project, ProjectId, Release, SecretString, Tried, Url, Version,
};
use estiba_preflight::Compared;
use estiba_target::{ExecIo, LogQuery};
use futures::stream::BoxStream;
use jiff::Timestamp;

use crate::failure::Failure;

pub use here::Here;
pub use logs::{FoundLine, FoundLines, ShownLine, WantedLogs};
pub use there::There;

/// What came of wanting a deployment.
#[derive(Debug)]
pub enum Done {
    /// It ended, or there was nothing to do.
    Ended(Outcome),
    /// A person has to agree first.
    Waiting(Approval),
}

/// A release in a list.
#[derive(Debug)]
pub struct ListedRelease {
    /// Unique in the project.
    pub version: Version,
    /// The Git commit it was built from.
    pub commit: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The environments that run it.
    pub environments: Vec<Name>,
}

/// What is wanted of an environment.
#[derive(Debug)]
pub enum Wanted<'w> {
    /// A release.
    Release(&'w Version),
    /// The release that another environment runs.
    Promote(&'w Name),
    /// An earlier release; the one before the present one where none is named.
    Rollback(Option<&'w Version>),
    /// New instances of the same release; of all workloads where none is named.
    Restart(&'w [Name]),
    /// Another number of copies.
    Scale(&'w [(Name, u32)]),
    /// The release that runs, over databases that are emptied.
    Reset,
}

/// What carries out commands.
#[async_trait]
pub trait Backend: Send + Sync {
    /// How every environment of a project is.
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure>;

    /// The releases of a project, the newest first.
    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure>;

    /// The deployments to an environment, the newest first.
    async fn history(
        &self,
        project: &Project,
        environment: &Name,
        limit: u32,
        with_steps: bool,
    ) -> Result<Vec<DeploymentView>, Failure>;

    /// Builds what has changed and makes a release of it.
    async fn release(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Version, Failure> {
        self.describe(project).await?;
        let release = self.assemble(project, version, observer).await?;
        self.keep(project, &release, observer).await
    }

    /// Tells whoever carries out what the project is now, where that is not this
    /// process.
    async fn describe(&self, project: &Project) -> Result<(), Failure>;

    /// Builds what has changed, here: what a release of the folder would be.
    async fn assemble(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Release, Failure>;

    /// Keeps a release, with its images.
    async fn keep(
        &self,
        project: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<Version, Failure>;

    /// The release that an environment runs, where it runs one.
    async fn deployed(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Option<Version>, Failure>;

    /// How many steps there are from what an environment runs to what it should be
    /// with a release that is kept; none where it is not known as the project is now.
    async fn distance(
        &self,
        project: &Project,
        environment: &Name,
        release: &Release,
    ) -> Result<Option<usize>, Failure>;

    /// The projects that there are.
    async fn projects(&self) -> Result<Vec<ProjectId>, Failure>;

    /// The release of a version, where there is one.
    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure>;

    /// The steps that a deployment would take, of a release or of what is in the
    /// folder.
    async fn plan(
        &self,
        project: &Project,
        environment: &Name,
        version: Option<&Version>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Plan, Failure>;

    /// The release that an environment runs.
    async fn current_version(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Version, Failure>;

    /// Carries out what is wanted of an environment. Targets that are named in
    /// `without` may be left behind.
    async fn deploy(
        &self,
        project: &Project,
        environment: &Name,
        wanted: Wanted<'_>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Done, Failure>;

    /// Ends what was interrupted; `None` where nothing was.
    async fn resume(
        &self,
        project: &Project,
        environment: &Name,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, Failure>;

    /// What would go with an environment.
    async fn losses(&self, project: &Project, environment: &Name) -> Result<Losses, Failure>;

    /// Ends an environment and removes its data.
    async fn down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(), Failure>;

    /// The images that an environment runs, as its targets tell.
    async fn carried(&self, project: &Project, environment: &Name)
    -> Result<Vec<Carried>, Failure>;

    /// Tries the services outside that an environment uses.
    async fn preflight(
        &self,
        project: &Project,
        environment: &Name,
        wanted: &Preflight,
        observer: &dyn Observer,
    ) -> Result<Vec<Compared>, Failure>;

    /// Where people reach an environment's workloads.
    async fn urls(&self, project: &Project, environment: &Name) -> Result<Vec<Url>, Failure>;

    /// The values in clear of an environment.
    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure>;

    /// How many copies of workloads run, where that is said.
    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure>;

    /// Sets a value in clear, or unsets it.
    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure>;

    /// The names of an environment's secrets, and since when they are set.
    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure>;

    /// Keeps a secret.
    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure>;

    /// Forgets a secret; `false` where there is none of that name.
    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure>;

    /// What the instances of a workload wrote.
    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure>;

    /// Lines of logs, from a server's store where there is one, and else from the
    /// targets themselves.
    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure>;

    /// Runs a command in an instance and gives its exit code.
    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure>;

    /// Keeps what came of trying what an environment runs, and gives its number.
    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure>;

    /// The mails that an environment's sink took.
    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure>;

    /// A mail with what is in it.
    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, Failure>;

    /// A mail as it came.
    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, Failure>;

    /// Has an environment's sink forget all mails.
    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure>;

    /// Writes a backup of an environment's database to a new file.
    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure>;

    /// Replaces what is in an environment's database by a backup.
    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure>;
}
