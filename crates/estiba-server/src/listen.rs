//! Listens, until it is told to stop, and lets go gently.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use estiba_engine::Engine;
use estiba_model::{Message, message};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::metrics::Metrics;
use crate::router::router;
use crate::state::{App, Options};
use crate::{logs, watch, work};

/// A client that takes longer to say what it wants is given up.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// More people and programs than are served at a time.
const MOST_CONNECTIONS: usize = 2048;

/// The server can't begin.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServeError(pub(crate) Message);

impl ServeError {
    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }
}

/// Answers on `listener` until `stop` is cancelled; then requests that are being
/// answered end, and deployments that are going on too, each within the grace of
/// the options. What does not end in time is taken up by whoever comes next.
///
/// # Errors
/// When this process has a server already, and when the folder of logs can't be used.
/// One that another process has is waited for.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    options: Options,
    stop: CancellationToken,
) -> Result<(), ServeError> {
    let metrics = Metrics::install().map_err(|error| {
        ServeError(message!(
            "the server can't count: {error}",
            "el servidor no puede contar: {error}"
        ))
    })?;
    let grace = options.grace;
    let app = App::new(engine, options, metrics);
    app.logs.open().await?;
    let tasks = TaskTracker::new();
    let hub = Arc::clone(&app.hub);
    let telling = tokio::spawn(async move { hub.run().await });
    let working = tokio::spawn(work::run(app.clone(), tasks.clone()));
    let watching = tokio::spawn(watch::run(app.clone()));
    let logging = tokio::spawn(logs::run(app.clone()));

    let router = router(&app);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        // Those who come when all places are taken wait to be let in.
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = stop.cancelled() => break,
        };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => connection(&router, stream, from, &connections, place),
                Err(error) => {
                    // Too many open files, mostly: some will be closed.
                    tracing::warn!(%error, "no connection can be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            () = stop.cancelled() => break,
        }
    }
    drop(listener);
    working.abort();
    watching.abort();
    logging.abort();
    app.ending.cancel();
    tasks.close();
    let ended = async {
        connections.shutdown().await;
        tasks.wait().await;
        app.logs.close().await;
    };
    if tokio::time::timeout(grace, ended).await.is_err() {
        tracing::warn!("not everything ended in time");
    }
    telling.abort();
    Ok(())
}

fn connection(
    router: &Router,
    stream: tokio::net::TcpStream,
    from: SocketAddr,
    connections: &GracefulShutdown,
    place: Result<OwnedSemaphorePermit, AcquireError>,
) {
    // Small answers are not to wait for more.
    let _ = stream.set_nodelay(true);
    let router = router.clone();
    let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(from));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), service);
    let serving = connections.watch(serving);
    tokio::spawn(async move {
        // A client that hangs up is no error of ours.
        let _ = serving.await;
        drop(place);
    });
}
