//! Requests to a cluster.

use std::time::Duration;

use estiba_model::{Message, message};
use estiba_ship::{Authorities, BulkConfig, SinkLogin};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use crate::error::ClusterError;
use crate::product::Product;
use crate::template;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A question that takes longer has no answer.
const LIMIT: Duration = Duration::from_secs(30);
/// A batch may take longer: whoever sends it waits anyway.
const BULK_LIMIT: Duration = Duration::from_secs(60);
/// A cluster that can't answer now is asked again after these.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// A longer answer is none, in bytes.
const LONGEST_ANSWER: usize = 64 << 20;

/// Where lines go, and who Estiba is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    url: Url,
    index: String,
    login: Option<SinkLogin>,
    authorities: Option<Authorities>,
}

impl Destination {
    /// An index of the cluster at `address`.
    ///
    /// # Errors
    /// If the address or the name is none: what is wrong, and what to do.
    pub fn new(
        address: &str,
        index: &str,
        login: Option<SinkLogin>,
    ) -> Result<Self, (Message, Message)> {
        estiba_logs::check_cluster(address)?;
        let url = Url::parse(address).ok().filter(Url::has_host);
        let Some(mut url) = url else {
            return Err((
                message!(
                    "\"{address}\" is no address of a cluster",
                    "«{address}» no es la dirección de un clúster"
                ),
                message!("write https://HOST:9200", "escriba https://HOST:9200"),
            ));
        };
        if !estiba_logs::is_index(index) {
            return Err((
                message!(
                    "\"{index}\" is no name of an index",
                    "«{index}» no es el nombre de un índice"
                ),
                message!(
                    "write small letters, digits, - . and _, with a letter or digit first: estiba-logs",
                    "escriba letras minúsculas, dígitos, - . y _, con una letra o un dígito primero: estiba-logs"
                ),
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self {
            url,
            index: index.to_owned(),
            login,
            authorities: None,
        })
    }

    /// The same, whose certificate is signed by these authorities.
    #[must_use]
    pub fn trusting(self, authorities: Authorities) -> Self {
        Self {
            authorities: Some(authorities),
            ..self
        }
    }

    /// The index and its cluster, without what is secret: the name under which it is noted
    /// how far it has the lines.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.url.as_str().trim_end_matches('/'), self.index)
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        let path = format!("{}/{path}", self.url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// How the shipper's sink talks to it.
    pub(crate) fn bulk(&self) -> BulkConfig {
        BulkConfig {
            url: self.at(&format!("{}/_bulk", self.index)),
            login: self.login.clone(),
            authorities: self.authorities.clone(),
            gzip: true,
            timeout: BULK_LIMIT,
            give_up: None,
            batch_bytes: crate::forward::BATCH_BYTES,
            batch_documents: crate::forward::BATCH_LINES,
            linger: Duration::ZERO,
        }
    }
}

/// Asks a cluster.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    to: Destination,
    authorization: Option<HeaderValue>,
    product: tokio::sync::OnceCell<Product>,
}

impl Client {
    pub(crate) fn new(to: Destination) -> Result<Self, reqwest::Error> {
        // The first to choose chooses for the process; it is the same everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("estiba/", env!("CARGO_PKG_VERSION")));
        if let Some(authorities) = &to.authorities {
            http = authorities.trusted_by(http);
        }
        Ok(Self {
            http: http.build()?,
            authorization: to.login.as_ref().and_then(SinkLogin::authorization),
            to,
            product: tokio::sync::OnceCell::new(),
        })
    }

    pub(crate) fn index(&self) -> &str {
        &self.to.index
    }

    /// The host, for people.
    pub(crate) fn place(&self) -> String {
        let host = self.to.url.host_str().unwrap_or_default();
        let port = self.to.url.port();
        port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// What is there. It is asked once.
    pub(crate) async fn product(&self) -> Result<Product, ClusterError> {
        let ask = || async {
            let root = self.ask(Method::GET, "", None).await?;
            Product::of(&root).ok_or_else(|| ClusterError::Strange {
                place: self.place(),
            })
        };
        self.product.get_or_try_init(ask).await.copied()
    }

    /// Sees to it that the index is made as it has to be, where it isn't there.
    pub(crate) async fn prepare(&self) -> Result<Product, ClusterError> {
        let product = self.product().await?;
        if !product.is_lucene() {
            // Quickwit's indexes are made by whoever runs it; Estiba needs none.
            return Ok(product);
        }
        let index = self.index();
        let path = format!("_index_template/{}", template::name(index));
        match self.ask(Method::GET, &path, None).await {
            Ok(_) => {}
            Err(ClusterError::Refused { status: 404, .. }) => {
                let made = template::template(index);
                self.ask(Method::PUT, &path, Some(made.to_string())).await?;
            }
            Err(ClusterError::Refused { status: 403, .. }) => {
                tracing::warn!(
                    place = self.place(),
                    index,
                    "this login may not see the template of the index; it is taken to be there"
                );
            }
            Err(error) => return Err(error),
        }
        self.is_ours().await?;
        Ok(product)
    }

    /// Makes sure that an index that is there was made by the template.
    async fn is_ours(&self) -> Result<(), ClusterError> {
        let path = format!("{}/_mapping", self.index());
        let mapped = match self.ask(Method::GET, &path, None).await {
            Ok(mapped) => mapped,
            Err(ClusterError::Refused {
                status: 403 | 404, ..
            }) => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_ours = |index: &Value| {
            index["mappings"]["properties"][crate::document::SEQUENCE]["type"] == json!("long")
        };
        let mut indices = mapped.as_object().into_iter().flat_map(|map| map.values());
        if indices.all(is_ours) {
            return Ok(());
        }
        Err(ClusterError::OtherIndex {
            place: self.place(),
            index: self.index().to_owned(),
        })
    }

    /// A search in the index. An index that isn't there yet has no lines.
    pub(crate) async fn search(&self, search: &Value) -> Result<Value, ClusterError> {
        let path = format!("{}/_search", self.index());
        match self.ask_in_time(&path, &search.to_string()).await {
            Err(ClusterError::Refused {
                status: 404, kind, ..
            }) if kind == "index_not_found_exception" => Ok(json!({})),
            answer => answer,
        }
    }

    /// Several searches at once, with an answer for each.
    pub(crate) async fn searches(&self, searches: &[Value]) -> Result<Vec<Value>, ClusterError> {
        let head = json!({"index": self.index()});
        let body: String = searches
            .iter()
            .map(|search| format!("{head}\n{search}\n"))
            .collect();
        let mut answer = self.ask_in_time("_msearch", &body).await?;
        let Value::Array(answers) = answer["responses"].take() else {
            return Err(ClusterError::Strange {
                place: self.place(),
            });
        };
        match answers.iter().find(|answer| answer.get("error").is_some()) {
            Some(failed) => Err(self.refused(
                failed["status"]
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(500),
                failed,
            )),
            None if answers.len() != searches.len() => Err(ClusterError::Strange {
                place: self.place(),
            }),
            None => Ok(answers),
        }
    }

    /// Asks again for a while where the cluster says that it can't answer now: the shards
    /// of an index that was made a moment ago are not there yet.
    async fn ask_in_time(&self, path: &str, body: &str) -> Result<Value, ClusterError> {
        for pause in PAUSES {
            match self.ask(Method::POST, path, Some(body.to_owned())).await {
                Err(ClusterError::Refused {
                    status: 429 | 503, ..
                }) => tokio::time::sleep(pause).await,
                Ok(answer) if is_not_now(&answer) => tokio::time::sleep(pause).await,
                answer => return answer,
            }
        }
        self.ask(Method::POST, path, Some(body.to_owned())).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Value, ClusterError> {
        let mut request = self
            .http
            .request(method, self.to.at(path))
            .header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = body {
            let kind = if path.ends_with("_msearch") {
                "application/x-ndjson"
            } else {
                "application/json"
            };
            request = request.header(CONTENT_TYPE, kind).body(body);
        }
        let mut response = request.send().await.map_err(|error| self.silent(&error))?;
        let status = response.status();
        let mut text = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.silent(&error))?
        {
            if text.len() + chunk.len() > LONGEST_ANSWER {
                return Err(ClusterError::Strange {
                    place: self.place(),
                });
            }
            text.extend_from_slice(&chunk);
        }
        let answer = serde_json::from_slice::<Value>(&text);
        match (status, answer) {
            (StatusCode::OK | StatusCode::CREATED, Ok(answer)) => Ok(answer),
            (StatusCode::OK | StatusCode::CREATED, Err(_)) => Err(ClusterError::Strange {
                place: self.place(),
            }),
            (status, answer) => Err(self.refused(status.as_u16(), &answer.unwrap_or_default())),
        }
    }

    /// Names of errors are the cluster's; their reasons may quote lines, and are left out.
    fn refused(&self, status: u16, answer: &Value) -> ClusterError {
        let error = &answer["error"];
        let cause = error["caused_by"]["type"].as_str();
        let root = error["root_cause"][0]["type"].as_str();
        let kind = error["type"].as_str();
        if [cause, root, kind].contains(&Some("too_many_buckets_exception")) {
            return ClusterError::Wrong(message!(
                "these are too many bars: choose a longer interval or a shorter time",
                "son demasiadas barras: elija un intervalo más largo o un tiempo más corto"
            ));
        }
        ClusterError::Refused {
            place: self.place(),
            status,
            kind: root.or(kind).unwrap_or_default().to_owned(),
        }
    }

    fn silent(&self, error: &reqwest::Error) -> ClusterError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        ClusterError::Unreachable {
            place: self.place(),
            why: cause.to_string(),
        }
    }
}

/// Whether one of several answers says so.
fn is_not_now(answer: &Value) -> bool {
    let answers = answer["responses"].as_array().into_iter().flatten();
    answers
        .map(|answer| answer["status"].as_u64())
        .any(|status| matches!(status, Some(429 | 503)))
}
