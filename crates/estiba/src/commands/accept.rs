//! `estiba accept`: a command of this machine tries what an environment runs.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use estiba_model::{Ending, Name, Project, Tried, Url, Version, message};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::{self, unix::SignalKind};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::context::Context;
use crate::failure::Failure;

/// Lines that are kept of what it writes.
const MOST_LINES: usize = 50;

/// How long what is written may still come after the command has ended: something that it
/// started may go on.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What a shell adds to the number of a signal that ended a command.
const SIGNAL_BASE: i32 = 128;

/// Variables of Estiba's own that are keys, and no matter of a test's.
const KEYS: [&str; 4] = [
    "ESTIBA_TOKEN",
    "ESTIBA_KEY",
    "ESTIBA_PASSPHRASE",
    "ESTIBA_DATABASE_URL",
];

/// Runs a command against what an environment runs, and keeps what came of it.
pub async fn accept(
    context: &Context,
    environment: &Name,
    limit: Duration,
    command: &[String],
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    estiba_engine::environment_id(&project, environment)?;
    let statuses = backend.status(&project).await?;
    let status = statuses
        .into_iter()
        .find(|status| status.environment == *environment);
    let Some((deployed, urls)) = status.and_then(|one| Some((one.deployed?, one.urls))) else {
        return Err(Failure::because(message!(
            "nothing is deployed in {environment} yet: `estiba deploy --env {environment}`",
            "todavía no hay nada desplegado en {environment}: `estiba deploy --env {environment}`"
        )));
    };
    let told = variables(&project, environment, &deployed.version, &urls);
    let begun = Instant::now();
    let (ended, log) = run(context, command, told, limit).await?;
    let tried = Tried {
        deployment: deployed.deployment,
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        ended,
        log,
    };
    let recorded = backend
        .record_acceptance(&project, environment, &tried)
        .await?;
    let version = &deployed.version;
    context.output.json(&json!({
        "event": "accepted",
        "environment": environment,
        "version": version,
        "deployment": recorded,
        "ended": ended,
    }));
    match ended {
        Ending::Passed => {
            context.output.remark(&message!(
                "{environment}: {version} passed the acceptance tests ({recorded})",
                "{environment}: {version} pasó las pruebas de aceptación ({recorded})"
            ));
            Ok(())
        }
        Ending::Failed(code) => {
            context.output.remark(&message!(
                "{environment}: {version} failed the acceptance tests ({recorded}); no environment after it takes it",
                "{environment}: {version} no pasó las pruebas de aceptación ({recorded}); ningún ambiente posterior la acepta"
            ));
            Err(Failure::Quiet(u8::try_from(code).unwrap_or(1)))
        }
        Ending::TookTooLong(_) => {
            let why = ended.failure().unwrap_or_else(|| message!("", ""));
            Err(Failure::because(why))
        }
    }
}

/// What the command is told.
fn variables(
    project: &Project,
    environment: &Name,
    version: &Version,
    urls: &[Url],
) -> Vec<(String, String)> {
    let mut told = vec![
        ("ESTIBA_ENVIRONMENT".to_owned(), environment.to_string()),
        ("ESTIBA_VERSION".to_owned(), version.to_string()),
    ];
    if project.environments[environment].reset {
        told.push(("ESTIBA_RESET".to_owned(), "true".to_owned()));
    }
    // A workload may have several; the first is told.
    for url in urls.iter().rev() {
        let name = url.workload.as_str().to_ascii_uppercase().replace('-', "_");
        told.push((format!("ESTIBA_URL_{name}"), url.url.clone()));
    }
    if let Some(first) = urls.first() {
        told.push(("BASE_URL".to_owned(), first.url.clone()));
    }
    told
}

async fn run(
    context: &Context,
    command: &[String],
    told: Vec<(String, String)>,
    limit: Duration,
) -> Result<(Ending, Vec<String>), Failure> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Failure::Usage(message!(
            "say which command: estiba accept --env ENV -- CMD",
            "diga qué comando: estiba accept --env AMBIENTE -- COMANDO"
        )));
    };
    let failed = |error: io::Error| Failure::file(Path::new(program), &error);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(told)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Whatever it starts ends with it.
        .process_group(0);
    for key in KEYS {
        command.env_remove(key);
    }
    let mut told = Signals::new()?;
    let mut child = command.spawn().map_err(failed)?;
    let group = Group::of(&child);
    let last = Arc::new(Mutex::new(VecDeque::new()));
    // With --json, what is written to standard output is ours alone.
    let is_json = context.output.json;
    let out = child
        .stdout
        .take()
        .map(|from| follow(from, &last, !is_json));
    let err = child.stderr.take().map(|from| follow(from, &last, false));
    let ended = tokio::select! {
        status = timeout(limit, child.wait()) => match status {
            Ok(status) => ending(status.map_err(failed)?),
            Err(_) => {
                group.end(&mut child).await;
                Ending::TookTooLong(limit.as_secs())
            }
        },
        signal = told.next() => {
            group.end(&mut child).await;
            Ending::Failed(SIGNAL_BASE + signal)
        }
    };
    for following in [out, err].into_iter().flatten() {
        let _ = timeout(LAST_WORDS, following).await;
    }
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((ended, std::mem::take(&mut *last).into()))
}

/// The command and all that it started, which are ended whatever becomes of this function.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok());
        Self(leader.and_then(Pid::from_raw))
    }

    /// Lets it end by itself, for a moment.
    async fn end(&self, child: &mut Child) {
        self.signal(Signal::TERM);
        let _ = timeout(LAST_WORDS, child.wait()).await;
        self.signal(Signal::KILL);
        let _ = child.wait().await;
    }

    fn signal(&self, signal: Signal) {
        if let Some(leader) = self.0 {
            // There may be nobody left in it.
            let _ = kill_process_group(leader, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// A terminal or a CI that wants all of this to end.
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let of = |kind| {
            let unusable = |error: io::Error| Failure::file(Path::new("signal"), &error);
            signal::unix::signal(kind).map_err(unusable)
        };
        Ok(Self {
            interrupt: of(SignalKind::interrupt())?,
            terminate: of(SignalKind::terminate())?,
        })
    }

    /// The number of the first that comes.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ending::Passed,
        (Some(code), _) => Ending::Failed(code),
        (None, signal) => Ending::Failed(SIGNAL_BASE + signal.unwrap_or_default()),
    }
}

/// Passes lines on as they come, and keeps the last ones.
fn follow(
    from: impl AsyncRead + Unpin + Send + 'static,
    last: &Arc<Mutex<VecDeque<String>>>,
    to_output: bool,
) -> JoinHandle<()> {
    let last = Arc::clone(last);
    tokio::spawn(async move {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while let Ok(1..) = from.read_until(b'\n', &mut line).await {
            // Whoever reads it may be gone; the command goes on.
            let _ = match to_output {
                true => io::stdout().write_all(&line),
                false => io::stderr().write_all(&line),
            };
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            last.push_back(text);
            if last.len() > MOST_LINES {
                last.pop_front();
            }
            line.clear();
        }
    })
}
