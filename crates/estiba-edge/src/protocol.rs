//! What is said over the control socket: one JSON [`Command`] on a line, one
//! JSON [`Reply`] on a line, and the connection ends.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::error::ChangeError;
use crate::table::{Change, RouteTable, Upstream};

/// The longest command or reply, in bytes; a longer one ends the connection.
/// A table of 10,000 routes is about 2 MB.
pub(crate) const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    Status,
    Table,
    Change(Change),
    Drain { upstream: Upstream, timeout_ms: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Status(Status),
    Table(RouteTable),
    Changed { generation: u64 },
    Refused(ChangeError),
    InFlight(usize),
    Unreadable(String),
}

/// What an edge is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The generation of the table in force.
    pub generation: u64,
    /// The HTTP address.
    pub listen: SocketAddr,
    /// The edge's process.
    pub pid: u32,
    /// Connections open from clients, on all ports.
    pub connections: usize,
    /// Requests and connections that wait for an instance.
    pub waiting: usize,
    /// Service ports of the table that could not be opened when the edge
    /// started; each change tries them again.
    pub closed_ports: Vec<SocketAddr>,
    /// Every upstream of the table, and those taken out of it that still have
    /// requests in flight.
    pub upstreams: Vec<UpstreamStatus>,
}

/// What an upstream is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamStatus {
    /// Which one.
    pub upstream: Upstream,
    /// Requests, WebSockets and TCP connections that have not ended.
    pub in_flight: usize,
    /// Taken out of the table: gets nothing new.
    pub retired: bool,
}
