//! What is built, and kept.

use async_trait::async_trait;
use estiba_engine::Observer;
use estiba_model::{Project, ProjectId, Release, Version};

use super::Here;
use crate::backend::{ListedRelease, Releases};
use crate::failure::Failure;

#[async_trait]
impl Releases for Here {
    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure> {
        let mut running = Vec::new();
        for environment in project.environments.keys() {
            let id = self.0.environment(project, environment)?;
            if let Some(current) = self.0.current(&id).await? {
                running.push((environment.clone(), current.version));
            }
        }
        let releases = self.0.store().releases(&project.id).await?.into_iter();
        let listed = releases.map(|release| {
            let places = running
                .iter()
                .filter(|(_, version)| *version == release.version);
            ListedRelease {
                environments: places.map(|(environment, _)| environment.clone()).collect(),
                version: release.version,
                commit: release.commit,
                created_at: release.created_at,
            }
        });
        Ok(listed.collect())
    }

    async fn describe(&self, _: &Project) -> Result<(), Failure> {
        Ok(())
    }

    async fn assemble(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Release, Failure> {
        let version = version.map(Version::as_str);
        Ok(self.0.assemble(project, version, observer).await?)
    }

    async fn keep(
        &self,
        _: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<Version, Failure> {
        self.0.keep(release, observer).await?;
        Ok(release.version.clone())
    }

    async fn projects(&self) -> Result<Vec<ProjectId>, Failure> {
        Ok(self.0.store().released_projects().await?)
    }

    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure> {
        Ok(self.0.store().release(&project.id, version).await?)
    }
}
