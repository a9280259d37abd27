//! Bytes copied both ways: service ports in TCP mode, and WebSockets.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use crate::routing::Service;
use crate::upstream::InFlight;
use crate::waiting::{Search, Shared};

/// Joins a client's connection with an instance's, each side's end of input
/// passed on by itself, until both have ended.
pub(crate) async fn tcp(
    mut client: TcpStream,
    shared: &Shared,
    lane: usize,
    service: Arc<Service>,
) {
    let mut search = Search::new(shared, lane, service);
    // With no instance within the bound there is nothing to say in an unknown
    // protocol: the connection is closed.
    let Ok((mut upstream, in_flight)) = search.connect().await else {
        return;
    };
    drop(search);
    // An error ends both connections, and each end sees that.
    let _ = copy_bidirectional(&mut client, &mut upstream).await;
    drop(in_flight);
}

/// Joins the connections of an HTTP request and response that were upgraded.
pub(crate) async fn upgraded(client: OnUpgrade, upstream: OnUpgrade, in_flight: InFlight) {
    if let Ok((client, upstream)) = tokio::try_join!(client, upstream) {
        let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
        let _ = copy_bidirectional(&mut client, &mut upstream).await;
    }
    drop(in_flight);
}
