//! The client of the API.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use estiba_model::{
    Approval, Carried, DeploymentId, Digest, EnvironmentId, EnvironmentStatus, Lang, LogLine,
    Losses, Name, Plan, ProjectId, Release, SecretString, Tried, Version, message,
};
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::error::{ApiError, Problem};
use crate::wire::{
    ApprovalDecision, Asked, Blobs, ChatAccount, ChatLink, ConfigValue, DeploymentView,
    Description, Exec, ExecOutput, Me, Page, PlanBody, ProjectView, Recorded, ReleaseView,
    SecretName, SecretValue, WantedDeployment,
};

/// A server that can't be reached in this time is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A server that says nothing for this long is given up: a plan asks targets.
const SILENCE_LIMIT: Duration = Duration::from_secs(120);
/// What a path segment may have as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b':');

/// A way to a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    token: Option<SecretString>,
    lang: Lang,
    /// Speaks for the person of this account of a chat service.
    account: Option<i64>,
}

impl Client {
    /// A client of the server at `url`.
    ///
    /// # Errors
    /// When the URL is none of HTTP, or TLS has no roots.
    pub fn new(url: &str, token: Option<SecretString>, lang: Lang) -> Result<Self, ApiError> {
        let url = url.trim_end_matches('/').to_owned();
        let is_http = url.starts_with("http://") || url.starts_with("https://");
        if !is_http {
            return Err(ApiError::Unreachable(message!(
                "\"{url}\" is not the address of a server: write http://HOST:PORT or https://HOST",
                "«{url}» no es la dirección de un servidor: escriba http://HOST:PUERTO o https://HOST"
            )));
        }
        // The first to choose chooses for the process; it is the same everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(SILENCE_LIMIT)
            .user_agent(concat!("estiba/", env!("CARGO_PKG_VERSION")));
        if let Some(host) = name_of_this_machine(&url) {
            http = http.resolve(&host, (Ipv4Addr::LOCALHOST, 0).into());
        }
        let http = http
            .build()
            .map_err(|error| ApiError::unreachable(&url, &error))?;
        Ok(Self {
            http,
            url,
            token,
            lang,
            account: None,
        })
    }

    /// The same, speaking for the person of an account of a chat service, in
    /// their language. Only a bot's token may.
    #[must_use]
    pub fn for_account(&self, account: i64, lang: Lang) -> Self {
        Self {
            account: Some(account),
            lang,
            ..self.clone()
        }
    }

