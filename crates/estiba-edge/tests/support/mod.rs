//! A real edge, real instances behind it and real clients in front of it.
#![allow(dead_code, reason = "each test file uses a part")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use estiba_edge::{
    ControlClient, Edge, EdgeConfig, EdgeError, HttpRoute, PortMode, ServicePort, Upstream,
};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

pub type Body = BoxBody<Bytes, Infallible>;

pub fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).boxed()
}

pub struct TestEdge {
    pub address: SocketAddr,
    pub control: ControlClient,
    pub folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

pub fn config(folder: &TempDir) -> EdgeConfig {
    let mut config = EdgeConfig::new(
        ([127, 0, 0, 1], 0).into(),
        folder.path().join("edge.sock"),
        folder.path().join("routes.json"),
    );
    config.shutdown_grace = Duration::from_secs(2);
    config
}

impl TestEdge {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(adjust: impl FnOnce(&mut EdgeConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, adjust).await.unwrap()
    }

    pub async fn start_in(
        folder: TempDir,
        adjust: impl FnOnce(&mut EdgeConfig),
    ) -> Result<Self, EdgeError> {
        let mut config = config(&folder);
        adjust(&mut config);
        let control = ControlClient::new(&config.control_socket);
        let edge = Edge::bind(config).await?;
        let address = edge.local_addr();
        let (stop, told) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            edge.serve(async move {
                let _ = told.await;
            })
            .await;
        });
        Ok(Self {
            address,
            control,
            folder,
            stop: Some(stop),
            serving,
        })
    }

    /// Ends the edge as a signal does; what it kept on disk.
    pub async fn stop(mut self) -> TempDir {
        self.stop.take().unwrap().send(()).unwrap();
        self.serving.await.unwrap();
        self.folder
    }

    pub fn table_path(&self) -> PathBuf {
        self.folder.path().join("routes.json")
    }

    /// `http://app.localhost/` goes to `upstreams`.
    pub async fn route_app(&self, upstreams: &[Upstream]) {
        let routes = [route("app.localhost", "/", "app")];
        self.control.set_routes("test", &routes, &[]).await.unwrap();
        self.set_app(upstreams).await;
    }

    pub async fn set_app(&self, upstreams: &[Upstream]) {
        let set = self.control.update_service("test", "app", upstreams);
        set.await.unwrap();
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.address).await
    }

    /// Sends bytes as they are, and reads until the edge hangs up.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

pub fn route(host: &str, path_prefix: &str, service: &str) -> HttpRoute {
    HttpRoute {
        host: host.into(),
        path_prefix: path_prefix.into(),
        strip_prefix: false,
        service: service.into(),
    }
}

pub fn tcp_port(listen: SocketAddr, service: &str) -> ServicePort {
    ServicePort {
        listen,
        service: service.into(),
        mode: PortMode::Tcp,
    }
}

/// A loopback address that was free a moment ago.
pub async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// One connection of a client, kept alive.
pub struct Client(pub SendRequest<Body>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.unwrap();
        tokio::spawn(connection.with_upgrades());
        Self(sender)
    }

    pub async fn send(&mut self, request: Request<Body>) -> hyper::Result<Response<Incoming>> {
        self.0.ready().await?;
        self.0.send_request(request).await
    }

    /// Status and text of `http://app.localhost` + `path`.
    pub async fn get(&mut self, path: &str) -> hyper::Result<(u16, String)> {
        let response = self.send(get("app.localhost", path)).await?;
        let status = response.status().as_u16();
        Ok((status, text(response).await?))
    }
}

pub fn get(host: &str, path: &str) -> Request<Body> {
    let request = Request::get(path).header("host", host);
    request.body(full("")).unwrap()
}

pub async fn text(response: Response<Incoming>) -> hyper::Result<String> {
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.into()).unwrap())
}

/// An HTTP server; dropped, it dies at once with all its connections.
pub struct Instance {
    pub upstream: Upstream,
    serving: JoinHandle<()>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Instance {
    /// Answers every request with its own name.
    pub async fn named(name: &str) -> Self {
        let own = name.to_owned();
        Self::start(name, free_address().await, move |_| {
            let answer = own.clone();
            async move { Response::new(full(answer)) }
        })
        .await
    }

    pub async fn with<F, R>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send,
    {
        Self::start("app-1", free_address().await, answer).await
    }

    pub async fn start<F, R>(name: &str, address: SocketAddr, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Response<Body>> + Send,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let upstream = Upstream::new(name, listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answer.clone();
                let service = service_fn(move |request| {
                    let answer = answer(request);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                let http = hyper::server::conn::http1::Builder::new();
                let connection = http.serve_connection(TokioIo::new(stream), service);
                connections.spawn(connection.with_upgrades());
            }
        });
        Self { upstream, serving }
    }
}

/// A server that handles each connection by itself.
pub async fn raw_server<F, R>(handle: F) -> Upstream
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = Upstream::new("app-1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handle(stream));
        }
    });
    upstream
}

/// Reads a request's head off a connection; `None` at its end.
pub async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}
