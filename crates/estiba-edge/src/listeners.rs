//! Listening, and sharing what is accepted among the workers.
//!
//! One task accepts on each address and hands the connection to the worker with
//! the fewest: `SO_REUSEPORT` would share by hash, leave a worker idle beside a
//! busy one, and let a second edge listen unnoticed on the same port.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt::{set_ip_freebind, set_ipv6_freebind};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::error::ChangeError;
use crate::worker::{Accepted, Worker};

/// Connections that the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;
/// How long to leave a listener that fails for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// Where a connection came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// The edge's HTTP address.
    Main,
    /// The service port that listens there.
    Port(SocketAddr),
}

/// The workers, and the places for connections among them.
pub(crate) struct Dispatcher {
    workers: Vec<Worker>,
    places: Arc<Semaphore>,
    max_connections: usize,
}

impl Dispatcher {
    pub(crate) fn new(workers: Vec<Worker>, max_connections: usize) -> Self {
        Self {
            workers,
            places: Arc::new(Semaphore::new(max_connections)),
            max_connections,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.max_connections - self.places.available_permits()
    }

    pub(crate) fn stop(&self) {
        for worker in &self.workers {
            worker.stop();
        }
    }

    /// Accepts for ever. When all places are taken, new connections wait in the
    /// kernel's queue.
    async fn accept(self: Arc<Self>, listener: TcpListener, entrance: Entrance) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            let accepted = listener.accept().await;
            match accepted.and_then(|(stream, peer)| Ok((stream.into_std()?, peer))) {
                Ok((stream, peer)) => {
                    let accepted = Accepted {
                        stream,
                        peer,
                        entrance,
                        place,
                    };
                    if let Some(idlest) = self.workers.iter().min_by_key(|w| w.open()) {
                        idlest.serve(accepted);
                    }
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(?entrance, %error, "cannot accept connections");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
}

fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}

/// A bound address that does not accept yet.
pub(crate) struct Bound(TcpListener);

impl Bound {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::listen(socket(address)?, address)
    }

    /// Also where the machine does not have the address yet: some engines give
    /// a network's to it as late as a container runs there.
    pub(crate) fn bind_ahead(address: SocketAddr) -> io::Result<Self> {
        let socket = socket(address)?;
        match address {
            SocketAddr::V4(_) => set_ip_freebind(&socket, true)?,
            SocketAddr::V6(_) => set_ipv6_freebind(&socket, true)?,
        }
        Self::listen(socket, address)
    }

    fn listen(socket: TcpSocket, address: SocketAddr) -> io::Result<Self> {
        // Connections of an edge that just ended do not keep the port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self(socket.listen(BACKLOG)?))
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    pub(crate) fn accept(self, dispatcher: &Arc<Dispatcher>, entrance: Entrance) -> Accepting {
        let accepting = Arc::clone(dispatcher).accept(self.0, entrance);
        Accepting(tokio::spawn(accepting))
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
}

/// An address that accepts, until this is closed or dropped.
pub(crate) struct Accepting(JoinHandle<()>);

impl Accepting {
    /// When it returns, the address is free.
    pub(crate) async fn close(mut self) {
        self.0.abort();
        // The error says that it was aborted.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The service ports that are open.
#[derive(Default)]
pub(crate) struct ServicePorts {
    open: HashMap<SocketAddr, Accepting>,
}

impl ServicePorts {
    pub(crate) fn is_open(&self, listen: SocketAddr) -> bool {
        self.open.contains_key(&listen)
    }

    /// Binds those of `wanted` that are not open, and accepts on none yet. One
    /// that fails is an error if `must` says so, and left out if not.
    pub(crate) fn bind_missing(
        &self,
        wanted: impl Iterator<Item = SocketAddr>,
        must: impl Fn(SocketAddr) -> bool,
    ) -> Result<Vec<(SocketAddr, Bound)>, ChangeError> {
        let mut bound = Vec::new();
        for listen in wanted.filter(|listen| !self.is_open(*listen)) {
            match Bound::bind_ahead(listen) {
                Ok(listener) => bound.push((listen, listener)),
                Err(error) if must(listen) => return Err(ChangeError::listen(listen, &error)),
                Err(error) => tracing::warn!(%listen, %error, "a service port stays closed"),
            }
        }
        Ok(bound)
    }

    pub(crate) fn open(&mut self, bound: Vec<(SocketAddr, Bound)>, dispatcher: &Arc<Dispatcher>) {
        for (listen, listener) in bound {
            let accepting = listener.accept(dispatcher, Entrance::Port(listen));
            self.open.insert(listen, accepting);
        }
    }

    /// Closes all but those that `keep` names; their connections go on.
    pub(crate) async fn close_others(&mut self, keep: impl Fn(SocketAddr) -> bool) {
        let others: Vec<SocketAddr> = self.open.keys().copied().filter(|l| !keep(*l)).collect();
        for listen in others {
            if let Some(accepting) = self.open.remove(&listen) {
                accepting.close().await;
            }
        }
    }
}
