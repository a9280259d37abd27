//! What environments run, and changing it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use estiba_api::DeploymentView;
use estiba_engine::{Observer, Outcome, Preflight};
use estiba_model::{
    Approval, Carried, DeploymentId, EnvironmentStatus, Losses, Name, Plan, Project, Release,
    Tried, Url, Version,
};
use estiba_preflight::Compared;

use crate::failure::Failure;

/// What came of wanting a deployment.
#[derive(Debug)]
pub enum Done {
    /// It ended, or there was nothing to do.
    Ended(Outcome),
    /// A person has to agree first.
    Waiting(Approval),
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

/// Brings environments to what they should run.
#[async_trait]
pub trait Deployments: Send + Sync {
    /// How every environment of a project is.
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure>;

    /// The deployments to an environment, the newest first.
    async fn history(
        &self,
        project: &Project,
        environment: &Name,
        limit: u32,
        with_steps: bool,
    ) -> Result<Vec<DeploymentView>, Failure>;

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

    /// Keeps what came of trying what an environment runs, and gives its number.
    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure>;
}
