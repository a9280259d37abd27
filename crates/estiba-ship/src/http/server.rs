//! The doors: one for lines, one for questions. Both may be the same address.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use estiba_model::SecretString;
use http::header::{
    ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use super::{appender, body, drain, token};
use crate::inbox::{Chunk, Inbox, Intake};
use crate::metrics::Metrics;

/// So many connections at once; others wait to be accepted.
const MOST_CONNECTIONS: usize = 128;

/// A head that takes longer ends the connection.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// Lines that are not safe by then are refused, and come again.
const SAFE_LIMIT: Duration = Duration::from_secs(20);

/// Fields that a request may add by its query: `?workload=bot`.
const MOST_FIELDS: usize = 16;

/// What is behind the doors.
#[derive(Debug)]
pub(crate) struct Doors {
    /// For posted lines; nothing where there is only the door for questions.
    pub(crate) posted: Option<Posted>,
    pub(crate) metrics: Arc<Metrics>,
    room: body::Room,
}

#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) intake: Mutex<Intake>,
    pub(crate) inbox: Inbox,
    pub(crate) token: Option<SecretString>,
}

/// An address that somebody listens at.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    takes_lines: bool,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr, takes_lines: bool) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        tracing::info!("listens at {}", listener.local_addr()?);
        Ok(Self {
            listener,
            takes_lines,
        })
    }

    /// Serves until it is told to stop, then ends what is going on.
    pub(crate) async fn serve(self, doors: Arc<Doors>, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                break;
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = told(&mut stop) => break,
            };
            while connections.try_join_next().is_some() {}
            let Ok((stream, _)) = accepted else {
                // Too many files are open, most likely: some will be closed.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (doors, takes_lines, mut stop) =
                (Arc::clone(&doors), self.takes_lines, stop.clone());
            connections.spawn(async move {
                let service = service_fn(move |request| {
                    let doors = Arc::clone(&doors);
                    async move { Ok::<_, Infallible>(doors.answer(request, takes_lines).await) }
                });
                let connection = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEAD_LIMIT)
                    .max_buf_size(64 << 10)
                    .serve_connection(TokioIo::new(stream), service);
                tokio::pin!(connection);
                tokio::select! {
                    // What a client does wrong is its own affair.
                    _ = connection.as_mut() => {}
                    () = told(&mut stop) => {
                        connection.as_mut().graceful_shutdown();
                        let _ = connection.await;
                    }
                }
                drop(place);
            });
        }
        while connections.join_next().await.is_some() {}
    }
}

/// Waits until the shipper ends.
async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody left to say so is as good.
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Doors {
    pub(crate) fn new(posted: Option<Posted>, metrics: Arc<Metrics>) -> Self {
        Self {
            posted,
            metrics,
            room: body::Room::new(),
        }
    }

    async fn answer(&self, request: Request<Incoming>, takes_lines: bool) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET | &Method::HEAD, "/healthz") => text(StatusCode::OK, "ok\n"),
            (&Method::GET, "/metrics") if !takes_lines || self.posted_needs_no_token() => {
                let mut response = text(StatusCode::OK, self.metrics.text());
                let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            (&Method::POST, _) if takes_lines => match self.take(request).await {
                Ok(()) => status(StatusCode::ACCEPTED),
                Err(refusal) => refused(refusal),
            },
            _ if takes_lines => {
                let mut response = status(StatusCode::METHOD_NOT_ALLOWED);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("POST"));
                response
            }
            _ => status(StatusCode::NOT_FOUND),
        }
    }

    fn posted_needs_no_token(&self) -> bool {
        self.posted
            .as_ref()
            .is_none_or(|posted| posted.token.is_none())
    }

    async fn take(&self, request: Request<Incoming>) -> Result<(), StatusCode> {
        let posted = self.posted.as_ref().ok_or(StatusCode::NOT_FOUND)?;
        let (head, incoming) = request.into_parts();
        if let Some(token) = &posted.token
            && !token::is_given(token, &head.headers)
        {
            return Err(StatusCode::UNAUTHORIZED);
        }
        if self.metrics.refuses.load(Ordering::Relaxed) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        let is_too_long = |length: &HeaderValue| {
            length
                .to_str()
                .ok()
                .and_then(|length| length.parse::<usize>().ok())
                .is_some_and(|length| length > body::LONGEST)
        };
        if head.headers.get(CONTENT_LENGTH).is_some_and(is_too_long) {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        let body = self.room.read(&head.headers, incoming).await?;
        let kind = head
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let documents = {
            let mut intake = posted.intake.lock().unwrap_or_else(PoisonError::into_inner);
            let mut fields = intake.fields().clone();
            for (name, value) in query(head.uri.query().unwrap_or_default()).take(MOST_FIELDS) {
                fields.add(&name, &value);
            }
            if kind.eq_ignore_ascii_case(drain::CONTENT_TYPE) {
                drain::documents(
                    &mut intake,
                    &head.headers,
                    &body.bytes,
                    &fields,
                    &self.metrics,
                )?
            } else {
                let is_json = kind.eq_ignore_ascii_case("application/json");
                appender::documents(&mut intake, is_json, &body.bytes, &fields, &self.metrics)?
            }
        };
        if documents.is_empty() {
            return Ok(());
        }
        let safe = async {
            let (reply, answer) = oneshot::channel();
            let chunk = Chunk {
                documents,
                reply: Some(reply),
            };
            posted
                .inbox
                .send(chunk)
                .await
                .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            answer.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
        };
        tokio::time::timeout(SAFE_LIMIT, safe)
            .await
            .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?
    }
}

/// The pairs of a query whose names are plain words.
fn query(query: &str) -> impl Iterator<Item = (String, String)> {
    let url = reqwest::Url::parse(&format!("http://query/?{query}")).ok();
    let pairs: Vec<_> = url
        .iter()
        .flat_map(|url| url.query_pairs().into_owned())
        .filter(|(name, _)| {
            name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name
                    .chars()
                    .all(|char| char.is_ascii_alphanumeric() || char == '_')
        })
        .collect();
    pairs.into_iter()
}

fn refused(refusal: StatusCode) -> Response<Full<Bytes>> {
    let mut response = status(refusal);
    let headers = response.headers_mut();
    if refusal == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
    }
    if refusal == StatusCode::UNAUTHORIZED {
        headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"logs\""),
        );
    }
    response
}

fn status(status: StatusCode) -> Response<Full<Bytes>> {
    let reason = if status.is_success() {
        ""
    } else {
        status.canonical_reason().unwrap_or_default()
    };
    text(status, reason)
}

fn text(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}
