//! The addresses of this machine.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// The address by which this machine goes out; its loopback where it can't.
/// Choosing it sends nothing.
#[must_use]
pub fn on_default_route() -> IpAddr {
    let chosen = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // Any address that is not this machine's own; this one is for documents.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    let chosen = chosen().filter(|address| !address.is_unspecified());
    chosen.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}
