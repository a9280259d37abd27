//! A thread that serves its share of the connections.

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, interval_at};

use crate::head::Client;
use crate::listeners::Entrance;
use crate::proxy::{Activity, Proxy};
use crate::routing::Service;
use crate::table::PortMode;
use crate::tunnel;
use crate::waiting::Shared;

/// The longest head of a request, in bytes; a longer one is answered with 431.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// The most that is read ahead from a client, in bytes.
const MAX_BUFFER_BYTES: usize = 128 * 1024;
/// Futures live on the heap: little of the stack is ever used.
const STACK_BYTES: usize = 512 * 1024;

/// A client's connection, just accepted.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    pub(crate) entrance: Entrance,
    /// Its place among the connections that the edge may have open.
    pub(crate) place: OwnedSemaphorePermit,
}

enum Job {
    Serve(Accepted, Open),
    Stop,
}

/// Counts a connection as one of its worker's.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

pub(crate) struct Limits {
    pub(crate) header_timeout: Duration,
    pub(crate) shutdown_grace: Duration,
}

/// One worker, seen from outside. Its queue needs no bound of its own: each
/// connection in it holds a place.
pub(crate) struct Worker {
    jobs: mpsc::UnboundedSender<Job>,
    open: Arc<AtomicUsize>,
}

impl Worker {
    pub(crate) fn start(
        lane: usize,
        shared: Arc<Shared>,
        limits: Limits,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (jobs, received) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name(format!("edge-{lane}"))
            .stack_size(STACK_BYTES)
            .spawn(move || {
                runtime.block_on(serve(received, lane, shared, limits));
                // What is left are tunnels: they end here.
                runtime.shutdown_background();
            })?;
        let open = Arc::default();
        Ok((Self { jobs, open }, thread))
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    pub(crate) fn serve(&self, accepted: Accepted) {
        self.open.fetch_add(1, Relaxed);
        let job = Job::Serve(accepted, Open(Arc::clone(&self.open)));
        // A worker that has stopped lets go of the connection.
        let _ = self.jobs.send(job);
    }

    /// Serves what is open to its end, within the grace, and nothing new.
    pub(crate) fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
    }
}

async fn serve(
    mut jobs: mpsc::UnboundedReceiver<Job>,
    lane: usize,
    shared: Arc<Shared>,
    limits: Limits,
) {
    let mut http = http1::Builder::new();
    http.max_header_size(MAX_HEAD_BYTES)
        .max_buf_size(MAX_BUFFER_BYTES);
    // Each HTTP connection holds a receiver until it ends.
    let ending = watch::Sender::new(());
    while let Some(Job::Serve(accepted, open)) = jobs.recv().await {
        let connection = Connection {
            accepted,
            header_timeout: limits.header_timeout,
            lane,
            shared: Arc::clone(&shared),
        };
        let (http, ending) = (http.clone(), ending.subscribe());
        tokio::spawn(async move {
            connection.serve(&http, ending).await;
            drop(open);
        });
    }
    ending.send_replace(());
    // Whoever is not done by then is cut off.
    let _ = tokio::time::timeout(limits.shutdown_grace, ending.closed()).await;
}

struct Connection {
    accepted: Accepted,
    header_timeout: Duration,
    lane: usize,
    shared: Arc<Shared>,
}

impl Connection {
    async fn serve(self, http: &http1::Builder, mut ending: watch::Receiver<()>) {
        let Self {
            accepted,
            header_timeout,
            lane,
            shared,
        } = self;
        let Accepted {
            stream,
            peer,
            entrance,
            place,
        } = accepted;
        // It fails when the client is already gone.
        let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
            return;
        };
        let _ = stream.set_nodelay(true);
        if let Some(service) = tcp_service(&shared, entrance) {
            drop(ending);
            tunnel::tcp(stream, &shared, lane, service).await;
        } else {
            let proxy = Arc::new(Proxy {
                shared,
                lane,
                entrance,
                client: Client::new(peer),
                activity: Activity::default(),
            });
            let service = service_fn(|request| {
                let proxy = Arc::clone(&proxy);
                async move { Ok::<_, Infallible>(proxy.answer(request).await) }
            });
            let connection = http
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::pin!(connection);
            // One timer a connection, not one a request as hyper would have it:
            // each of those costs a system call to wake the thread's own poll.
            let mut checks = interval_at(Instant::now() + header_timeout, header_timeout);
            let mut idle_before = Some(0);
            let mut is_ending = false;
            loop {
                tokio::select! {
                    biased;
                    // hyper has answered what can be answered; the rest is a
                    // client that went away.
                    _ = connection.as_mut() => break,
                    _ = ending.changed(), if !is_ending => {
                        is_ending = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    _ = checks.tick() => {
                        let idle = proxy.activity.idle();
                        if idle.is_some() && idle == idle_before {
                            break;
                        }
                        idle_before = idle;
                    }
                }
            }
        }
        drop(place);
    }
}

/// The service of a port whose mode is TCP.
fn tcp_service(shared: &Shared, entrance: Entrance) -> Option<Arc<Service>> {
    let Entrance::Port(listen) = entrance else {
        return None;
    };
    match shared.routing().port(listen) {
        Some((PortMode::Tcp, service)) => Some(Arc::clone(service)),
        _ => None,
    }
}
