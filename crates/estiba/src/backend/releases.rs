//! What is built, and kept.

use async_trait::async_trait;
use estiba_engine::Observer;
use estiba_model::{Name, Project, ProjectId, Release, Version};
use jiff::Timestamp;

use crate::failure::Failure;

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

/// Makes and keeps releases of projects.
#[async_trait]
pub trait Releases: Send + Sync {
    /// The releases of a project, the newest first.
    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure>;

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

    /// The projects that there are.
    async fn projects(&self) -> Result<Vec<ProjectId>, Failure>;

    /// The release of a version, where there is one.
    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure>;
}
