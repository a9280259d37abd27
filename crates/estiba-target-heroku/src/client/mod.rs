//! The Platform API: its address, its key, and what is tried again.

pub(crate) mod fault;
pub(crate) mod types;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use estiba_model::SecretString;
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, Lines};
use tokio_util::io::StreamReader;

use fault::{Fault, Refusal};

/// The API of this version, which the answers follow.
const VERSION: &str = "application/vnd.heroku+json; version=3";
/// The same where images are released
/// (<https://devcenter.heroku.com/articles/container-registry-and-runtime#api>).
pub(crate) const DOCKER_RELEASES: &str = "application/vnd.heroku+json; version=3.docker-releases";
/// A server that can't be connected to in this time is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// One that says nothing for this long, too; logs are silent longer.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// How often something that may pass is tried again, with growing pauses: a quarter
/// of a minute in all.
const TRIES_MORE: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest that the API may have somebody wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The most that a list gives at once.
const RANGE: &str = "Range";
const NEXT_RANGE: &str = "Next-Range";
const MOST_PAGES: usize = 100;
const REMAINING: &str = "RateLimit-Remaining";

/// A way to the API. It shows no key, and is cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    api: String,
    key: SecretString,
    /// Requests that are left, by the last answer.
    remaining: Arc<Mutex<Option<u64>>>,
}

/// A request that can be sent again.
struct Request<'r> {
    method: Method,
    path: &'r str,
    accept: &'r str,
    body: Option<&'r Value>,
    range: Option<&'r str>,
}

/// A whole answer.
struct Answer {
    body: Vec<u8>,
    /// Where a list goes on.
    next_range: Option<String>,
}

impl<'r> Request<'r> {
    fn new(method: Method, path: &'r str) -> Self {
        Self {
            method,
            path,
            accept: VERSION,
            body: None,
            range: None,
        }
    }
}

impl Client {
    pub(crate) fn new(api: &str, key: SecretString) -> Result<Self, Fault> {
        // Whoever chose a provider before, chose it for this program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("estiba/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Fault::of_connection(&error))?;
        Ok(Self {
            http,
            api: api.to_owned(),
            key,
            remaining: Arc::default(),
        })
    }

    pub(crate) fn key(&self) -> &SecretString {
        &self.key
    }

    /// Requests that are left this hour, as far as it is known.
    pub(crate) fn remaining(&self) -> Option<u64> {
        *self
            .remaining
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        self.send(&Request::new(Method::GET, path)).await?.read()
    }

    /// The same; none where there is no such thing.
    pub(crate) async fn get_opt<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, Fault> {
        match self.get(path).await {
            Ok(found) => Ok(Some(found)),
            Err(fault) if fault.is_missing() => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// All items of a list, part by part.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, Fault> {
        let mut items = Vec::new();
        let mut range: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let answer = self
                .send(&Request {
                    range: range.as_deref(),
                    ..Request::new(Method::GET, path)
                })
                .await?;
            items.extend(answer.read::<Vec<T>>()?);
            range = answer.next_range;
            if range.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// The part of a list that a range names.
    pub(crate) async fn part<T: DeserializeOwned>(
        &self,
        path: &str,
        range: &str,
    ) -> Result<Vec<T>, Fault> {
        let request = Request {
            range: Some(range),
            ..Request::new(Method::GET, path)
        };
        self.send(&request).await?.read()
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        self.send_body(Method::POST, path, body).await
    }

    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        self.send_body(Method::PATCH, path, body).await
    }

    async fn send_body<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        let request = Request {
            body: Some(body),
            ..Request::new(method, path)
        };
        self.send(&request).await?.read()
    }

    /// Releases images: what is done twice is two releases.
    pub(crate) async fn release(&self, path: &str, body: &Value) -> Result<(), Fault> {
        let request = Request {
            body: Some(body),
            accept: DOCKER_RELEASES,
            ..Request::new(Method::PATCH, path)
        };
        self.send(&request).await.map(drop)
    }

