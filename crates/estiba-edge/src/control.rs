//! Changing what an edge does while it runs.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Mutex;

use crate::error::{ChangeError, EdgeError};
use crate::listeners::{Bound, Dispatcher, ServicePorts};
use crate::protocol::{Command, MAX_LINE_BYTES, Reply, Status, UpstreamStatus};
use crate::routing::Routing;
use crate::table::{Change, RouteTable, Upstream};
use crate::table_file;
use crate::upstream::UpstreamState;
use crate::waiting::Shared;

pub(crate) struct Control {
    pub(crate) shared: Arc<Shared>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) listen: SocketAddr,
    pub(crate) table_path: PathBuf,
    pub(crate) lanes: usize,
    /// Held through a whole change: changes come one after another.
    pub(crate) state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    table: RouteTable,
    /// Those of the table, and retired ones with something in flight.
    upstreams: HashMap<Upstream, Arc<UpstreamState>>,
    ports: ServicePorts,
}

impl Control {
    /// Puts the table that was on disk in force.
    pub(crate) async fn restore(&self, table: RouteTable) {
        let mut state = self.state.lock().await;
        let wanted = table.ports().map(|port| port.listen);
        // The other routes are worth more than a port that someone took: it
        // stays closed, and the status says so.
        let bound = state.ports.bind_missing(wanted, |_| false);
        self.install(&mut state, table, bound.unwrap_or_default())
            .await;
    }

    /// Accepts no more on any service port.
    pub(crate) async fn close_ports(&self) {
        self.state.lock().await.ports.close_others(|_| false).await;
    }

    /// When it returns, every request goes by the new table, which is on disk.
    async fn change(&self, change: Change) -> Result<u64, ChangeError> {
        let mut state = self.state.lock().await;
        let next = state.table.with(change)?;
        let is_new = |listen| !state.table.ports().any(|port| port.listen == listen);
        let wanted = next.ports().map(|port| port.listen);
        let bound = state.ports.bind_missing(wanted, is_new)?;
        if next.generation != state.table.generation {
            self.save(&next).await?;
        }
        let generation = next.generation;
        self.install(&mut state, next, bound).await;
        Ok(generation)
    }

    async fn save(&self, table: &RouteTable) -> Result<(), ChangeError> {
        let (path, table) = (self.table_path.clone(), table.clone());
        // Connections are accepted on this thread: the disk must not hold it.
        let saving = tokio::task::spawn_blocking(move || table_file::save(&path, &table));
        saving.await.unwrap_or_else(|error| {
            Err(ChangeError::NotSaved {
                path: self.table_path.clone(),
                detail: error.to_string(),
            })
        })
    }

    async fn install(&self, state: &mut State, table: RouteTable, bound: Vec<(SocketAddr, Bound)>) {
        let mut kept = HashMap::new();
        let routing = Routing::new(&table, |upstream| {
            let new = || Arc::new(UpstreamState::new(upstream.clone(), self.lanes));
            let before = state.upstreams.get(upstream).map(Arc::clone);
            let one = kept.entry(upstream.clone());
            let one = one.or_insert_with(|| before.unwrap_or_else(new));
            one.reinstate();
            Arc::clone(one)
        });
        self.shared.replace(routing);
        for (upstream, gone) in state.upstreams.drain() {
            if kept.contains_key(&upstream) {
                continue;
            }
            gone.retire();
            if gone.in_flight() > 0 {
                kept.insert(upstream, gone);
            }
        }
        state.upstreams = kept;
        state.ports.open(bound, &self.dispatcher);
        let wanted = |listen| table.ports().any(|port| port.listen == listen);
        state.ports.close_others(wanted).await;
        state.table = table;
    }

    /// Closes idle connections to upstreams and forgets retired upstreams.
    pub(crate) async fn sweep(&self) {
        let mut state = self.state.lock().await;
        state.upstreams.retain(|_, upstream| {
            upstream.sweep();
            !upstream.is_retired() || upstream.in_flight() > 0
        });
    }

    async fn status(&self) -> Status {
        let state = self.state.lock().await;
        let upstreams = state.upstreams.values().map(|state| UpstreamStatus {
            upstream: state.upstream.clone(),
            in_flight: state.in_flight(),
            retired: state.is_retired(),
        });
        let mut upstreams: Vec<_> = upstreams.collect();
        upstreams.sort_by(|a, b| a.upstream.cmp(&b.upstream));
        let ports = state.table.ports().map(|port| port.listen);
        Status {
            generation: state.table.generation,
            listen: self.listen,
            pid: std::process::id(),
            connections: self.dispatcher.connections(),
            waiting: self.shared.waiting(),
            closed_ports: ports.filter(|port| !state.ports.is_open(*port)).collect(),
            upstreams,
        }
    }

    async fn drain(&self, upstream: &Upstream, timeout: Duration) -> usize {
        let found = self.state.lock().await.upstreams.get(upstream).cloned();
        match found {
            Some(upstream) => upstream.drained(timeout).await,
            None => 0,
        }
    }

    async fn answer(&self, line: &str) -> Reply {
        match serde_json::from_str(line) {
            Ok(Command::Status) => Reply::Status(self.status().await),
            Ok(Command::Table) => Reply::Table(self.state.lock().await.table.clone()),
            Ok(Command::Change(change)) => match self.change(change).await {
                Ok(generation) => Reply::Changed { generation },
                Err(refused) => Reply::Refused(refused),
            },
            Ok(Command::Drain {
                upstream,
                timeout_ms,
            }) => {
                let timeout = Duration::from_millis(timeout_ms);
                Reply::InFlight(self.drain(&upstream, timeout).await)
            }
            Err(error) => Reply::Unreadable(error.to_string()),
        }
    }

    /// Answers one command and hangs up.
    pub(crate) async fn serve(&self, stream: UnixStream) -> io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        let mut bounded = (&mut stream).take(MAX_LINE_BYTES);
        bounded.read_line(&mut line).await?;
        let reply = self.answer(&line).await;
        let mut text = serde_json::to_vec(&reply)?;
        text.push(b'\n');
        stream.write_all(&text).await?;
        stream.shutdown().await
    }
}

/// The control socket, open to its owner alone; its file goes when dropped.
pub(crate) struct ControlSocket {
    pub(crate) listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    pub(crate) async fn bind(path: &Path) -> Result<Self, EdgeError> {
        if UnixStream::connect(path).await.is_ok() {
            return Err(EdgeError::AlreadyRunning {
                path: path.to_owned(),
            });
        }
        Self::replace(path).map_err(|source| EdgeError::ControlSocket {
            path: path.to_owned(),
            source,
        })
    }

    /// Made under another name, so that nobody finds it before its mode is set.
    fn replace(path: &Path) -> io::Result<Self> {
        let folder = table_file::parent(path);
        std::fs::create_dir_all(folder)?;
        let hidden = tempfile::Builder::new()
            .prefix(".e")
            .rand_bytes(4)
            .make_in(folder, |hidden| {
                let listener = UnixListener::bind(hidden)?;
                std::fs::set_permissions(hidden, Permissions::from_mode(0o600))?;
                Ok(listener)
            })?;
        let (listener, hidden) = hidden.into_parts();
        hidden.persist(path).map_err(|error| error.error)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
        })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Whoever finds it with nobody behind replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}
