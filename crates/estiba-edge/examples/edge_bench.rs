//! The two ends of a measurement, each a process of its own, so that the edge
//! and other proxies stand in front of the same backend:
//!
//! ```text
//! edge_bench backend PORT            a tiny HTTP server
//! edge_bench edge PORT BACKEND_PORT  an edge in front of it, for host localhost
//! ```
//!
//! `benches/edge.sh` at the root of the repository drives it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use bytes::Bytes;
use estiba_edge::{ControlClient, Edge, EdgeConfig, HttpRoute, Upstream};
use http_body_util::Full;
use hyper::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["backend", port] => backend(local(port)?),
        ["edge", port, backend] => edge(local(port)?, local(backend)?),
        _ => Err("usage: edge_bench backend PORT | edge PORT BACKEND_PORT".into()),
    }
}

fn local(port: &str) -> Result<SocketAddr, Box<dyn Error>> {
    Ok(([127, 0, 0, 1], port.parse()?).into())
}

fn backend(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(async |_| {
                let hello = Full::new(Bytes::from_static(b"hello, world\n"));
                Ok::<_, Infallible>(Response::new(hello))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

fn edge(address: SocketAddr, backend: SocketAddr) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("edge.sock");
    let config = EdgeConfig::new(address, &socket, folder.path().join("routes.json"));
    let edge = std::thread::spawn(|| Edge::run(config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let control = ControlClient::new(socket);
        while control.ping().await.is_err() && !edge.is_finished() {
            tokio::task::yield_now().await;
        }
        let route = HttpRoute {
            host: "localhost".into(),
            path_prefix: "/".into(),
            strip_prefix: false,
            service: "backend".into(),
        };
        control.set_routes("bench", &[route], &[]).await?;
        let upstream = Upstream::new("backend-1", backend);
        control
            .update_service("bench", "backend", &[upstream])
            .await
    })?;
    match edge.join() {
        Ok(ended) => Ok(ended?),
        Err(_) => Err("the edge panicked".into()),
    }
}
