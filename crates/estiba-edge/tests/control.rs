//! Changes of the routes, and what refuses them.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::os::unix::fs::PermissionsExt;

use estiba_edge::{ChangeError, ControlError, Edge, EdgeError, RouteTable};
use estiba_model::Lang;
use support::{Instance, TestEdge, config, free_address, get, route, tcp_port, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

fn refused(result: Result<u64, ControlError>) -> ChangeError {
    match result {
        Err(ControlError::Refused(refused)) => refused,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_restart_keeps_the_routes() {
    let edge = TestEdge::start().await;
    let instance = Instance::named("kept").await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let before = edge.control.table().await.unwrap();
    let folder = edge.stop().await;

    let edge = TestEdge::start_in(folder, |_| {}).await.unwrap();
    assert_eq!(edge.control.table().await.unwrap(), before);
    let answer = edge.client().await.get("/").await.unwrap();
    assert_eq!(answer, (200, "kept".into()));
}

#[tokio::test]
async fn a_taken_port_is_named_and_nothing_changes() {
    let edge = TestEdge::start().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = other.local_addr().unwrap();
    let free = free_address().await;
    let before = edge.control.table().await.unwrap();

    let ports = [tcp_port(free, "db"), tcp_port(taken, "db")];
    let error = refused(edge.control.set_routes("test", &[], &ports).await);
    assert_eq!(error, ChangeError::PortInUse { listen: taken });
    let spanish = error.message();
    assert!(spanish.text(Lang::Es).contains(&taken.to_string()));
    assert_eq!(edge.control.table().await.unwrap(), before);
    // The other port was let go of.
    TcpListener::bind(free).await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_no_longer_wanted_is_free_when_the_change_is_answered() {
    let edge = TestEdge::start().await;
    let listen = free_address().await;
    let ports = [tcp_port(listen, "db")];
    edge.control.set_routes("test", &[], &ports).await.unwrap();
    assert!(TcpListener::bind(listen).await.is_err());
    edge.control.remove_owner("test").await.unwrap();
    TcpListener::bind(listen).await.unwrap();
}

#[tokio::test]
async fn a_port_taken_while_the_edge_was_down_closes_no_other_route() {
    let edge = TestEdge::start().await;
    let instance = Instance::named("kept").await;
    let listen = free_address().await;
    let ports = [tcp_port(listen, "app")];
    edge.control.set_routes("db", &[], &ports).await.unwrap();
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let folder = edge.stop().await;

    let thief = TcpListener::bind(listen).await.unwrap();
    let edge = TestEdge::start_in(folder, |_| {}).await.unwrap();
    let status = edge.control.status().await.unwrap();
    assert_eq!(status.closed_ports, [listen]);
    assert_eq!(edge.client().await.get("/").await.unwrap().0, 200);

    drop(thief);
    edge.set_app(&[]).await;
    let status = edge.control.status().await.unwrap();
    assert!(status.closed_ports.is_empty());
}

#[tokio::test]
async fn owners_do_not_clash() {
    let edge = TestEdge::start().await;
    let control = &edge.control;
    let (a, b) = (Instance::named("a").await, Instance::named("b").await);
    for (owner, instance) in [("a", &a), ("b", &b)] {
        let host = format!("{owner}.localhost");
        let routes = [route(&host, "/", "api")];
        control.set_routes(owner, &routes, &[]).await.unwrap();
        let upstreams = std::slice::from_ref(&instance.upstream);
        control
            .update_service(owner, "api", upstreams)
            .await
            .unwrap();
    }
    for owner in ["a", "b"] {
        let host = format!("{owner}.localhost");
        let mut client = edge.client().await;
        let response = client.send(get(&host, "/")).await.unwrap();
        assert_eq!(text(response).await.unwrap(), owner);
    }
    let stolen = [route("A.localhost", "/", "api")];
    let error = refused(control.set_routes("b", &stolen, &[]).await);
    assert_eq!(
        error,
        ChangeError::RouteTaken {
            host: "a.localhost".into(),
            path_prefix: "/".into(),
            owner: "b".into(),
            by: "a".into(),
        }
    );
}

#[tokio::test]
async fn changes_from_many_at_once_are_all_kept() {
    let edge = TestEdge::start().await;
    let changes = (0..20).map(|n| {
        let control = edge.control.clone();
        tokio::spawn(async move {
            let owner = format!("owner-{n}");
            let routes = [route(&format!("{owner}.localhost"), "/", "api")];
            control.set_routes(&owner, &routes, &[]).await
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap().unwrap();
    }
    let table = edge.control.table().await.unwrap();
    assert_eq!((table.generation, table.owners.len()), (20, 20));
}

#[tokio::test]
async fn a_whole_table_is_applied_only_on_the_one_it_was_made_from() {
    let edge = TestEdge::start().await;
    let old = edge.control.table().await.unwrap();
    let routes = [route("a.localhost", "/", "api")];
    edge.control.set_routes("a", &routes, &[]).await.unwrap();
    let error = refused(edge.control.apply(&old).await);
    let stale = ChangeError::Stale {
        expected: 0,
        actual: 1,
    };
    assert_eq!(error, stale);
    let emptied = RouteTable {
        generation: 1,
        ..RouteTable::default()
    };
    assert_eq!(edge.control.apply(&emptied).await.unwrap(), 2);
}

#[tokio::test]
async fn a_change_that_changes_nothing_makes_no_generation() {
    let edge = TestEdge::start().await;
    let routes = [route("a.localhost", "/api/", "api")];
    for _ in 0..2 {
        let set = edge.control.set_routes("a", &routes, &[]);
        assert_eq!(set.await.unwrap(), 1);
    }
    assert_eq!(edge.control.remove_owner("nobody").await.unwrap(), 1);
}

#[tokio::test]
async fn bad_routes_are_refused() {
    let edge = TestEdge::start().await;
    for host in ["", "a b", "a:80", "*.localhost", "a/b"] {
        let routes = [route(host, "/", "api")];
        let error = refused(edge.control.set_routes("a", &routes, &[]).await);
        assert!(matches!(error, ChangeError::HostInvalid { .. }), "{host}");
    }
    for path in ["", "api", "/a b", "/a?b", "/a#b", "/ñ"] {
        let routes = [route("a", path, "api")];
        let error = refused(edge.control.set_routes("a", &routes, &[]).await);
        assert!(matches!(error, ChangeError::PathInvalid { .. }), "{path}");
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_saved_is_not_put_in_force() {
    let edge = TestEdge::start_with(|config| {
        config.table_path = "/proc/estiba/routes.json".into();
    })
    .await;
    let routes = [route("a.localhost", "/", "api")];
    let error = refused(edge.control.set_routes("a", &routes, &[]).await);
    assert!(matches!(error, ChangeError::NotSaved { .. }));
    assert!(edge.control.table().await.unwrap().owners.is_empty());
}

#[tokio::test]
async fn the_control_socket_is_the_owners_and_goes_with_the_edge() {
    let edge = TestEdge::start().await;
    let socket = edge.folder.path().join("edge.sock");
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let control = edge.control.clone();
    control.ping().await.unwrap();
    let _folder = edge.stop().await;
    let error = control.ping().await.unwrap_err();
    assert!(matches!(error, ControlError::NotRunning { .. }), "{error}");
    assert!(!socket.exists());
}

#[tokio::test]
async fn what_is_not_a_command_is_answered_and_changes_nothing() {
    let edge = TestEdge::start().await;
    let socket = edge.folder.path().join("edge.sock");
    for line in ["\n", "{}\n", "{\"change\":{\"remove_owner\":{}}}\n"] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("{\"unreadable\":"), "{answer}");
    }
    edge.control.ping().await.unwrap();
}

#[tokio::test]
async fn a_second_edge_does_not_start() {
    let edge = TestEdge::start().await;
    let again = Edge::bind(config(&edge.folder)).await;
    assert!(matches!(again, Err(EdgeError::AlreadyRunning { .. })));

    let folder = tempfile::tempdir().unwrap();
    let mut elsewhere = config(&folder);
    elsewhere.listen = edge.address;
    match Edge::bind(elsewhere).await {
        Err(error @ EdgeError::Listen { .. }) => {
            assert!(error.to_string().contains(&edge.address.to_string()));
        }
        other => panic!("started: {:?}", other.err()),
    }
}

#[tokio::test]
async fn damaged_and_newer_tables_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("routes.json");
    for text in ["", "{", "{\"version\":1}", "[]"] {
        std::fs::write(&path, text).unwrap();
        let started = Edge::bind(config(&folder)).await;
        assert!(
            matches!(started, Err(EdgeError::TableCorrupt { .. })),
            "{text}"
        );
    }
    std::fs::write(&path, "{\"version\":2,\"format\":\"new\"}").unwrap();
    let started = Edge::bind(config(&folder)).await;
    assert!(matches!(
        started,
        Err(EdgeError::TableNewer { version: 2, .. })
    ));
}

#[tokio::test]
async fn requests_in_flight_end_before_the_edge_does() {
    let edge = TestEdge::start().await;
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let inside = gate.clone();
    let instance = Instance::with(move |_| {
        let inside = inside.clone();
        async move {
            inside.add_permits(1);
            while inside.available_permits() < 2 {
                tokio::task::yield_now().await;
            }
            hyper::Response::new(support::full("done"))
        }
    })
    .await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let mut client = edge.client().await;
    let slow = tokio::spawn(async move { client.get("/").await });
    while gate.available_permits() < 1 {
        tokio::task::yield_now().await;
    }
    let address = edge.address;
    let stopping = tokio::spawn(edge.stop());
    // It has stopped listening; the request is still inside.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    assert_eq!(slow.await.unwrap().unwrap(), (200, "done".into()));
    stopping.await.unwrap();
}
