//! One background process for each environment: goes on asking its instances
//! how they are, takes those out of the edge that are not ready and puts them
//! back, and starts those again that are not alive.
//!
//! It keeps nothing that matters: killed, it is started again by the next
//! Estiba, and ends by itself when the environment has no instances.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use estiba_host::background::{Started, leave_session, let_go_of_parent, start, tell};
use estiba_host::directory::make_private;
use estiba_host::{HostError, lock};
use estiba_model::{EnvironmentId, Message};
use futures::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use crate::engine::Engine;
use crate::instance::Instance;
use crate::layout::Layout;
use crate::{routing, run};

/// First argument of the program when it is to mind an environment.
pub(crate) const ROLE: &str = "docker-minder";
/// Time between two rounds of checks.
const EVERY: Duration = Duration::from_secs(1);
/// Rounds with no instance, after which it ends.
const IDLE_ROUNDS: u32 = 60;
/// Rounds with no engine, after which it ends: an hour.
const SILENT_ROUNDS: u32 = 3600;
/// So many checks in a row fail before that counts.
const FAILURES: u32 = 3;
/// A container that has not been alive yet is given so long.
const SLOW_START: Duration = Duration::from_secs(60);
/// Instances that are asked at the same time.
const AT_ONCE: usize = 8;
const MAX_REQUEST_BYTES: u64 = 64 << 10;

/// What the minder is told.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    layout: Layout,
    socket: String,
    environment: EnvironmentId,
}

/// Starts the minder of an environment, unless it runs.
pub(crate) async fn ensure(
    layout: &Layout,
    engine: &Engine,
    helper: &Path,
    environment: &EnvironmentId,
) -> Result<(), HostError> {
    let place = layout.environment(environment);
    let lock = place.minder_lock();
    if lock::is_held(&lock).map_err(HostError::at(&lock))? {
        return Ok(());
    }
    make_private(place.path())?;
    let request = Request {
        layout: layout.clone(),
        socket: engine.socket().to_owned(),
        environment: environment.clone(),
    };
    let input = serde_json::to_vec(&request).map_err(|error| HostError::Damaged {
        path: lock.clone(),
        detail: error.to_string(),
    })?;
    match start(helper, ROLE, &[place.path()], &input, &place.minder_log()).await? {
        Started::Runs | Started::AlreadyRuns => Ok(()),
        Started::Failed(message) => Err(HostError::Told(message)),
    }
}

/// Plays the role. Its one argument is for people who look at processes.
pub(crate) fn run(_: &[OsString]) -> ExitCode {
    leave_session();
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&Started::Failed(error.message()));
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), HostError> {
    let mut text = Vec::new();
    std::io::stdin()
        .take(MAX_REQUEST_BYTES)
        .read_to_end(&mut text)
        .map_err(HostError::system("standard input"))?;
    let request: Request = serde_json::from_slice(&text)
        .map_err(|error| HostError::Told(Message::verbatim(error.to_string())))?;
    let path = request
        .layout
        .environment(&request.environment)
        .minder_lock();
    let Some(_lock) = lock::hold(&path).map_err(HostError::at(&path))? else {
        tell(&Started::AlreadyRuns);
        return Ok(());
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HostError::system("an event loop"))?;
    runtime.block_on(async {
        let mut terminate =
            signal(SignalKind::terminate()).map_err(HostError::system("signals"))?;
        tell(&Started::Runs);
        let_go_of_parent();
        let mut minder = Minder {
            engine: Engine::new(request.socket),
            layout: request.layout,
            environment: request.environment,
            known: HashMap::new(),
        };
        tokio::select! {
            _ = terminate.recv() => {}
            () = minder.mind() => {}
        }
        Ok(())
    })
}

struct Minder {
    engine: Engine,
    layout: Layout,
    environment: EnvironmentId,
    /// By the ids of an instance's containers.
    known: HashMap<String, Counts>,
}

