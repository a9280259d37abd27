//! Dynos: containers of an app.
//!
//! Sources: <https://devcenter.heroku.com/articles/dynos>,
//! <https://devcenter.heroku.com/articles/dyno-restarts>,
//! <https://devcenter.heroku.com/articles/dyno-shutdown-behavior>

pub(crate) mod api;
mod lines;
pub(crate) mod manager;
pub(crate) mod one_off;
pub(crate) mod rendezvous;
mod supervise;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::future::join_all;
use rand::Rng;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::apps::{App, host};
use crate::engine::Making;
use crate::formation::sizes::Size;
use crate::ids::{new_id, now};
use crate::registry::images::Image;
use crate::releases::Release;
use crate::world::World;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Starting,
    Up,
    Crashed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::Crashed => "crashed",
        }
    }
}

/// What a dyno is started with.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) size: Size,
    pub(crate) image: Image,
    /// Of a one-off dyno, instead of the image's own.
    pub(crate) command: Option<String>,
    pub(crate) env: BTreeMap<String, String>,
    pub(crate) tty: bool,
    pub(crate) release: (String, u64),
}

/// A dyno that there is.
#[derive(Debug)]
pub(crate) struct Dyno {
    pub(crate) id: String,
    pub(crate) launch: Launch,
    pub(crate) state: State,
    /// Where a web dyno that is up answers.
    pub(crate) address: Option<SocketAddr>,
    /// What it runs in, once it does.
    pub(crate) container: Option<String>,
    pub(crate) attach_url: Option<String>,
    /// Told to go.
    pub(crate) stop: CancellationToken,
    /// Gone.
    pub(crate) gone: CancellationToken,
    created_at: String,
    updated_at: String,
}

impl Launch {
    pub(crate) fn new(
        app: &App,
        release: &Release,
        kind: &str,
        name: String,
        size: Size,
        image: Image,
    ) -> Self {
        let mut env = release.config.clone();
        // A config var of that name is not the port: the platform sets it.
        let port = rand::rng().random_range(3000..60_000);
        env.insert("PORT".to_owned(), u16::to_string(&port));
        env.insert("DYNO".to_owned(), name.clone());
        env.entry("HEROKU_APP_NAME".to_owned())
            .or_insert_with(|| app.name.clone());
        Self {
            name,
            kind: kind.to_owned(),
            size,
            image,
            command: None,
            env,
            tty: false,
            release: (release.id.clone(), release.version),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        let port = self.env.get("PORT").and_then(|port| port.parse().ok());
        port.unwrap_or_default()
    }

    /// The command as people are shown it.
    pub(crate) fn shown(&self) -> String {
        self.command.clone().unwrap_or_else(|| self.image.command())
    }

    /// Makes its container: as nobody in particular, as Heroku does.
    pub(crate) async fn make(&self, world: &World, stdin: bool) -> Result<String> {
        let reference = world.images.reference(&self.image);
        if !world.engine.has_image(&reference).await {
            world.engine.pull(&reference).await?;
        }
        let (entrypoint, cmd) = self.image.words(self.command.as_deref());
        let user = rand::rng().random_range(10_000..60_000);
        let gateway = world.addresses.gateway;
        let hosts = {
            let state = world.state();
            let line = |app: &App| format!("{}:{gateway}", host(&app.name));
            state.apps.iter().map(line).collect()
        };
        let pair = |(name, value): (&String, &String)| format!("{name}={value}");
        world
            .engine
            .create(Making {
                image: reference,
                entrypoint,
                cmd,
                env: self.env.iter().map(pair).collect(),
                user: Some(format!("{user}:{user}")),
                memory_bytes: Some(self.size.memory_bytes()),
                hosts,
                tty: self.tty,
                stdin,
                ..Making::default()
            })
            .await
    }
}

impl Dyno {
    pub(crate) fn new(launch: Launch, attach_url: Option<String>) -> Self {
        Self {
            id: new_id(),
            launch,
            state: State::Starting,
            address: None,
            container: None,
            attach_url,
            stop: CancellationToken::new(),
            gone: CancellationToken::new(),
            created_at: now(),
            updated_at: now(),
        }
    }

    pub(crate) fn enter(&mut self, state: State) {
        self.state = state;
        self.updated_at = now();
    }

    /// Whether the formation wants it, and not somebody who ran it once.
    pub(crate) fn is_of_formation(&self) -> bool {
        self.launch.image.kind() == self.launch.kind
            && self.launch.command.is_none()
            && self.launch.kind != crate::releases::RELEASE
    }

    fn view(&self, app: &App) -> Value {
        json!({
            "app": app.reference(),
            "attach_url": self.attach_url,
            "command": self.launch.shown(),
            "created_at": self.created_at,
            "id": self.id,
            "name": self.launch.name,
            "release": { "id": self.launch.release.0, "version": self.launch.release.1 },
            "size": self.launch.size.name,
            "state": self.state.name(),
            "type": self.launch.kind,
            "updated_at": self.updated_at,
        })
    }
}

/// Tells all dynos of an app to go; what is given back waits until they have.
pub(crate) fn stop_all(app: &App) -> impl Future<Output = ()> + Send + use<> {
    let gone: Vec<_> = app.dynos.iter().map(|dyno| dyno.gone.clone()).collect();
    app.dynos.iter().for_each(|dyno| dyno.stop.cancel());
    async move {
        join_all(gone.iter().map(CancellationToken::cancelled)).await;
    }
}

/// Sends a signal to the container of a dyno.
pub(crate) fn signal(world: &Arc<World>, app: &str, dyno: &str, signal: &str) -> Result<()> {
    let container = {
        let state = world.state();
        let app = state
            .app(app)
            .map_err(|error| anyhow::anyhow!(error.message))?;
        let mut dynos = app.dynos.iter();
        let found = dynos.find(|one| one.launch.name == dyno && one.container.is_some());
        found.and_then(|dyno| dyno.container.clone())
    };
    let container = container.with_context(|| format!("no dyno {dyno} runs"))?;
    let (world, signal) = (Arc::clone(world), signal.to_owned());
    let (done, doing) = std::sync::mpsc::channel();
    world.runtime.clone().spawn(async move {
        world.engine.signal(&container, &signal).await;
        done.send(())
    });
    Ok(doing.recv()?)
}
