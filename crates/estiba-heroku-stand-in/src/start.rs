//! Starts and ends the parts of a stand-in.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use tokio::net::TcpListener;

use crate::contract::Contract;
use crate::dynos::rendezvous::Rendezvous;
use crate::engine::Engine;
use crate::faults::Faults;
use crate::options::Options;
use crate::registry::Process;
use crate::registry::images::Images;
use crate::world::{Addresses, Shared, World};
use crate::{api, router};

/// Starts all of it on this runtime.
pub(crate) async fn start(options: Options) -> Result<Shared> {
    let engine = Engine::connect(&options.docker).await?;
    let gateway = engine.network().await?;
    let images = Images::new(Process::start()?);
    let rendezvous = Rendezvous::open(options.tls).await?;
    let api = listen(options.port).await?;
    let registry = listen(0).await?;
    let (port, doors) = router::bind(gateway).await?;
    let addresses = Addresses {
        api: api.local_addr()?.port(),
        router: port,
        registry: registry.local_addr()?.port(),
        gateway,
    };
    let faults = Arc::new(Faults::new(options.rate_limit));
    let contract = Contract::read()?;
    let world = World::new(
        options, addresses, engine, images, faults, contract, rendezvous,
    );
    let world = Arc::new(world);
    serve(api, api::router(&world));
    serve(registry, api::registry(&world));
    router::open(&world, doors);
    Ok(world)
}

async fn listen(port: u16) -> Result<TcpListener> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    bound.with_context(|| format!("port {port} on loopback"))
}

/// It ends with the runtime.
fn serve(listener: TcpListener, router: Router) {
    tokio::spawn(axum::serve(listener, router).into_future());
}

/// Removes what has been made.
pub(crate) async fn end(world: &World) -> Result<()> {
    world.ending.cancel();
    for app in &world.state().apps {
        app.life.cancel();
        app.dynos.iter().for_each(|dyno| dyno.stop.cancel());
    }
    world.engine.end().await
}
