//! A stand-in of Heroku for tests: its Platform API, its container registry, its router
//! and its logs, over containers of the local Docker Engine that really run.
//!
//! What it does is what Heroku documents; each module names its source. It is checked
//! in two ways: every request and answer is held against Heroku's public hyper-schema
//! ([`StandIn::violations`]), and the public command of Heroku is driven against it.
//!
//! What it does not have: builds, pipelines, review apps, teams, spaces, certificates,
//! drains, and the daily restart of dynos. Such requests are answered with
//! 404, and those that Heroku does not have either are recorded as violations.

mod account;
mod addons;
mod api;
mod apps;
mod config;
mod contract;
mod dynos;
mod engine;
mod error;
mod faults;
mod formation;
mod gate;
mod ids;
mod logs;
mod options;
mod range;
mod registry;
mod releases;
mod router;
mod start;
mod world;

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use tokio::sync::oneshot;

pub use faults::{Fault, Faults, Planned};
pub use options::{Options, Urls};

use world::Shared;

/// A stand-in that runs, on threads of its own. Dropped, it removes what it made.
#[derive(Debug)]
pub struct StandIn {
    world: Shared,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts one, and removes what is left of those that were killed.
    ///
    /// # Errors
    /// When there is no engine, or no `docker-registry`.
    pub fn start(options: Options) -> Result<Self> {
        let (started, starting) = mpsc::channel();
        let (end, ending) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("heroku-stand-in".to_owned())
            .spawn(move || run(options, &started, ending))?;
        let world = starting
            .recv()
            .context("the stand-in ended as it started")??;
        Ok(Self {
            world,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// The address of the API: `http://127.0.0.1:PORT`.
    pub fn api(&self) -> String {
        self.world.api_url("")
    }

    /// The address of the registry: `127.0.0.1:PORT`.
    pub fn registry(&self) -> String {
        format!("127.0.0.1:{}", self.world.addresses.registry)
    }

    /// The address of the router on loopback: `127.0.0.1:PORT`.
    pub fn router(&self) -> String {
        format!("127.0.0.1:{}", self.world.addresses.router)
    }

    /// The key that opens the API and the registry.
    pub fn key(&self) -> &str {
        &self.world.options.key
    }

    /// What a test lets go wrong.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// The certificate to trust when attaching to one-off dynos over TLS, as PEM.
    pub fn certificate(&self) -> Option<&str> {
        self.world.rendezvous.certificate.as_deref()
    }

    /// Lets somebody else have an app of this name.
    pub fn give_away(&self, app: &str) {
        self.world.state().give_away(app);
    }

    /// Sends a signal to the container of a dyno, behind the API's back.
    ///
    /// # Errors
    /// When no such dyno runs.
    pub fn signal_dyno(&self, app: &str, dyno: &str, signal: &str) -> Result<()> {
        dynos::signal(&self.world, app, dyno, signal)
    }

    /// What differs from Heroku's public schema in the exchanges so far.
    pub fn violations(&self) -> Vec<String> {
        self.world.contract.violations()
    }

    /// How many exchanges have been held against the schema.
    pub fn checked(&self) -> u64 {
        self.world.contract.checked()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            // The thread may have ended by a panic.
            let _ = end.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(options: Options, started: &mpsc::Sender<Result<Shared>>, ending: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(error.into()))),
    };
    runtime.block_on(async {
        match start::start(options).await {
            Err(error) => drop(started.send(Err(error))),
            Ok(world) => {
                let given = started.send(Ok(Shared::clone(&world)));
                if given.is_ok() {
                    // Dropped without a word, it ends as well.
                    let _ = ending.await;
                }
                if let Err(error) = start::end(&world).await {
                    eprintln!("the stand-in of Heroku left something behind: {error:#}");
                }
            }
        }
    });
    runtime.shutdown_background();
}
