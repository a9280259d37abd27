//! Names and connections.

use std::io;
use std::net::{IpAddr, SocketAddr};

use futures::future::select_ok;
use tokio::net::{TcpStream, UdpSocket, lookup_host};

use crate::{Fault, Stage};

/// The addresses of a host, by the resolver that programs have here.
pub(crate) async fn addresses(host: &str, port: u16) -> Result<Vec<IpAddr>, Fault> {
    let found = lookup_host((host, port)).await.map_err(|error| {
        let why = error.to_string();
        // What `getaddrinfo` tells comes as a text alone: EAI_AGAIN is that nobody answered.
        match why.contains("Temporary failure") || why.contains("Try again") {
            true => Fault::NameServerSilent { why },
            false => Fault::NoSuchName,
        }
    })?;
    let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(Fault::NoSuchName);
    }
    Ok(addresses)
}

/// A connection to the first of these addresses that takes one.
pub(crate) async fn connect(addresses: &[IpAddr], port: u16) -> Result<TcpStream, Fault> {
    let tries = addresses
        .iter()
        .map(|address| Box::pin(TcpStream::connect(SocketAddr::new(*address, port))));
    match select_ok(tries).await {
        Ok((stream, _)) => Ok(stream),
        Err(error) => Err(refused(&error)),
    }
}

/// The address that this machine has towards the first of these that it has a way
/// to. Nothing is sent: to connect a UDP socket only chooses one.
pub(crate) async fn source(addresses: &[IpAddr], port: u16) -> Option<IpAddr> {
    for address in addresses {
        let any = match address {
            IpAddr::V4(_) => "0.0.0.0:0",
            IpAddr::V6(_) => "[::]:0",
        };
        let Ok(socket) = UdpSocket::bind(any).await else {
            continue;
        };
        if socket
            .connect(SocketAddr::new(*address, port))
            .await
            .is_ok()
        {
            return socket.local_addr().ok().map(|local| local.ip());
        }
    }
    None
}

fn refused(error: &io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Fault::Refused,
        _ => Fault::Unreachable {
            why: error.to_string(),
        },
    }
}

/// A connection that ended early.
pub(crate) fn broken(stage: Stage, error: impl std::fmt::Display) -> Fault {
    Fault::Broken {
        stage,
        why: error.to_string(),
    }
}