    /// Removes something. What is gone already is no error.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Fault> {
        match self.send(&Request::new(Method::DELETE, path)).await {
            Err(fault) if !fault.is_missing() => Err(fault),
            _ => Ok(()),
        }
    }

    /// What is at an address that the API gave: its secret is in it, so that no key is
    /// sent there. It may be silent for long.
    pub(crate) async fn stream(&self, url: &str) -> Result<Response, Fault> {
        let answer = self.http.get(url).send().await;
        let answer = answer.map_err(|error| Fault::of_connection(&error.without_url()))?;
        refusal_of(answer).await
    }

    /// Whether a registry answers and knows the key; why it does not.
    pub(crate) async fn reaches_registry(&self, registry: &str) -> Result<(), String> {
        let is_here = estiba_image::registry::is_loopback(registry);
        let scheme = if is_here { "http" } else { "https" };
        let asked = self
            .http
            .get(format!("{scheme}://{registry}/v2/"))
            .timeout(CONNECT_LIMIT)
            .basic_auth("_", Some(self.key.expose()));
        match asked.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(answer.status().to_string()),
            Err(error) => Err(error.without_url().to_string()),
        }
    }

    async fn send(&self, request: &Request<'_>) -> Result<Answer, Fault> {
        let makes = request.method == Method::POST || request.accept == DOCKER_RELEASES;
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(TRIES_MORE)
            .with_jitter();
        let is_near = |fault: &Fault| fault.wait().is_none_or(|wait| wait <= LONGEST_WAIT);
        (|| self.try_once(request))
            .retry(pauses)
            .when(|fault| fault.may_pass(makes) && is_near(fault))
            .adjust(|fault, pause| {
                pause.map(|pause| fault.wait().map_or(pause, |wait| pause.max(wait)))
            })
            .await
    }

    async fn try_once(&self, request: &Request<'_>) -> Result<Answer, Fault> {
        let url = format!("{}{}", self.api, request.path);
        let mut sent = self
            .http
            .request(request.method.clone(), url)
            .timeout(SILENCE_LIMIT)
            .bearer_auth(self.key.expose())
            .header(ACCEPT, request.accept);
        if let Some(body) = request.body {
            sent = sent.json(body);
        }
        if let Some(range) = request.range {
            sent = sent.header(RANGE, range);
        }
        let answer = sent.send().await;
        let answer = answer.map_err(|error| Fault::of_connection(&error))?;
        if let Some(left) = header(&answer, REMAINING).and_then(|left| left.parse().ok()) {
            *self
                .remaining
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(left);
        }
        let answer = refusal_of(answer).await?;
        let next_range = header(&answer, NEXT_RANGE);
        // One that breaks off is tried again too.
        let body = answer.bytes().await;
        Ok(Answer {
            body: body.map_err(|error| Fault::of_connection(&error))?.to_vec(),
            next_range,
        })
    }
}

/// The lines of an answer as they come.
pub(crate) fn lines_of(answer: Response) -> Lines<impl AsyncBufRead + Send + Unpin> {
    let pieces = answer.bytes_stream().map_err(std::io::Error::other);
    StreamReader::new(pieces.boxed()).lines()
}

fn header(answer: &Response, name: &str) -> Option<String> {
    let value = answer.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// The answer, unless it says no.
async fn refusal_of(answer: Response) -> Result<Response, Fault> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let seconds = header(&answer, RETRY_AFTER.as_str()).and_then(|wait| wait.trim().parse().ok());
    let wait = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            seconds.map(Duration::from_secs)
        }
        _ => None,
    };
    let body = answer.bytes().await.unwrap_or_default();
    let refusal = serde_json::from_slice(&body).unwrap_or_else(|_| Refusal {
        id: String::new(),
        message: status.canonical_reason().unwrap_or_default().to_owned(),
    });
    Err(Fault::Refused {
        status: status.as_u16(),
        refusal,
        wait,
    })
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Fault> {
        serde_json::from_slice(&self.body).map_err(|error| Fault::Odd(error.to_string()))
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}
