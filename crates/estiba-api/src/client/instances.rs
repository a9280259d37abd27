//! The part of the client about what runs: its output, commands in it, its data.

use bytes::Bytes;
use estiba_model::{EnvironmentId, LogLine, Name, message};
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use reqwest::{Method, Response};
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use super::{Client, of_environment};
use crate::error::ApiError;
use crate::wire::{Exec, ExecOutput};

impl Client {
    /// What the instances of a workload wrote.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn logs(
        &self,
        id: &EnvironmentId,
        workload: &Name,
        since: Option<Timestamp>,
        tail: Option<usize>,
        follow: bool,
    ) -> Result<impl Stream<Item = Result<LogLine, ApiError>> + use<>, ApiError> {
        let path = format!("{}/workloads/{workload}/logs", of_environment(id));
        let mut request = self
            .request(Method::GET, &path)
            .query(&[("follow", follow)]);
        if let Some(since) = since {
            request = request.query(&[("since", since.to_string())]);
        }
        if let Some(tail) = tail {
            request = request.query(&[("tail", tail)]);
        }
        let response = self
            .send(request.header("Accept", "application/x-ndjson"))
            .await?;
        Ok(self.json_lines(response))
    }

    /// Runs a command in an instance.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn exec(
        &self,
        id: &EnvironmentId,
        workload: &Name,
        exec: &Exec,
    ) -> Result<impl Stream<Item = Result<ExecOutput, ApiError>> + use<>, ApiError> {
        let path = format!("{}/workloads/{workload}/exec", of_environment(id));
        let response = self
            .send(self.request(Method::POST, &path).json(exec))
            .await?;
        Ok(self.json_lines(response))
    }

    pub(crate) fn json_lines<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> impl Stream<Item = Result<T, ApiError>> + use<T> {
        let url = self.url.clone();
        let bytes = response.bytes_stream().map_err(std::io::Error::other);
        let reader = tokio::io::BufReader::new(StreamReader::new(bytes));
        async_stream::stream! {
            use tokio::io::AsyncBufReadExt;
            let mut lines = reader.lines();
            loop {
                match lines.next_line().await {
                    Ok(None) => break,
                    Ok(Some(line)) if line.is_empty() => {}
                    Ok(Some(line)) => yield serde_json::from_str(&line).map_err(|error| {
                        ApiError::Unreachable(message!(
                            "{url} sent what this Estiba does not understand: {error}",
                            "{url} envió algo que este Estiba no entiende: {error}"
                        ))
                    }),
                    Err(error) => {
                        yield Err(ApiError::Unreachable(message!(
                            "the connection to {url} ended: {error}",
                            "la conexión con {url} terminó: {error}"
                        )));
                        break;
                    }
                }
            }
        }
    }

    /// A backup of an environment's database, as it comes.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn backup(
        &self,
        id: &EnvironmentId,
        resource: Option<&str>,
    ) -> Result<impl Stream<Item = Result<Bytes, ApiError>> + use<>, ApiError> {
        let path = format!("{}/database", of_environment(id));
        let request = self
            .request(Method::GET, &path)
            .query(&[("resource", resource)]);
        let response = self.send(request).await?;
        let url = self.url.clone();
        Ok(response
            .bytes_stream()
            .map(move |piece| piece.map_err(|error| ApiError::unreachable(&url, &error))))
    }

    /// Replaces what is in an environment's database by a backup.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn restore(
        &self,
        id: &EnvironmentId,
        resource: Option<&str>,
        content: impl AsyncRead + Send + 'static,
    ) -> Result<(), ApiError> {
        let path = format!("{}/database", of_environment(id));
        let body = reqwest::Body::wrap_stream(ReaderStream::new(content));
        let request = self
            .request(Method::PUT, &path)
            .query(&[("resource", resource)]);
        self.send(request.body(body)).await?;
        Ok(())
    }
}
