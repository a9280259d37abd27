//! The part of the client that reads the mails that a sink took.

use estiba_model::{EnvironmentId, Mail, MailContent};
use reqwest::Method;

use super::{Client, of_environment};
use crate::error::ApiError;

impl Client {
    /// The mails that the sink of an environment took, the oldest first.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn mails(&self, id: &EnvironmentId) -> Result<Vec<Mail>, ApiError> {
        self.get(&format!("{}/mails", of_environment(id))).await
    }

    /// A mail with what is in it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn mail(&self, id: &EnvironmentId, mail: u64) -> Result<MailContent, ApiError> {
        let path = format!("{}/mails/{mail}", of_environment(id));
        self.get(&path).await
    }

    /// A mail as it came.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn raw_mail(&self, id: &EnvironmentId, mail: u64) -> Result<Vec<u8>, ApiError> {
        let path = format!("{}/mails/{mail}/raw", of_environment(id));
        let response = self.send(self.request(Method::GET, &path)).await?;
        let content = response.bytes().await;
        let content = content.map_err(|error| ApiError::unreachable(self.url(), &error))?;
        Ok(content.into())
    }

    /// Has the sink of an environment forget all mails.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn clear_mails(&self, id: &EnvironmentId) -> Result<(), ApiError> {
        self.remove(&format!("{}/mails", of_environment(id))).await
    }
}
