//! The way of one HTTP request to an instance and back.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::ACCEPT_LANGUAGE;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::head::{self, Client, RequestBody};
use crate::listeners::Entrance;
use crate::pages::{Refusal, preferred_language};
use crate::routing::{Service, longest_match};
use crate::tunnel;
use crate::upstream::{InFlight, Lease};
use crate::waiting::{Search, Shared, connect};

/// How often a request that may be repeated is sent again after an instance
/// broke off: so that a request which kills instances does not kill them all.
const MAX_REPEATS: usize = 2;

/// The HTTP side of one client connection.
pub(crate) struct Proxy {
    pub(crate) shared: Arc<Shared>,
    pub(crate) lane: usize,
    pub(crate) entrance: Entrance,
    pub(crate) client: Client,
    pub(crate) activity: Activity,
}

/// What one client connection has asked for.
#[derive(Default)]
pub(crate) struct Activity {
    begun: AtomicUsize,
    ended: AtomicUsize,
}

impl Activity {
    /// How many requests there were, if none is being answered.
    pub(crate) fn idle(&self) -> Option<usize> {
        let begun = self.begun.load(Relaxed);
        (begun == self.ended.load(Relaxed)).then_some(begun)
    }
}

impl Proxy {
    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Response<ResponseBody> {
        self.activity.begun.fetch_add(1, Relaxed);
        let accepted = request.headers().get(ACCEPT_LANGUAGE).cloned();
        let response = match self.forward(request).await {
            Ok(response) => response,
            Err(refusal) => {
                let lang = preferred_language(accepted.as_ref());
                refusal.into_response(lang).map(Content::Own)
            }
        };
        response.map(|content| ResponseBody {
            content,
            proxy: self,
        })
    }

    async fn forward(&self, mut request: Request<Incoming>) -> Result<Response<Content>, Refusal> {
        head::check(&request)?;
        let (service, prefix) = self.route(&request)?;
        let upgrade = head::is_upgrade(request.headers());
        let client_upgrade = upgrade.then(|| hyper::upgrade::on(&mut request));

        let (mut head, body) = request.into_parts();
        head::to_upstream(&mut head, &self.client, prefix.as_deref(), upgrade)?;
        head.extensions.clear();
        let request = Request::from_parts(head, RequestBody::from(body));
        let search = Search::new(&self.shared, self.lane, Arc::clone(&service));
        let (mut response, lease) = exchange(search, request).await?;

        let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        head::to_client(&mut response, upgraded);
        if upgraded {
            let Some(client_upgrade) = client_upgrade else {
                return Err(Refusal::broken_off(&service.name));
            };
            let upstream_upgrade = hyper::upgrade::on(&mut response);
            let in_flight = lease.in_flight;
            tokio::spawn(tunnel::upgraded(
                client_upgrade,
                upstream_upgrade,
                in_flight,
            ));
            return Ok(response.map(|_| Content::Own(Full::default())));
        }
        Ok(response.map(|body| Content::Upstream {
            body,
            lease: Some(lease),
        }))
    }

    /// The service that a request is for, and the prefix to strip from its path.
    fn route(
        &self,
        request: &Request<Incoming>,
    ) -> Result<(Arc<Service>, Option<String>), Refusal> {
        let routing = self.shared.routing();
        let host = head::host(request);
        if let Entrance::Port(listen) = self.entrance {
            return match routing.port(listen) {
                Some((_, service)) => Ok((Arc::clone(service), None)),
                None => Err(Refusal::unknown_host(host, &routing)),
            };
        }
        let Some(rules) = routing.rules(host) else {
            return Err(Refusal::unknown_host(host, &routing));
        };
        let path = request.uri().path();
        let Some(rule) = longest_match(rules, path) else {
            return Err(Refusal::unknown_path(host, path, rules));
        };
        let strips = rule.strip_prefix && rule.path_prefix != "/";
        let prefix = strips.then(|| rule.path_prefix.clone());
        Ok((Arc::clone(&rule.service), prefix))
    }
}

/// Sends `request` until an instance begins to answer it.
async fn exchange(
    mut search: Search<'_>,
    mut request: Request<RequestBody>,
) -> Result<(Response<Incoming>, Lease), Refusal> {
    let repeatable = request.body().is_end_stream() && request.method().is_idempotent();
    let mut repeats = 0;
    loop {
        let in_flight = search.next().await?;
        let (mut sender, reused) = match in_flight.take_idle(repeatable) {
            Some(sender) => (sender, true),
            None => match open(&in_flight).await {
                Some(sender) => (sender, false),
                None => {
                    search.failed(in_flight).await?;
                    continue;
                }
            },
        };
        let copy = repeatable.then(|| head::repeat(&request));
        let mut failure = match sender.try_send_request(request).await {
            Ok(response) => return Ok((response, Lease { sender, in_flight })),
            Err(failure) => failure,
        };
        request = match (failure.take_message(), copy) {
            (Some(never_sent), _) => never_sent,
            (None, Some(copy)) if reused || repeats < MAX_REPEATS => copy,
            _ => return Err(Refusal::broken_off(search.service())),
        };
        // A reused connection may just have been closed for idleness: that says
        // nothing about the instance.
        if !reused {
            repeats += 1;
            search.failed(in_flight).await?;
        }
    }
}

/// A new connection to the instance; `None` if it takes none.
async fn open(in_flight: &InFlight) -> Option<SendRequest<RequestBody>> {
    let stream = connect(in_flight).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Its errors reach whoever waits for the response.
    tokio::spawn(connection.with_upgrades());
    Some(sender)
}

/// What a client reads; dropped when it was read.
pub(crate) struct ResponseBody {
    content: Content,
    proxy: Arc<Proxy>,
}

/// An instance's body, or a page of the edge's own.
enum Content {
    Own(Full<Bytes>),
    Upstream {
        body: Incoming,
        lease: Option<Lease>,
    },
}

impl Content {
    fn finish_if_read(&mut self) {
        if let Self::Upstream { body, lease } = self
            && body.is_end_stream()
            && let Some(lease) = lease.take()
        {
            lease.finish();
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let content = &mut self.content;
        let (body, lease) = match content {
            Content::Own(page) => {
                let frame = ready!(Pin::new(page).poll_frame(cx));
                return Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})));
            }
            Content::Upstream { body, lease } => (body, lease),
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => content.finish_if_read(),
            Some(Err(_)) => drop(lease.take()),
            None => {
                if let Some(lease) = lease.take() {
                    lease.finish();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Own(page) => page.is_end_stream(),
            Content::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Own(page) => page.size_hint(),
            Content::Upstream { body, .. } => body.size_hint(),
        }
    }
}

/// A response with no body is dropped unread.
impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.content.finish_if_read();
        self.proxy.activity.ended.fetch_add(1, Relaxed);
    }
}