    /// The server's address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        let lang = match self.lang {
            Lang::En => "en",
            Lang::Es => "es",
        };
        request = request.header(ACCEPT_LANGUAGE, lang);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
        }
        if let Some(account) = self.account {
            request = request.header("Estiba-Chat-Account", account.to_string());
        }
        request
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        let response = request
            .send()
            .await
            .map_err(|error| ApiError::unreachable(&self.url, &error))?;
        let status = response.status();
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(ApiError::Refused(Box::new(problem))),
            Err(_) => {
                let url = &self.url;
                Err(ApiError::Unreachable(message!(
                    "{url} answers {status} and is perhaps no Estiba server; check ESTIBA_URL",
                    "{url} responde {status} y quizá no es un servidor de Estiba; revise ESTIBA_URL"
                )))
            }
        }
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        response: Response,
    ) -> Result<T, ApiError> {
        let url = &self.url;
        let body = response
            .bytes()
            .await
            .map_err(|error| ApiError::unreachable(url, &error))?;
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::Unreachable(message!(
                "{url} does not answer as this Estiba expects ({error}); use the same version on both sides",
                "{url} no responde como este Estiba espera ({error}); use la misma versión en ambos lados"
            ))
        })
    }

    /// What a resource is.
    ///
    /// # Errors
    /// When it is refused or the server can't be reached; here and below.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let response = self.send(self.request(Method::GET, path)).await?;
        self.read(response).await
    }

    /// All items of a resource, page by page.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn all<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        let mut page: Page<T> = self.get(path).await?;
        let mut items = page.items;
        while let Some(next) = page.next {
            let mark = if path.contains('?') { '&' } else { '?' };
            page = self
                .get(&format!("{path}{mark}cursor={}", segment(&next)))
                .await?;
            items.append(&mut page.items);
        }
        Ok(items)
    }

    /// Sends a body and reads the answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn call<B: Serialize, T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<T, ApiError> {
        let response = self.send(self.request(method, path).json(body)).await?;
        self.read(response).await
    }

    pub(crate) async fn tell<B: Serialize>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<(), ApiError> {
        self.send(self.request(method, path).json(body)).await?;
        Ok(())
    }

    /// Removes a resource.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn remove(&self, path: &str) -> Result<(), ApiError> {
        self.send(self.request(Method::DELETE, path)).await?;
        Ok(())
    }

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

    /// How every environment of a project is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn status(&self, project: &ProjectId) -> Result<Vec<EnvironmentStatus>, ApiError> {
        self.all(&format!("{}/environments", of_project(project)))
            .await
    }

    /// How an environment is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn environment(&self, id: &EnvironmentId) -> Result<EnvironmentStatus, ApiError> {
        self.get(&of_environment(id)).await
    }

    /// What would go with an environment.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn losses(&self, id: &EnvironmentId) -> Result<Losses, ApiError> {
        self.get(&format!("{}/losses", of_environment(id))).await
    }

    /// How many copies of an environment's workloads run, where that is said.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn replicas(&self, id: &EnvironmentId) -> Result<BTreeMap<Name, u32>, ApiError> {
        self.get(&format!("{}/replicas", of_environment(id))).await
    }

    /// The images that an environment runs, as its targets tell.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn carried(&self, id: &EnvironmentId) -> Result<Vec<Carried>, ApiError> {
        self.all(&format!("{}/images", of_environment(id))).await
    }

    /// The steps that a deployment would take.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn plan(&self, id: &EnvironmentId, body: &PlanBody) -> Result<Plan, ApiError> {
        let path = format!("{}/plan", of_environment(id));
        self.call(Method::POST, &path, body).await
    }

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

    /// The values in clear of an environment.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn config(&self, id: &EnvironmentId) -> Result<BTreeMap<String, String>, ApiError> {
        self.get(&format!("{}/config", of_environment(id))).await
    }

    /// Sets a value in clear, or unsets it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_config(
        &self,
        id: &EnvironmentId,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), ApiError> {
        let path = format!("{}/config/{}", of_environment(id), segment(name));
        match value {
            None => self.remove(&path).await,
            Some(value) => {
                let value = value.to_owned();
                self.tell(Method::PUT, &path, &ConfigValue { value }).await
            }
        }
    }

    /// The names of an environment's secrets.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn secrets(&self, id: &EnvironmentId) -> Result<Vec<SecretName>, ApiError> {
        self.all(&format!("{}/secrets", of_environment(id))).await
    }

    /// Keeps a secret, or forgets it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_secret(
        &self,
        id: &EnvironmentId,
        name: &str,
        value: Option<&SecretString>,
    ) -> Result<(), ApiError> {
        let path = format!("{}/secrets/{}", of_environment(id), segment(name));
        match value {
            None => self.remove(&path).await,
            Some(value) => {
                let value = value.expose().to_owned();
                self.tell(Method::PUT, &path, &SecretValue { value }).await
            }
        }
    }

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

    /// Links an account of a chat service to the person of a code.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn link_chat(&self, code: &str, account: i64) -> Result<ChatAccount, ApiError> {
        let code = code.to_owned();
        let link = ChatLink { code, account };
        self.call(Method::POST, "/api/v1/chats/accounts", &link)
            .await
    }

    /// What the bot remembers under a name.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn chat_state(&self, name: &str) -> Result<serde_json::Value, ApiError> {
        self.get(&format!("/api/v1/chats/state/{}", segment(name)))
            .await
    }

    /// Remembers something for the bot.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_chat_state(
        &self,
        name: &str,
        value: &serde_json::Value,
    ) -> Result<(), ApiError> {
        let path = format!("/api/v1/chats/state/{}", segment(name));
        self.tell(Method::PUT, &path, value).await
    }
}

pub(crate) fn of_project(project: &ProjectId) -> String {
    format!(
        "/api/v1/teams/{}/projects/{}",
        project.team, project.project
    )
}

pub(crate) fn of_environment(id: &EnvironmentId) -> String {
    format!(
        "{}/environments/{}",
        of_project(&id.project_id()),
        id.environment
    )
}

pub(crate) fn segment(text: impl Display) -> String {
    utf8_percent_encode(&text.to_string(), SEGMENT).to_string()
}

/// The host of an address, where it is a name below `localhost`: those are this
/// machine (<https://www.rfc-editor.org/rfc/rfc6761#section-6.3>), and not every
/// resolver knows it.
fn name_of_this_machine(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    host.ends_with(".localhost").then(|| host.to_owned())
}
