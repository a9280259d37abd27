//! No request is lost while instances come and go.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use estiba_edge::{EdgeConfig, Upstream};
use futures::future::join_all;
use hyper::{Request, Response};
use support::{Client, Instance, TestEdge, free_address, full, get, raw_server, read_head, text};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

const DRAIN: Duration = Duration::from_secs(30);

fn short_wait(config: &mut EdgeConfig) {
    config.ready_wait = Duration::from_millis(300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_swaps_under_load_lose_no_request() {
    let edge = TestEdge::start().await;
    let mut old = Instance::named("v0").await;
    edge.route_app(std::slice::from_ref(&old.upstream)).await;

    let done = Arc::new(AtomicBool::new(false));
    let served = Arc::new(AtomicUsize::new(0));
    let load = (0..8).map(|n| {
        let (done, served, address) = (done.clone(), served.clone(), edge.address);
        tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            let mut failures = Vec::new();
            while !done.load(SeqCst) {
                let mut request = get("app.localhost", "/");
                if n % 2 == 0 {
                    *request.method_mut() = hyper::Method::POST;
                    *request.body_mut() = full("some work");
                }
                let answer = match client.send(request).await {
                    Ok(answer) => answer,
                    Err(error) => {
                        failures.push(error.to_string());
                        client = Client::connect(address).await;
                        continue;
                    }
                };
                let status = answer.status();
                let name = text(answer).await;
                if !(status == 200 && name.as_ref().is_ok_and(|name| name.starts_with('v'))) {
                    failures.push(format!("{status} {name:?}"));
                }
                served.fetch_add(1, SeqCst);
            }
            failures
        })
    });
    let load: Vec<_> = load.collect();

    for version in 1..=30 {
        let before = served.load(SeqCst);
        while served.load(SeqCst) < before + 200 && !load.iter().any(|l| l.is_finished()) {
            tokio::task::yield_now().await;
        }
        let new = Instance::named(&format!("v{version}")).await;
        edge.set_app(std::slice::from_ref(&new.upstream)).await;
        assert_eq!(edge.control.drain(&old.upstream, DRAIN).await.unwrap(), 0);
        // Dropped: the old instance dies with whatever is still open to it.
        old = new;
        // The change is in force once it was answered.
        let answer = edge.client().await.get("/").await.unwrap();
        assert_eq!(answer, (200, format!("v{version}")));
    }
    done.store(true, SeqCst);
    for failures in join_all(load).await {
        assert_eq!(failures.unwrap(), Vec::<String>::new());
    }
    assert!(served.load(SeqCst) >= 6_000);
}

#[tokio::test]
async fn a_drain_waits_for_what_is_in_flight_and_counts_what_is_left() {
    let edge = TestEdge::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let (inside, entered) = (gate.clone(), Arc::new(Semaphore::new(0)));
    let enter = entered.clone();
    let old = Instance::with(move |_| {
        let (inside, enter) = (inside.clone(), enter.clone());
        async move {
            enter.add_permits(1);
            inside.acquire().await.unwrap().forget();
            Response::new(full("old"))
        }
    })
    .await;
    edge.route_app(std::slice::from_ref(&old.upstream)).await;
    let mut client = edge.client().await;
    let slow = tokio::spawn(async move { client.get("/").await });
    entered.acquire().await.unwrap().forget();

    let new = Instance::named("new").await;
    edge.set_app(std::slice::from_ref(&new.upstream)).await;
    let left = edge.control.drain(&old.upstream, Duration::from_millis(20));
    assert_eq!(left.await.unwrap(), 1);
    let status = edge.control.status().await.unwrap();
    let busy = status.upstreams.iter().find(|u| u.upstream == old.upstream);
    assert!(busy.is_some_and(|u| u.retired && u.in_flight == 1));
    let other = edge.client().await.get("/").await.unwrap();
    assert_eq!(other, (200, "new".into()));

    gate.add_permits(1);
    assert_eq!(edge.control.drain(&old.upstream, DRAIN).await.unwrap(), 0);
    assert_eq!(slow.await.unwrap().unwrap(), (200, "old".into()));
}

