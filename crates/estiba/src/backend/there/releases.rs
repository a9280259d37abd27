//! What is built, and kept.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use estiba_api::Description;
use estiba_engine::Observer;
use estiba_model::{Digest, Event, Project, ProjectId, Release, Version};

use super::There;
use crate::backend::{ListedRelease, Releases};
use crate::failure::Failure;

#[async_trait]
impl Releases for There {
    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure> {
        let releases = self.client.releases(&project.id).await?.into_iter();
        let listed = releases.map(|release| ListedRelease {
            version: release.version,
            commit: release.commit,
            created_at: release.created_at,
            environments: release.environments,
        });
        Ok(listed.collect())
    }

    async fn describe(&self, project: &Project) -> Result<(), Failure> {
        let description = Description {
            files: files(project)?,
        };
        self.client.describe(&project.id, &description).await?;
        Ok(())
    }

    async fn assemble(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Release, Failure> {
        let version = version.map(Version::as_str);
        Ok(self.builder.assemble(project, version, observer).await?)
    }

    async fn keep(
        &self,
        project: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<Version, Failure> {
        self.send_images(project, release, observer).await?;
        let kept = self.client.release(release).await?;
        observer.event(Event::Released {
            version: kept.version.clone(),
            new: kept.created_at == release.created_at,
        });
        Ok(kept.version)
    }

    async fn projects(&self) -> Result<Vec<ProjectId>, Failure> {
        Ok(self.client.projects().await?)
    }

    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure> {
        match self.client.release_of(&project.id, version).await {
            Ok(release) => Ok(Some(release)),
            Err(error) if error.code() == Some("not-found") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl There {
    /// Brings the images of a release to the server, as far as it lacks them.
    async fn send_images(
        &self,
        project: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        let images = self.builder.images();
        let all = release.workloads.values().flat_map(|w| w.images.values());
        // In their order: a manifest comes after what it names.
        let mut parts: Vec<Digest> = Vec::new();
        for image in all.collect::<BTreeSet<_>>() {
            let of_image = images.parts(image);
            for part in of_image.map_err(|error| Failure::because(error.message()))? {
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        for digest in self.client.missing_blobs(&project.id, parts).await? {
            let path = images.blob_path(&digest);
            let file = tokio::fs::File::open(&path).await;
            let file = file.map_err(|error| Failure::file(&path, &error))?;
            let bytes = file.metadata().await.map_or(0, |found| found.len());
            let short = digest.short();
            observer.event(Event::Line {
                text: format!("{short} ({bytes} bytes) -> {}", self.client.url()),
            });
            self.client.send_blob(&project.id, &digest, file).await?;
        }
        Ok(())
    }
}

/// The files that describe a project, by their path from its folder.
pub(super) fn files(project: &Project) -> Result<BTreeMap<String, String>, Failure> {
    let own = (estiba_project::FILE_NAME.to_owned(), project.text.clone());
    let mut files = BTreeMap::from([own]);
    let environments = project.environments.values().chain(&project.previews);
    let outside = environments.flat_map(|environment| environment.outside.values());
    for service in outside {
        if let (Some(file), Some(text)) = (&service.ca, &service.ca_text) {
            files.insert(file.clone(), text.clone());
        }
    }
    for path in project.workloads.values().map(|workload| &workload.file) {
        let inside = path.strip_prefix(&project.directory).unwrap_or(path);
        let inside = inside.strip_prefix("./").unwrap_or(inside);
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
        files.insert(inside.display().to_string(), text);
    }
    Ok(files)
}
