//! What changes in the heads of requests and responses on their way through.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use estiba_model::message;
use http::header::{
    CONNECTION, EXPECT, Entry, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::pages::Refusal;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// The body of a request to an upstream: the client's, or none.
pub(crate) struct RequestBody(Option<Incoming>);

impl RequestBody {
    pub(crate) const NONE: Self = Self(None);
}

impl From<Incoming> for RequestBody {
    fn from(body: Incoming) -> Self {
        Self((!body.is_end_stream()).then_some(body))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Some(body) => body.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

/// Who is at the other end of a client's connection.
pub(crate) struct Client {
    address: HeaderValue,
    /// On this machine: a proxy in front of the edge, whose `X-Forwarded-*` are
    /// kept. From anyone else they are made up, and replaced.
    trusted: bool,
}

impl Client {
    pub(crate) fn new(peer: SocketAddr) -> Self {
        let ip = peer.ip().to_canonical();
        let address = HeaderValue::from_str(&ip.to_string());
        Self {
            address: address.unwrap_or_else(|_| HeaderValue::from_static("unknown")),
            trusted: ip.is_loopback(),
        }
    }
}

/// Refuses what two servers could read in two ways
/// (<https://www.rfc-editor.org/rfc/rfc9112#section-11.2>). hyper has already
/// refused bad lengths, and lets `Transfer-Encoding` override `Content-Length`.
pub(crate) fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST).iter();
    let named = hosts.next().is_some() || request.version() < Version::HTTP_11;
    if !named || hosts.next().is_some() {
        return Err(Refusal::bad_request(message!(
            "A request must have one Host header.",
            "Una petición debe tener un encabezado Host."
        )));
    }
    if let Some(encodings) = several(headers, &TRANSFER_ENCODING)
        && !(encodings.1.is_none() && encodings.0.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Refusal::bad_request(message!(
            "The only Transfer-Encoding understood here is chunked.",
            "El único Transfer-Encoding que se entiende aquí es chunked."
        )));
    }
    if request.method() == Method::CONNECT {
        return Err(Refusal::bad_request(message!(
            "This is not a forward proxy: CONNECT does nothing here.",
            "Esto no es un proxy de salida: CONNECT no hace nada aquí."
        )));
    }
    Ok(())
}

fn several<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Option<(&'a HeaderValue, Option<&'a HeaderValue>)> {
    let mut values = headers.get_all(name).iter();
    Some((values.next()?, values.next()))
}

/// The host that a request is for, with no port.
pub(crate) fn host<B>(request: &Request<B>) -> &str {
    // A whole URL in the request line overrides Host.
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => match request.headers().get(HOST) {
            Some(host) => host.to_str().unwrap_or_default(),
            None => "",
        },
    };
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// Whether a message asks to speak another protocol on its connection.
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE)
        && connection_options(headers).any(|option| option.eq_ignore_ascii_case("upgrade"))
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

/// Removes what is said to the next hop alone
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1>).
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap, upgrade: bool) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = connection_options(headers)
            .filter(|option| !option.eq_ignore_ascii_case("close"))
            .filter(|option| !option.eq_ignore_ascii_case("upgrade"))
            .filter_map(|option| option.parse().ok())
            .filter(|name| *name != HOST)
            .collect();
        for name in named {
            headers.remove(name);
        }
        headers.remove(CONNECTION);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    if upgrade {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
}

/// Makes a client's head what the upstream gets. `prefix` is the part of the
/// path to strip.
pub(crate) fn to_upstream(
    head: &mut Parts,
    client: &Client,
    prefix: Option<&str>,
    upgrade: bool,
) -> Result<(), Refusal> {
    if head.uri.authority().is_some() {
        let authority = head.uri.authority().map(|a| a.as_str().to_owned());
        let host = authority.and_then(|a| HeaderValue::from_maybe_shared(Bytes::from(a)).ok());
        if let Some(host) = host {
            head.headers.insert(HOST, host);
        }
        head.uri = origin_form(&head.uri, head.uri.path())?;
    }
    if let Some(prefix) = prefix
        && let Some(rest) = head.uri.path().strip_prefix(prefix)
    {
        head.uri = origin_form(&head.uri, rest)?;
    }
    head.version = Version::HTTP_11;
    let headers = &mut head.headers;
    remove_hop_by_hop(headers, upgrade);
    headers.remove(PROXY_AUTHORIZATION);
    // hyper answers it when the upstream's connection begins to read the body.
    headers.remove(EXPECT);
    add_forwarded(headers, client);
    if let Some(prefix) = prefix
        && let Ok(prefix) = HeaderValue::from_str(prefix)
    {
        headers.insert(FORWARDED_PREFIX, prefix);
    }
    Ok(())
}

fn add_forwarded(headers: &mut HeaderMap, client: &Client) {
    if !client.trusted {
        for name in [
            FORWARDED_FOR,
            FORWARDED_HOST,
            FORWARDED_PROTO,
            FORWARDED_PREFIX,
        ] {
            headers.remove(name);
        }
    }
    let hops = match headers.contains_key(FORWARDED_FOR) {
        true => joined(
            headers
                .get_all(FORWARDED_FOR)
                .iter()
                .chain([&client.address]),
        ),
        false => None,
    };
    headers.insert(
        FORWARDED_FOR,
        hops.unwrap_or_else(|| client.address.clone()),
    );
    if let Entry::Vacant(proto) = headers.entry(FORWARDED_PROTO) {
        proto.insert(HeaderValue::from_static("http"));
    }
    if let Some(host) = headers.get(HOST).cloned()
        && let Entry::Vacant(forwarded) = headers.entry(FORWARDED_HOST)
    {
        forwarded.insert(host);
    }
}

fn joined<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Option<HeaderValue> {
    let values: Vec<&[u8]> = values.map(HeaderValue::as_bytes).collect();
    HeaderValue::from_maybe_shared(Bytes::from(values.join(&b", "[..]))).ok()
}

/// `path` with the query of `uri`, and no authority.
fn origin_form(uri: &Uri, path: &str) -> Result<Uri, Refusal> {
    let slash = if path.starts_with('/') { "" } else { "/" };
    let target = match uri.query() {
        Some(query) => format!("{slash}{path}?{query}"),
        None => format!("{slash}{path}"),
    };
    match PathAndQuery::from_maybe_shared(Bytes::from(target)) {
        Ok(target) => Ok(Uri::from(target)),
        Err(error) => Err(Refusal::bad_request(message!(
            "The path cannot be read: {error}.",
            "No se puede leer la ruta: {error}."
        ))),
    }
}

/// Makes an upstream's head what the client gets.
pub(crate) fn to_client<B>(response: &mut http::Response<B>, upgrade: bool) {
    *response.version_mut() = Version::HTTP_11;
    let headers = response.headers_mut();
    remove_hop_by_hop(headers, upgrade);
    headers.remove(PROXY_AUTHENTICATE);
}

/// The same request again; only for one with no body.
pub(crate) fn repeat(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::NONE);
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}
