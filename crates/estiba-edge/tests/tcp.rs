//! Service ports in TCP mode.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use estiba_edge::Upstream;
use support::{TestEdge, free_address, raw_server, tcp_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Answers with what it got, backwards, once the client has ended its side.
async fn reverser() -> Upstream {
    raw_server(|mut stream| async move {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        said.reverse();
        stream.write_all(&said).await.unwrap();
    })
    .await
}

async fn converse(address: std::net::SocketAddr, said: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_side_ends_by_itself() {
    let edge = TestEdge::start().await;
    let listen = free_address().await;
    let ports = [tcp_port(listen, "db")];
    edge.control.set_routes("test", &[], &ports).await.unwrap();
    let upstreams = [reverser().await];
    let set = edge.control.update_service("test", "db", &upstreams);
    set.await.unwrap();
    assert_eq!(converse(listen, "hello").await, "olleh");
}

#[tokio::test]
async fn a_connection_waits_for_an_instance() {
    let edge = TestEdge::start().await;
    let listen = free_address().await;
    let ports = [tcp_port(listen, "db")];
    edge.control.set_routes("test", &[], &ports).await.unwrap();
    let waiting = tokio::spawn(converse(listen, "early"));
    while edge.control.status().await.unwrap().waiting < 1 {
        tokio::task::yield_now().await;
    }
    let upstreams = [reverser().await];
    let set = edge.control.update_service("test", "db", &upstreams);
    set.await.unwrap();
    assert_eq!(waiting.await.unwrap(), "ylrae");
}

#[tokio::test]
async fn a_connection_outlives_its_instances_place_in_the_table() {
    let edge = TestEdge::start().await;
    let listen = free_address().await;
    let ports = [tcp_port(listen, "db")];
    edge.control.set_routes("test", &[], &ports).await.unwrap();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let old = Upstream::new("db-1", server.local_addr().unwrap());
    let upstreams = std::slice::from_ref(&old);
    let set = edge.control.update_service("test", "db", upstreams);
    set.await.unwrap();
    let mut client = TcpStream::connect(listen).await.unwrap();
    let (mut at_server, _) = server.accept().await.unwrap();

    edge.control.remove_owner("test").await.unwrap();
    assert!(TcpStream::connect(listen).await.is_err());
    let left = edge.control.drain(&old, std::time::Duration::ZERO).await;
    assert_eq!(left.unwrap(), 1);
    client.write_all(b"still").await.unwrap();
    let mut said = [0; 5];
    at_server.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"still");
}
