//! The part of the client about deployments, and what has to be agreed to.

use estiba_model::{Approval, DeploymentId, EnvironmentId, ProjectId, Tried};
use reqwest::Method;

use super::{Client, of_environment, of_project};
use crate::error::ApiError;
use crate::wire::{ApprovalDecision, Asked, DeploymentView, Page, Recorded, WantedDeployment};

impl Client {
    /// Asks for a deployment. `key` makes it safe to ask again.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn deploy(
        &self,
        id: &EnvironmentId,
        wanted: &WantedDeployment,
        key: &str,
    ) -> Result<Asked, ApiError> {
        let path = format!("{}/deployments", of_environment(id));
        let request = self.request(Method::POST, &path).json(wanted);
        let response = self.send(request.header("Idempotency-Key", key)).await?;
        self.read(response).await
    }

    /// The deployments to an environment, the newest first, `limit` at most.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn deployments(
        &self,
        id: &EnvironmentId,
        limit: u32,
        with_steps: bool,
    ) -> Result<Vec<DeploymentView>, ApiError> {
        let path = of_environment(id);
        let page: Page<DeploymentView> = self
            .get(&format!(
                "{path}/deployments?limit={limit}&steps={with_steps}"
            ))
            .await?;
        Ok(page.items)
    }

    /// A deployment with its steps.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn deployment(
        &self,
        project: &ProjectId,
        id: DeploymentId,
    ) -> Result<DeploymentView, ApiError> {
        self.get(&format!("{}/deployments/{}", of_project(project), id.0))
            .await
    }

    /// The requests that wait for somebody to agree.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn approvals(&self) -> Result<Vec<Approval>, ApiError> {
        self.all("/api/v1/approvals").await
    }

    /// Decides a request.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn decide(&self, approval: i64, approve: bool) -> Result<Asked, ApiError> {
        let path = format!("/api/v1/approvals/{approval}");
        self.call(Method::POST, &path, &ApprovalDecision { approve })
            .await
    }

    /// Keeps what came of trying what an environment runs, and gives its number.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn record_acceptance(
        &self,
        id: &EnvironmentId,
        tried: &Tried,
    ) -> Result<DeploymentId, ApiError> {
        let path = format!("{}/acceptance", of_environment(id));
        let recorded: Recorded = self.call(Method::POST, &path, tried).await?;
        Ok(recorded.deployment)
    }
}
