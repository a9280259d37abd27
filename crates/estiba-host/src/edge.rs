//! The edge of this machine: a background process that routes to instances.

use std::ffi::OsString;
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use estiba_edge::{ControlClient, ControlError, Edge, EdgeConfig, EdgeError};
use estiba_model::Message;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::background::{Started, leave_session, let_go_of_parent, start, tell};
use crate::directory::make_private;
use crate::error::HostError;
use crate::lock;
use crate::process::Process;

/// First argument of the program when it is to be the edge.
pub const ROLE: &str = "local-edge";
/// Ports to choose from when the project names none.
const PORTS: std::ops::RangeInclusive<u16> = 8080..=8099;
/// Time for an edge that somebody else is starting, or that is told to end.
const LIMIT: Duration = Duration::from_secs(15);
const MAX_REQUEST_BYTES: u64 = 64 << 10;

/// The directory of the edge.
#[derive(Debug, Clone)]
pub struct EdgeDir(pub PathBuf);

impl EdgeDir {
    /// Where it is controlled.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Its routes.
    #[must_use]
    pub fn table(&self) -> PathBuf {
        self.0.join("routes.json")
    }

    /// Held while it runs.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// The port that it last listened on.
    #[must_use]
    pub fn port(&self) -> PathBuf {
        self.0.join("port")
    }

    /// What it has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("edge.log")
    }
}

/// What the edge is told.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    directory: PathBuf,
    /// The port to listen on; any of [`PORTS`] where there is none.
    port: Option<u16>,
}

/// A client of the edge, which is started if it does not run.
///
/// # Errors
/// When it can't be started, or does not answer.
pub async fn ensure(
    place: &EdgeDir,
    program: &Path,
    port: Option<u16>,
) -> Result<ControlClient, HostError> {
    let client = ControlClient::new(place.socket());
    match client.status().await {
        Ok(status) if port.is_none_or(|port| port == status.listen.port()) => return Ok(client),
        Ok(_) => end(place).await?,
        Err(ControlError::NotRunning { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    make_private(&place.0)?;
    let request = Request {
        directory: place.0.clone(),
        port,
    };
    let input = serde_json::to_vec(&request).map_err(|error| HostError::Damaged {
        path: place.0.clone(),
        detail: error.to_string(),
    })?;
    match start(program, ROLE, &[&place.0], &input, &place.log()).await? {
        Started::Runs => {}
        Started::AlreadyRuns => until_it_answers(&client).await?,
        Started::Failed(message) => return Err(HostError::Told(message)),
    }
    Ok(client)
}

/// The port that the edge listens on, or did when it last ran.
#[must_use]
pub fn port(place: &EdgeDir) -> Option<u16> {
    fs::read_to_string(place.port()).ok()?.trim().parse().ok()
}

async fn until_it_answers(client: &ControlClient) -> Result<(), HostError> {
    let deadline = Instant::now() + LIMIT;
    let mut pause = Duration::from_millis(2);
    loop {
        match client.ping().await {
            Err(ControlError::NotRunning { .. }) if Instant::now() < deadline => {
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(100));
            }
            other => return Ok(other?),
        }
    }
}

/// Ends the edge where it has nothing left to route.
///
/// # Errors
/// When it does not answer, or can't be ended.
pub async fn end_if_unused(place: &EdgeDir) -> Result<(), HostError> {
    match ControlClient::new(place.socket()).table().await {
        Ok(table) if table.owners.is_empty() => end(place).await,
        Ok(_) | Err(ControlError::NotRunning { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Ends the edge.
async fn end(place: &EdgeDir) -> Result<(), HostError> {
    let path = place.lock();
    let Some(holder) = lock::holder(&path).map_err(HostError::at(&path))? else {
        return Ok(());
    };
    let system = HostError::system;
    let process = Process::open(holder.pid).map_err(system("the edge's process"))?;
    process
        .signal(Signal::TERM)
        .map_err(system("a signal to the edge"))?;
    let ended = process.ended_within(LIMIT).await;
    if !ended.map_err(system("the edge's process"))? {
        process
            .signal(Signal::KILL)
            .map_err(system("a signal to the edge"))?;
    }
    Ok(())
}

/// Plays the role.
#[must_use]
pub fn run(_: &[OsString]) -> ExitCode {
    leave_session();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&Started::Failed(error.message()));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), HostError> {
    let mut text = Vec::new();
    std::io::stdin()
        .take(MAX_REQUEST_BYTES)
        .read_to_end(&mut text)
        .map_err(HostError::system("standard input"))?;
    let request: Request = serde_json::from_slice(&text)
        .map_err(|error| HostError::Told(Message::verbatim(error.to_string())))?;
    let place = EdgeDir(request.directory);
    let path = place.lock();
    let Some(_lock) = lock::hold(&path).map_err(HostError::at(&path))? else {
        tell(&Started::AlreadyRuns);
        return Ok(());
    };
    raise_file_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HostError::system("an event loop"))?;
    runtime.block_on(async {
        let signals = HostError::system("signals");
        let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
        let edge = bind(&place, request.port).await?;
        let port = edge.local_addr().port();
        fs::write(place.port(), port.to_string()).map_err(HostError::at(&place.port()))?;
        tell(&Started::Runs);
        let_go_of_parent();
        edge.serve(async move {
            terminate.recv().await;
        })
        .await;
        Ok(())
    })
}

/// Listens on the port that was asked for, or on the one of last time, or on
/// the first that is free.
async fn bind(place: &EdgeDir, wanted: Option<u16>) -> Result<Edge, HostError> {
    let candidates: Vec<u16> = match wanted {
        Some(port) => vec![port],
        None => port(place).into_iter().chain(PORTS).collect(),
    };
    let mut refused = None;
    for port in candidates {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config = EdgeConfig::new(listen, place.socket(), place.table());
        match Edge::bind(config).await {
            Ok(edge) => return Ok(edge),
            Err(error @ EdgeError::Listen { .. }) => refused = Some(error),
            Err(error) => return Err(HostError::Told(error.message())),
        }
    }
    Err(match refused {
        Some(error) => HostError::Told(error.message()),
        None => HostError::NoPort {
            first: *PORTS.start(),
            last: *PORTS.end(),
        },
    })
}

/// Each connection needs two files; a refusal leaves fewer connections.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
