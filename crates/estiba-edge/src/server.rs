//! The edge process: starts, serves, ends.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::control::{Control, ControlSocket, State};
use crate::error::EdgeError;
use crate::listeners::{Accepting, Bound, Dispatcher, Entrance};
use crate::table_file;
use crate::waiting::Shared;
use crate::worker::{Limits, Worker};

/// How often connections that nobody uses are looked for.
const SWEEP: Duration = Duration::from_secs(15);
/// File descriptors kept for what is not a client's connection.
const SPARE_FILES: u64 = 64;

/// How an edge runs. [`EdgeConfig::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct EdgeConfig {
    /// The HTTP address. Port 0 takes a free one: see [`Edge::local_addr`].
    pub listen: SocketAddr,
    /// The Unix socket for [`ControlClient`](crate::ControlClient), made with
    /// mode 0600. A path has at most 107 bytes.
    pub control_socket: PathBuf,
    /// The file that keeps the routes between runs.
    pub table_path: PathBuf,
    /// Threads that serve connections. Default: one a core.
    pub workers: NonZeroUsize,
    /// How long a request waits for an instance before it gets a 503. Default:
    /// 10 s.
    pub ready_wait: Duration,
    /// How long a client may take to send a request's head, or to say nothing
    /// between two requests; then its connection is closed. It may last up to
    /// twice as long after the first request. Default: 75 s.
    pub header_timeout: Duration,
    /// How long requests may go on after the edge is told to end. WebSockets
    /// and TCP connections are then cut. Default: 10 s.
    pub shutdown_grace: Duration,
    /// Client connections open at one time, also bounded by the files that the
    /// process may open; further ones wait to be accepted. Default: 10,000.
    pub max_connections: usize,
}

impl EdgeConfig {
    /// An edge with defaults for the rest.
    pub fn new(
        listen: SocketAddr,
        control_socket: impl Into<PathBuf>,
        table_path: impl Into<PathBuf>,
    ) -> Self {
        Self {
            listen,
            control_socket: control_socket.into(),
            table_path: table_path.into(),
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            ready_wait: Duration::from_secs(10),
            header_timeout: Duration::from_secs(75),
            shutdown_grace: Duration::from_secs(10),
            max_connections: 10_000,
        }
    }
}

/// An edge that listens, and answers once it is served.
pub struct Edge {
    control: Arc<Control>,
    socket: ControlSocket,
    main: Bound,
    threads: Vec<JoinHandle<()>>,
}

impl Edge {
    /// Runs an edge until SIGTERM or SIGINT, then lets requests in flight end.
    /// Blocks; makes its own threads. Raises the process's limit of open files
    /// as far as it goes.
    ///
    /// # Errors
    ///
    /// [`EdgeError`] if it cannot start; once it serves, it does not fail.
    pub fn run(config: EdgeConfig) -> Result<(), EdgeError> {
        raise_file_limit();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(EdgeError::Runtime)?;
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).map_err(EdgeError::Runtime)?;
            let mut interrupt = signal(SignalKind::interrupt()).map_err(EdgeError::Runtime)?;
            let edge = Self::bind(config).await?;
            let told = async move {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            edge.serve(told).await;
            Ok(())
        })
    }

    /// Reads the routes from disk, starts the workers and listens.
    ///
    /// # Errors
    ///
    /// [`EdgeError`] if the address is taken, another edge answers on the
    /// control socket, the socket cannot be made, or the routes cannot be read.
    pub async fn bind(config: EdgeConfig) -> Result<Self, EdgeError> {
        let table = table_file::load(&config.table_path)?;
        let not_listening = |source| EdgeError::Listen {
            address: config.listen,
            source,
        };
        let socket = ControlSocket::bind(&config.control_socket).await?;
        let main = Bound::bind(config.listen).map_err(not_listening)?;
        let listen = main.address().map_err(not_listening)?;

        let shared = Arc::new(Shared::new(config.ready_wait));
        let lanes = config.workers.get();
        let mut workers = Vec::with_capacity(lanes);
        let mut threads = Vec::with_capacity(lanes);
        for lane in 0..lanes {
            let limits = Limits {
                header_timeout: config.header_timeout,
                shutdown_grace: config.shutdown_grace,
            };
            let started = Worker::start(lane, Arc::clone(&shared), limits);
            let (worker, thread) = started.map_err(EdgeError::Runtime)?;
            workers.push(worker);
            threads.push(thread);
        }
        let max_connections = config.max_connections.min(files_for_connections());
        let control = Control {
            shared,
            dispatcher: Arc::new(Dispatcher::new(workers, max_connections)),
            listen,
            table_path: config.table_path,
            lanes,
            state: Mutex::new(State::default()),
        };
        control.restore(table).await;
        Ok(Self {
            control: Arc::new(control),
            socket,
            main,
            threads,
        })
    }

    /// The HTTP address that it listens on.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.control.listen
    }

    /// Serves until `told_to_end`, then lets requests in flight end within
    /// [`EdgeConfig::shutdown_grace`].
    pub async fn serve(self, told_to_end: impl Future<Output = ()>) {
        let Self {
            control,
            socket,
            main,
            threads,
        } = self;
        let main = main.accept(&control.dispatcher, Entrance::Main);
        tokio::select! {
            () = told_to_end => {}
            () = serve_control(&control, &socket) => {}
            () = sweep(&control) => {}
        }
        drop(socket);
        end(main, &control, threads).await;
    }
}

/// Accepts no more, and waits for the workers.
async fn end(main: Accepting, control: &Control, threads: Vec<JoinHandle<()>>) {
    main.close().await;
    control.close_ports().await;
    control.dispatcher.stop();
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            // A worker that panicked has said so.
            let _ = thread.join();
        }
    });
    let _ = joined.await;
}

async fn serve_control(control: &Arc<Control>, socket: &ControlSocket) {
    loop {
        match socket.listener.accept().await {
            Ok((stream, _)) => {
                let control = Arc::clone(control);
                tokio::spawn(async move {
                    if let Err(error) = control.serve(stream).await {
                        tracing::debug!(%error, "a control client went away");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept control connections");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn sweep(control: &Control) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        control.sweep().await;
    }
}

/// A request holds two files: the client's connection and the instance's.
fn files_for_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = files.saturating_sub(SPARE_FILES) / 2;
    usize::try_from(connections).unwrap_or(usize::MAX).max(1)
}

fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}