/// What is remembered of an instance from round to round.
#[derive(Debug)]
struct Counts {
    unready: u32,
    unhealthy: u32,
    was_alive: bool,
    since: Instant,
}

impl Counts {
    fn new() -> Self {
        Self {
            unready: 0,
            unhealthy: 0,
            was_alive: false,
            since: Instant::now(),
        }
    }
}

impl Minder {
    /// What was listed may be old when its turn comes.
    async fn stands_now(&self, instance: &Instance) -> Result<bool, HostError> {
        Ok(instance.stands()
            || Instance::find(&self.engine, &self.environment, &instance.name)
                .await?
                .stands())
    }

    async fn mind(&mut self) {
        let (mut idle, mut silent) = (0, 0);
        while idle < IDLE_ROUNDS && silent < SILENT_ROUNDS {
            match Instance::all(&self.engine, &self.environment).await {
                Ok(instances) if instances.is_empty() => idle += 1,
                Ok(instances) => {
                    (idle, silent) = (0, 0);
                    self.round(&instances).await;
                }
                // An engine that is started again shows the same instances.
                Err(_) => silent += 1,
            }
            sleep(EVERY).await;
        }
    }

    /// Looks after all instances: one that answers late holds up few others.
    async fn round(&mut self, instances: &[Instance]) {
        let mut before = std::mem::take(&mut self.known);
        let minder = &*self;
        let looks: Vec<_> = instances
            .iter()
            .map(|instance| {
                let key = instance.key();
                let counts = before.remove(&key);
                async move { (key, minder.look(instance, counts).await) }
            })
            .collect();
        let known = stream::iter(looks).buffer_unordered(AT_ONCE).collect();
        self.known = known.await;
    }

    async fn look(&self, instance: &Instance, counts: Option<Counts>) -> Counts {
        let mut counts = counts.unwrap_or_else(Counts::new);
        // What fails now is tried again in the next round.
        if let Err(error) = self.look_after(instance, &mut counts).await {
            eprintln!("{}: {}", instance.name, error.message().en);
        }
        counts
    }

    async fn look_after(&self, instance: &Instance, counts: &mut Counts) -> Result<(), HostError> {
        let place = self.layout.environment(&self.environment);
        // One that is being stopped is left in peace: a probe is a request, and
        // a program may wait until no more come.
        if !place.standing(&instance.name).exists() {
            return Ok(());
        }
        run::start_due(&self.engine, instance).await?;
        run::rejoin(&self.engine, instance).await?;
        let before = instance.standing(&place)?;
        let mut standing = before.clone();
        counts.was_alive |= before.was_ready;
        match run::all_ready(&self.engine, instance).await {
            Ok(()) => {
                counts.unready = 0;
                (standing.ready, standing.was_ready, standing.why) = (true, true, None);
            }
            Err(why) => {
                counts.unready += 1;
                if counts.unready >= FAILURES || !self.stands_now(instance).await? {
                    (standing.ready, standing.why) = (false, Some(why));
                }
            }
        }
        let unhealthy = run::unhealthy(&self.engine, instance).await;
        if unhealthy.is_empty() {
            (counts.unhealthy, counts.was_alive) = (0, true);
        } else {
            counts.unhealthy += 1;
            let counts_already = counts.was_alive || counts.since.elapsed() > SLOW_START;
            if counts.unhealthy >= FAILURES && counts_already {
                counts.unhealthy = 0;
                standing.ready = false;
                standing.restarts += 1;
                standing.why = unhealthy.first().map(|(_, why)| why.clone());
            }
        }
        if standing != before {
            let (engine, layout) = (&self.engine, &self.layout);
            if !routing::settle(engine, layout, instance, Some(&before), &standing).await? {
                return Ok(());
            }
        }
        if standing.restarts > before.restarts {
            for (member, _) in unhealthy {
                run::restart(&self.engine, &member.id).await?;
            }
        }
        Ok(())
    }
}
