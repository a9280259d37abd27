//! What reaches instances, and what does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use estiba_edge::ControlClient;
use estiba_model::{InstanceState, Route, Traffic};
use estiba_target::{Instances, Target};

use crate::fixture::{World, get, traffic};

#[tokio::test]
async fn a_swap_under_load_loses_no_request() {
    let world = World::new();
    let mut old = world.server(1, &[]);
    world.bring_up(&old).await;
    world.route(&old).await;
    let host = world.url().await.trim_start_matches("http://").to_owned();
    let port: u16 = host.rsplit(':').next().unwrap().parse().unwrap();
    let (done, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let clients: Vec<_> = ["/", "/slow", "/", "/slow"]
        .map(|path| {
            let (done, answered, host) = (Arc::clone(&done), Arc::clone(&answered), host.clone());
            tokio::spawn(async move {
                while !done.load(Ordering::Relaxed) {
                    let answer = get(([127, 0, 0, 1], port).into(), &host, path).await;
                    assert_eq!(answer.unwrap().0, 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .into_iter()
        .collect();
    for generation in 2..=4 {
        let new = world.server(generation, &[]);
        world.bring_up(&new).await;
        world.route(&new).await;
        world.stop(&old).await;
        assert_eq!(world.get("/").await.1, format!("v{generation}"));
        old = new;
    }
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 0);
    world.end().await;
}

#[tokio::test]
async fn what_is_not_ready_gets_no_traffic() {
    let world = World::new();
    let spec = world.server(1, &[]);
    world.bring_up(&spec).await;
    world.route(&spec).await;
    world.get("/sick").await;
    world.until(&spec, InstanceState::Unready).await;
    let edge = ControlClient::new(world.root().join("edge/control.sock"));
    let answering = async || {
        let table = edge.table().await.unwrap();
        table.owners["moria/tp2/test/api"].services["http"].len()
    };
    while answering().await != 0 {
        tokio::task::yield_now().await;
    }
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert_eq!(
        observed.traffic[&spec.of.workload],
        traffic(&spec),
        "routed all the same"
    );

    let port = world.instance_port(&spec);
    get(([127, 0, 0, 1], port).into(), "direct", "/well")
        .await
        .unwrap();
    world.until(&spec, InstanceState::Ready).await;
    // Waits at the edge until the instance answers again.
    assert_eq!(world.get("/health").await.0, 200);
    world.end().await;
}

#[tokio::test]
async fn a_service_keeps_its_port_and_its_routes_their_paths() {
    let world = World::new();
    let mut spec = world.server(1, &[]);
    spec.of.exposure.routes.insert(Route {
        host: Some("Shop.example".to_owned()),
        path: "/api/".to_owned(),
        port: "http".to_owned(),
    });
    world.bring_up(&spec).await;
    world.route(&spec).await;
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert_eq!(observed.traffic[&spec.of.workload], traffic(&spec));
    let outputs = world
        .target
        .outputs(&world.environment, &world.service_port())
        .await
        .unwrap();
    let port: u16 = outputs["port"].expose().parse().unwrap();
    let address = ([127, 0, 0, 1], port).into();
    assert_eq!(
        get(address, "any", "/").await.unwrap(),
        (200, "v1".to_owned())
    );
    let url = world.url().await;
    let edge: u16 = url.rsplit(':').next().unwrap().parse().unwrap();
    let shop = get(([127, 0, 0, 1], edge).into(), "shop.example", "/api/x").await;
    assert_eq!(shop.unwrap().0, 200);

    let nothing = Traffic::default();
    let route = world
        .target
        .route(&world.environment, &spec.of.workload, &nothing);
    route.await.unwrap();
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert!(observed.traffic.is_empty());
    let gone = get(([127, 0, 0, 1], edge).into(), "shop.example", "/api/x").await;
    assert_eq!(gone.unwrap().0, 404);
    world.end().await;
}

#[tokio::test]
async fn without_its_edge_nothing_is_routed_and_routing_brings_it_back() {
    let world = World::new();
    let spec = world.server(1, &[]);
    world.bring_up(&spec).await;
    world.route(&spec).await;
    world.end_edge().await;
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert!(observed.traffic.is_empty());
    world.route(&spec).await;
    assert_eq!(world.get("/").await.0, 200);
    world.end().await;
}
