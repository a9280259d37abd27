//! The client's way to stored lines of logs.

use estiba_model::{EnvironmentId, Name, ProjectId};
use futures::Stream;
use reqwest::Method;
use serde::Serialize;

use super::{Client, of_environment, of_project};
use crate::error::ApiError;
use crate::logs::{AlertView, LogHit, LogPaging, LogSelection, LogTailed, MuteAlert};
use crate::wire::Page;

impl Client {
    /// A page of the lines of a project that the server has stored.
    ///
    /// # Errors
    /// When it is refused: `no-logs` is the code of a server that stores none, and
    /// `bad-query` that of a text that is no query. Or the server can't be reached;
    /// here and below.
    pub async fn search_logs(
        &self,
        project: &ProjectId,
        selection: &LogSelection,
        paging: &LogPaging,
    ) -> Result<Page<LogHit>, ApiError> {
        self.ask_logs(project, "", selection, paging).await
    }

    /// Lines as they come, after those of `from` on that are stored already.
    ///
    /// # Errors
    /// As [`Client::search_logs`].
    pub async fn tail_logs(
        &self,
        project: &ProjectId,
        selection: &LogSelection,
    ) -> Result<impl Stream<Item = Result<LogTailed, ApiError>> + use<>, ApiError> {
        let path = format!("{}/logs/tail", of_project(project));
        let request = self.request(Method::GET, &path).query(selection);
        let response = self
            .send(request.header("Accept", "application/x-ndjson"))
            .await?;
        Ok(self.json_lines(response))
    }

    /// The alerts of an environment.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn alerts(&self, id: &EnvironmentId) -> Result<Vec<AlertView>, ApiError> {
        self.all(&format!("{}/alerts", of_environment(id))).await
    }

    /// Has nobody told of an alert for so many minutes; with `None`, ends that.
    ///
    /// # Errors
    /// As [`Client::get`]; `not-found` where there is no such alert.
    pub async fn mute_alert(
        &self,
        id: &EnvironmentId,
        alert: &Name,
        minutes: Option<u32>,
    ) -> Result<(), ApiError> {
        let path = format!("{}/alerts/{alert}/mute", of_environment(id));
        match minutes {
            Some(minutes) => self.tell(Method::PUT, &path, &MuteAlert { minutes }).await,
            None => self.remove(&path).await,
        }
    }

    async fn ask_logs<P: Serialize, T: serde::de::DeserializeOwned>(
        &self,
        project: &ProjectId,
        what: &str,
        selection: &LogSelection,
        more: &P,
    ) -> Result<T, ApiError> {
        let path = format!("{}/logs{what}", of_project(project));
        let request = self.request(Method::GET, &path);
        let response = self.send(request.query(selection).query(more)).await?;
        self.read(response).await
    }
}
