//! The part of the client that has services outside tried.

use estiba_model::EnvironmentId;
use estiba_preflight::Compared;
use reqwest::Method;

use super::{Client, of_environment};
use crate::error::ApiError;
use crate::wire::PreflightBody;

impl Client {
    /// What is found of the services outside that an environment uses, tried from inside.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn preflight(
        &self,
        id: &EnvironmentId,
        body: &PreflightBody,
    ) -> Result<Vec<Compared>, ApiError> {
        let path = format!("{}/preflight", of_environment(id));
        self.call(Method::POST, &path, body).await
    }
}
