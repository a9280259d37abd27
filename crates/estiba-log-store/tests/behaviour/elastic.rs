//! The endpoint, as clients speak to it.

mod bulk;
mod exchanges;
mod limits;
mod reading;
mod shippers;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use estiba_log_store::elastic::{self, Access, Credentials, Grant, Refused, Settings, Writer};
use estiba_log_store::{LogStore, Options, Scope};
use estiba_logs::Origin;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::world::quick;

/// `moria` and `rohan` write and read as themselves, `reader` only reads.
struct Tokens;

#[async_trait]
impl Access for Tokens {
    async fn grant(&self, credentials: Option<Credentials>) -> Result<Grant, Refused> {
        let credentials = credentials.ok_or(Refused::Unknown)?;
        let team = match credentials.token.expose() {
            team @ ("moria" | "rohan") => team,
            "reader" => {
                return Ok(Grant {
                    write: None,
                    read: Scope::team("moria"),
                });
            }
            "flood" => return Err(Refused::TooMany),
            _ => return Err(Refused::Unknown),
        };
        let forced = Origin {
            team: Some(team.into()),
            ..Origin::default()
        };
        let defaults = Origin {
            project: Some("tp2".into()),
            environment: Some("prod".into()),
            ..Origin::default()
        };
        Ok(Grant {
            write: Some(Writer { forced, defaults }),
            read: Scope::team(team),
        })
    }
}

pub(crate) struct Endpoint {
    pub(crate) store: Arc<LogStore>,
    router: Router,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Endpoint {
    pub(crate) async fn new(folder: &Path) -> Self {
        Self::with(folder, quick(), Settings::default()).await
    }

    pub(crate) async fn with(folder: &Path, options: Options, settings: Settings) -> Self {
        let store = Arc::new(LogStore::open(folder, options).await.unwrap());
        let router = elastic::router(Arc::clone(&store), Arc::new(Tokens), settings);
        Self { store, router }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A request of the team `moria`.
    pub(crate) async fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.call_as("moria", method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Serves on a port of this machine until the runtime ends.
    pub(crate) async fn listen(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, self.router.clone()).into_future());
        address
    }
}

pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}
