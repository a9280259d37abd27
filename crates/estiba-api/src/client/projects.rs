//! The part of the client about projects and their releases.

use estiba_model::{Digest, ProjectId, Release, Version};
use reqwest::Method;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

use super::{Client, of_project, segment};
use crate::error::ApiError;
use crate::wire::{Blobs, Description, Me, ProjectView, ReleaseView};

impl Client {
    /// Who this client is to the server.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn me(&self) -> Result<Me, ApiError> {
        self.get("/api/v1/me").await
    }

    /// The projects that this client may see.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn projects(&self) -> Result<Vec<ProjectId>, ApiError> {
        self.all("/api/v1/projects").await
    }

    /// A project as it was described.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn project(&self, project: &ProjectId) -> Result<ProjectView, ApiError> {
        self.get(&of_project(project)).await
    }

    /// Describes a project.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn describe(
        &self,
        project: &ProjectId,
        description: &Description,
    ) -> Result<ProjectView, ApiError> {
        self.call(Method::PUT, &of_project(project), description)
            .await
    }

    /// Those of `digests` that the server does not have.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn missing_blobs(
        &self,
        project: &ProjectId,
        digests: Vec<Digest>,
    ) -> Result<Vec<Digest>, ApiError> {
        let path = format!("{}/blobs/missing", of_project(project));
        let missing: Blobs = self.call(Method::POST, &path, &Blobs { digests }).await?;
        Ok(missing.digests)
    }

    /// Brings a blob of an image to the server.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn send_blob(
        &self,
        project: &ProjectId,
        digest: &Digest,
        content: impl AsyncRead + Send + 'static,
    ) -> Result<(), ApiError> {
        let path = format!("{}/blobs/{}", of_project(project), segment(digest));
        let body = reqwest::Body::wrap_stream(ReaderStream::new(content));
        self.send(self.request(Method::PUT, &path).body(body))
            .await?;
        Ok(())
    }

    /// Keeps a release.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn release(&self, release: &Release) -> Result<ReleaseView, ApiError> {
        let path = format!("{}/releases", of_project(&release.project));
        self.call(Method::POST, &path, release).await
    }

    /// The releases of a project, the newest first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn releases(&self, project: &ProjectId) -> Result<Vec<ReleaseView>, ApiError> {
        self.all(&format!("{}/releases", of_project(project))).await
    }

    /// A release with all it is made of.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn release_of(
        &self,
        project: &ProjectId,
        version: &Version,
    ) -> Result<Release, ApiError> {
        let version = segment(version);
        self.get(&format!("{}/releases/{version}", of_project(project)))
            .await
    }
}
