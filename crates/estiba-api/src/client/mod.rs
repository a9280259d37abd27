//! The client of the API: a file for each part of it.

mod chats;
mod deployments;
mod environments;
mod instances;
mod logs;
mod mails;
mod preflight;
mod projects;

use std::fmt::Display;
use std::net::Ipv4Addr;
use std::time::Duration;

use estiba_model::{EnvironmentId, Lang, ProjectId, SecretString, message};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT_LANGUAGE, AUTHORIZATION};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, Problem};
use crate::wire::Page;

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
