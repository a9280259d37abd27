//! Images that have been pushed, by the digest of their configuration: that is what
//! `docker_image` names.
//!
//! How commands are run: `CMD` by `/bin/sh -c`
//! (<https://devcenter.heroku.com/articles/container-registry-and-runtime#dockerfile-commands-and-runtime>).
//! Where there is an `ENTRYPOINT`, that gets `CMD` as one argument
//! (<https://github.com/docker-library/haproxy/issues/29>,
//! <https://github.com/vapor/api-template/pull/93>), and so it does the command of a
//! one-off dyno (<https://github.com/pointfreeco/pointfreeco/pull/655>). An image without
//! `CMD` is refused: "No command specified for process type web".

use anyhow::{Context, Result, bail};
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::Process;
use super::front::MANIFEST;

const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// An image of a type of process.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    app: String,
    kind: String,
    manifest: String,
    config: String,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
}

impl Image {
    /// The type that it was pushed for.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// The beginning of its digest.
    pub(crate) fn short(&self) -> &str {
        let hex = self.config.trim_start_matches("sha256:");
        &hex[..hex.len().min(12)]
    }

    /// Its own command, as people are shown it.
    pub(crate) fn command(&self) -> String {
        join(self.entrypoint.iter().chain(&self.cmd))
    }

    /// Whether it says what to run: an entrypoint alone is not enough.
    pub(crate) fn has_command(&self) -> bool {
        !self.cmd.is_empty()
    }

    /// The entrypoint and the arguments of a run, with another command or its own.
    pub(crate) fn words(&self, command: Option<&str>) -> (Vec<String>, Vec<String>) {
        let line = command.map_or_else(|| join(&self.cmd), str::to_owned);
        let entrypoint = match self.entrypoint.is_empty() {
            true => SHELL.map(str::to_owned).to_vec(),
            false => self.entrypoint.clone(),
        };
        (entrypoint, vec![line])
    }
}

fn join<'w>(words: impl IntoIterator<Item = &'w String>) -> String {
    let words: Vec<_> = words.into_iter().map(String::as_str).collect();
    match words.as_slice() {
        // A line for a shell, as `CMD` without brackets makes it.
        ["/bin/sh", "-c", line] => (*line).to_owned(),
        [word] => (*word).to_owned(),
        words => shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" ")),
    }
}

/// The registry itself.
#[derive(Debug)]
pub(crate) struct Images {
    process: Process,
    client: Client<HttpConnector, Body>,
}

impl Images {
    pub(crate) fn new(process: Process) -> Self {
        Self {
            process,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.process.port
    }

    /// The name that the engine pulls an image by.
    pub(crate) fn reference(&self, image: &Image) -> String {
        let Image {
            app,
            kind,
            manifest,
            ..
        } = image;
        format!("127.0.0.1:{}/{app}/{kind}@{manifest}", self.port())
    }

    /// The image of a type of process with this configuration, if it has been pushed.
    pub(crate) async fn find(&self, app: &str, kind: &str, config: &str) -> Result<Option<Image>> {
        let repository = format!("{app}/{kind}");
        let Some((_, tags)) = self.get(&format!("{repository}/tags/list")).await? else {
            return Ok(None);
        };
        let tags: Value = serde_json::from_slice(&tags)?;
        for tag in tags["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let found = self.get(&format!("{repository}/manifests/{tag}")).await?;
            let Some((headers, manifest)) = found else {
                continue;
            };
            let manifest: Value = serde_json::from_slice(&manifest)?;
            if manifest["config"]["digest"] == config {
                let digest = headers
                    .get("docker-content-digest")
                    .and_then(|one| one.to_str().ok());
                let digest = digest.context("the registry names no digest")?.to_owned();
                return self.image(app, kind, digest, config).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn image(&self, app: &str, kind: &str, manifest: String, config: &str) -> Result<Image> {
        let blob = self.get(&format!("{app}/{kind}/blobs/{config}")).await?;
        let (_, blob) = blob.context("the registry lacks the configuration")?;
        let blob: Value = serde_json::from_slice(&blob)?;
        let words = |name: &str| {
            let words = blob["config"][name].as_array().into_iter().flatten();
            words.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Ok(Image {
            app: app.to_owned(),
            kind: kind.to_owned(),
            manifest,
            config: config.to_owned(),
            entrypoint: words("Entrypoint"),
            cmd: words("Cmd"),
        })
    }

    async fn get(&self, path: &str) -> Result<Option<(HeaderMap, Bytes)>> {
        let request = Request::get(format!("http://127.0.0.1:{}/v2/{path}", self.port()))
            .header(header::ACCEPT, MANIFEST)
            .body(Body::empty())?;
        let response = self.client.request(request).await?;
        match response.status() {
            StatusCode::OK => {
                let (parts, body) = response.into_parts();
                Ok(Some((parts.headers, body.collect().await?.to_bytes())))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => bail!("the registry answers {status} to {path}"),
        }
    }
}