#[tokio::test]
async fn a_request_waits_for_the_first_instance() {
    let edge = TestEdge::start().await;
    edge.route_app(&[]).await;
    let mut client = edge.client().await;
    let waiting = tokio::spawn(async move { client.get("/").await });
    while edge.control.status().await.unwrap().waiting < 1 {
        tokio::task::yield_now().await;
    }
    let instance = Instance::named("first").await;
    edge.set_app(std::slice::from_ref(&instance.upstream)).await;
    assert_eq!(waiting.await.unwrap().unwrap(), (200, "first".into()));
}

#[tokio::test]
async fn a_request_waits_for_an_instance_that_does_not_listen_yet() {
    let edge = TestEdge::start().await;
    let address = free_address().await;
    edge.route_app(&[Upstream::new("late", address)]).await;
    let mut client = edge.client().await;
    let waiting = tokio::spawn(async move { client.get("/").await });
    while edge.control.status().await.unwrap().waiting < 1 {
        tokio::task::yield_now().await;
    }
    let answer = |_| async { Response::new(full("late")) };
    let _late = Instance::start("late", address, answer).await;
    assert_eq!(waiting.await.unwrap().unwrap(), (200, "late".into()));
}

#[tokio::test]
async fn nobody_ready_within_the_bound_is_503_and_says_when_to_come_back() {
    let edge = TestEdge::start_with(short_wait).await;
    for upstreams in [vec![], vec![Upstream::new("gone", free_address().await)]] {
        edge.route_app(&upstreams).await;
        let mut client = edge.client().await;
        let mut request = get("app.localhost", "/");
        let spanish = "es-AR".parse().unwrap();
        request.headers_mut().insert("accept-language", spanish);
        let response = client.send(request).await.unwrap();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()["retry-after"], "2");
        let page = text(response).await.unwrap();
        assert!(page.starts_with("Ninguna instancia de app"), "{page}");
    }
}

#[tokio::test]
async fn one_dead_instance_of_two_fails_no_request() {
    let edge = TestEdge::start().await;
    let alive = Instance::named("alive").await;
    let dead = Upstream::new("dead", free_address().await);
    edge.route_app(&[dead, alive.upstream.clone()]).await;
    let mut client = edge.client().await;
    for _ in 0..20 {
        assert_eq!(client.get("/").await.unwrap(), (200, "alive".into()));
    }
}

/// Answers one request on each connection as if it would take more, and closes.
async fn closes_after_one() -> Upstream {
    raw_server(|mut stream| async move {
        if read_head(&mut stream).await.is_some() {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_that_the_instance_closed_is_not_the_clients_problem() {
    let edge = TestEdge::start().await;
    edge.route_app(&[closes_after_one().await]).await;
    let mut client = edge.client().await;
    for _ in 0..200 {
        assert_eq!(client.get("/").await.unwrap(), (200, "ok".into()));
    }
}

/// Breaks off the second request of each connection after reading it.
#[tokio::test]
async fn a_request_lost_with_a_reused_connection_is_sent_again_if_it_may_be() {
    let edge = TestEdge::start().await;
    let lost = Arc::new(AtomicUsize::new(0));
    let counter = lost.clone();
    let upstream = raw_server(move |mut stream| {
        let lost = counter.clone();
        async move {
            read_head(&mut stream).await;
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
            stream.write_all(answer).await.unwrap();
            if read_head(&mut stream).await.is_some() {
                lost.fetch_add(1, SeqCst);
            }
        }
    })
    .await;
    edge.route_app(&[upstream]).await;
    let mut client = edge.client().await;
    for _ in 0..10 {
        assert_eq!(client.get("/").await.unwrap(), (200, "ok".into()));
    }
    assert!(lost.load(SeqCst) > 0);
}

#[tokio::test]
async fn a_request_that_kills_instances_is_not_sent_for_ever() {
    let edge = TestEdge::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let upstream = raw_server(move |mut stream| {
        let asked = counter.clone();
        async move {
            if read_head(&mut stream).await.is_some() {
                asked.fetch_add(1, SeqCst);
            }
        }
    })
    .await;
    edge.route_app(&[upstream]).await;
    let (status, page) = edge.client().await.get("/").await.unwrap();
    assert_eq!(status, 502, "{page}");
    assert_eq!(asked.load(SeqCst), 3);

    // A POST may have been done: it is not sent twice.
    let post = Request::post("/").header("host", "app.localhost");
    let mut client = edge.client().await;
    let response = client.send(post.body(full("")).unwrap()).await.unwrap();
    assert_eq!(response.status(), 502);
    assert_eq!(asked.load(SeqCst), 4);
}
