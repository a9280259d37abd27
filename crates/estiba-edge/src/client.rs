//! Talking to the edge of this machine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use estiba_model::{Message, message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::error::ChangeError;
use crate::protocol::{Command, MAX_LINE_BYTES, Reply, Status};
use crate::table::{Change, HttpRoute, RouteTable, ServicePort, Upstream};

/// How long an edge may take to answer, over what a drain is given.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Changes the routes of a running edge.
///
/// A change is one step for every request, is on disk when its call returns,
/// and makes nothing if it changes nothing. Calls for different owners never
/// undo one another, whatever their order. Each call uses a connection of its
/// own, so clones can be used at once.
#[derive(Debug, Clone)]
pub struct ControlClient {
    socket: PathBuf,
}

impl ControlClient {
    /// The edge whose control socket is `socket`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// Whether the edge answers.
    ///
    /// # Errors
    ///
    /// [`ControlError`]; [`ControlError::NotRunning`] if there is no edge.
    pub async fn ping(&self) -> Result<(), ControlError> {
        self.status().await.map(drop)
    }

    /// What the edge is doing.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the edge does not answer.
    pub async fn status(&self) -> Result<Status, ControlError> {
        match self.ask(&Command::Status, ANSWER_TIMEOUT).await? {
            Reply::Status(status) => Ok(status),
            other => Err(self.unexpected(&other)),
        }
    }

    /// The table in force.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the edge does not answer.
    pub async fn table(&self) -> Result<RouteTable, ControlError> {
        match self.ask(&Command::Table, ANSWER_TIMEOUT).await? {
            Reply::Table(table) => Ok(table),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Replaces the whole table; the new generation. The table must be made
    /// from the one in force: its generation says which it was made from.
    ///
    /// # Errors
    ///
    /// [`ControlError::Refused`], with the old table in force;
    /// [`ChangeError::Stale`] if someone else changed the table meanwhile.
    pub async fn apply(&self, table: &RouteTable) -> Result<u64, ControlError> {
        self.change(Change::Replace(table.clone())).await
    }

    /// Sets the routes and service ports of `owner`, and leaves its services'
    /// upstreams alone; the new generation.
    ///
    /// # Errors
    ///
    /// [`ControlError::Refused`], with the old routes in force, if a route is
    /// not valid, another owner has it, or a port cannot be opened.
    pub async fn set_routes(
        &self,
        owner: &str,
        http: &[HttpRoute],
        ports: &[ServicePort],
    ) -> Result<u64, ControlError> {
        self.change(Change::SetRoutes {
            owner: owner.to_owned(),
            http: http.to_vec(),
            ports: ports.to_vec(),
        })
        .await
    }

    /// Sets who answers for a service of `owner`; the new generation. When it
    /// returns, no request goes to an upstream that was left out, and those in
    /// flight go on: see [`ControlClient::drain`]. With none, requests wait.
    ///
    /// # Errors
    ///
    /// [`ControlError::Refused`], with the old upstreams in force.
    pub async fn update_service(
        &self,
        owner: &str,
        service: &str,
        upstreams: &[Upstream],
    ) -> Result<u64, ControlError> {
        self.change(Change::SetUpstreams {
            owner: owner.to_owned(),
            service: service.to_owned(),
            upstreams: upstreams.to_vec(),
        })
        .await
    }

    /// Removes all that `owner` has; the new generation. Removing one that is
    /// not there changes nothing.
    ///
    /// # Errors
    ///
    /// [`ControlError::Refused`] if the table cannot be saved.
    pub async fn remove_owner(&self, owner: &str) -> Result<u64, ControlError> {
        self.change(Change::RemoveOwner {
            owner: owner.to_owned(),
        })
        .await
    }

    /// Waits until nothing is in flight at `upstream`, at most `at_most`; how
    /// many requests and connections are left. 0 for one that is unknown.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the edge does not answer.
    pub async fn drain(
        &self,
        upstream: &Upstream,
        at_most: Duration,
    ) -> Result<usize, ControlError> {
        let command = Command::Drain {
            upstream: upstream.clone(),
            timeout_ms: u64::try_from(at_most.as_millis()).unwrap_or(u64::MAX),
        };
        let answer_timeout = at_most.saturating_add(ANSWER_TIMEOUT);
        match self.ask(&command, answer_timeout).await? {
            Reply::InFlight(left) => Ok(left),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn change(&self, change: Change) -> Result<u64, ControlError> {
        let command = Command::Change(change);
        match self.ask(&command, ANSWER_TIMEOUT).await? {
            Reply::Changed { generation } => Ok(generation),
            other => Err(self.unexpected(&other)),
        }
    }

    async fn ask(&self, command: &Command, at_most: Duration) -> Result<Reply, ControlError> {
        let reply = match timeout(at_most, self.exchange(command)).await {
            Ok(reply) => reply?,
            Err(_) => return Err(self.failed(io::ErrorKind::TimedOut.into())),
        };
        match reply {
            Reply::Refused(refused) => Err(ControlError::Refused(refused)),
            reply => Ok(reply),
        }
    }

    async fn exchange(&self, command: &Command) -> Result<Reply, ControlError> {
        let connected = UnixStream::connect(&self.socket).await;
        let mut stream = connected.map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ControlError::NotRunning {
                    socket: self.socket.clone(),
                }
            }
            _ => self.failed(source),
        })?;
        let failed = |source| self.failed(source);
        let mut line = serde_json::to_vec(command).map_err(|e| failed(e.into()))?;
        line.push(b'\n');
        stream.write_all(&line).await.map_err(failed)?;
        let mut text = Vec::new();
        let mut bounded = stream.take(MAX_LINE_BYTES);
        bounded.read_to_end(&mut text).await.map_err(failed)?;
        serde_json::from_slice(&text).map_err(|error| ControlError::Protocol {
            socket: self.socket.clone(),
            detail: error.to_string(),
        })
    }

    fn failed(&self, source: io::Error) -> ControlError {
        ControlError::Failed {
            socket: self.socket.clone(),
            source,
        }
    }

    fn unexpected(&self, reply: &Reply) -> ControlError {
        ControlError::Protocol {
            socket: self.socket.clone(),
            detail: format!("{reply:?}"),
        }
    }
}

/// Why an edge did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum ControlError {
    /// No edge is behind the socket.
    NotRunning {
        /// The control socket.
        socket: PathBuf,
    },
    /// The edge refused a change; the routes are as they were.
    Refused(ChangeError),
    /// The connection to the edge failed, or its answer did not come.
    Failed {
        /// The control socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The edge speaks another version of the protocol.
    Protocol {
        /// The control socket.
        socket: PathBuf,
        /// What is wrong with its answer.
        detail: String,
    },
}

impl ControlError {
    /// The error for people: what, where, and what to do next.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::NotRunning { socket } => message!(
                "no edge runs behind {socket}: start it and try again",
                "no hay un edge detrás de {socket}: inícielo e intente de nuevo",
                socket = socket.display()
            ),
            Self::Refused(refused) => refused.message(),
            Self::Failed { socket, source } => message!(
                "the edge behind {socket} did not answer: {source}; try again, and restart it if that does not help",
                "el edge detrás de {socket} no respondió: {source}; intente de nuevo y, si no ayuda, reinícielo",
                socket = socket.display()
            ),
            Self::Protocol { socket, detail } => message!(
                "the edge behind {socket} is of another version ({detail}): restart it",
                "el edge detrás de {socket} es de otra versión ({detail}): reinícielo",
                socket = socket.display()
            ),
        }
    }
}
