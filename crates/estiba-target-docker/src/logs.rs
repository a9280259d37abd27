//! What instances write: from the engine while they are there, from this machine
//! when they are gone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bollard::query_parameters::LogsOptions;
use estiba_host::directory::make_private;
use estiba_host::{HostError, record};
use estiba_model::{EnvironmentId, InstanceName, Name, SecretString};
use estiba_target::{LogLine, LogQuery, LogStream, Redactor, TargetError};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::engine::Engine;
use crate::instance::{Instance, Member};
use crate::layout::EnvironmentDir;
use crate::log_lines::{Lines, Source};
use crate::log_mark::{Mark, is_before};

/// Lines of an instance that is gone, at the most.
const KEPT_LINES: usize = 20_000;
/// Instances of a workload that are gone, at the most.
const KEPT_INSTANCES: usize = 10;
/// Time between two looks for instances that have started.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Lines on their way to who follows.
const IN_FLIGHT: usize = 1024;

/// The lines that are wanted, in order of time.
pub(crate) async fn stream(
    socket: String,
    place: EnvironmentDir,
    environment: &EnvironmentId,
    workload: &Name,
    query: &LogQuery,
) -> Result<LogStream, TargetError> {
    let engine = Arc::new(Engine::new(socket));
    let live = of_workload(&engine, environment, workload).await?;
    let mut lines = kept(&place.logs(workload), query.since)?;
    let mut known = HashMap::new();
    for (instance, member) in members(&live) {
        let redactor = redactor(&place, &instance.name);
        let own = read(&engine, &redactor, member, query.since, None).await?;
        known.insert(member.id.clone(), Mark::after(&own, query.since));
        lines.extend(own);
    }
    lines.sort_by_key(|line| line.at);
    if let Some(tail) = query.tail {
        lines.drain(..lines.len().saturating_sub(tail));
    }
    let past = stream::iter(lines.into_iter().map(Ok));
    if !query.follow {
        return Ok(past.boxed());
    }
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let follower = Follower {
        engine,
        place,
        environment: environment.clone(),
        workload: workload.clone(),
        sender,
    };
    // From here on no line twice, and none left out.
    tokio::spawn(follower.follow(known));
    let coming = stream::unfold(receiver, |mut receiver| async {
        let line = receiver.recv().await?;
        Some((line, receiver))
    });
    Ok(past.chain(coming).boxed())
}

/// Goes on with new lines, also those of instances that start later.
struct Follower {
    engine: Arc<Engine>,
    place: EnvironmentDir,
    environment: EnvironmentId,
    workload: Name,
    sender: mpsc::Sender<Result<LogLine, TargetError>>,
}

impl Follower {
    /// Goes on where those that are known stand.
    async fn follow(self, mut known: HashMap<String, Mark>) {
        let mut followed = HashSet::new();
        while !self.sender.is_closed() {
            match of_workload(&self.engine, &self.environment, &self.workload).await {
                Ok(instances) => {
                    for (instance, member) in members(&instances) {
                        if followed.insert(member.id.clone()) {
                            let told = known.remove(&member.id).unwrap_or_default();
                            self.start(instance, member, told);
                        }
                    }
                }
                Err(error) => {
                    let _ = self.sender.send(Err(error.into())).await;
                    return;
                }
            }
            tokio::select! {
                () = sleep(LOOK_EVERY) => {}
                () = self.sender.closed() => {}
            }
        }
    }

    fn start(&self, instance: &Instance, member: &Member, mut told: Mark) {
        let redactor = redactor(&self.place, &instance.name);
        let (engine, sender) = (Arc::clone(&self.engine), self.sender.clone());
        let source = Source::of(member);
        tokio::spawn(async move {
            let Ok(api) = engine.api().await else { return };
            let options = options(told.at, None, true);
            let mut output = Box::pin(api.logs(&source.container_id, Some(options)));
            let mut pieces = Lines::of(&source, &redactor);
            while let Some(Ok(output)) = output.next().await {
                let Some(line) = pieces.put(output) else {
                    continue;
                };
                if told.is_behind(line.at) && sender.send(Ok(line)).await.is_err() {
                    return;
                }
            }
            for line in pieces.rest() {
                let _ = sender.send(Ok(line)).await;
            }
        });
    }
}

/// The last lines of an instance, as texts.
pub(crate) async fn last_lines(
    engine: &Engine,
    place: &EnvironmentDir,
    instance: &Instance,
    count: usize,
) -> Result<Vec<String>, HostError> {
    let mut lines = read_all(engine, place, instance, count).await?;
    lines.sort_by_key(|line| line.at);
    lines.drain(..lines.len().saturating_sub(count));
    Ok(lines.into_iter().flat_map(LogLine::said).collect())
}

/// The last lines of a container that is no instance's, as texts.
pub(crate) async fn last_of_container(
    engine: &Engine,
    container: &str,
    count: usize,
) -> Result<Vec<String>, HostError> {
    let options = LogsOptions {
        timestamps: false,
        ..options(None, Some(count), false)
    };
    let mut output = Box::pin(engine.api().await?.logs(container, Some(options)));
    let mut lines = Vec::new();
    while let Some(piece) = output.next().await {
        let piece = piece.map_err(|error| engine.failed(error))?;
        lines.push(piece.to_string().trim_end().to_owned());
    }
    Ok(lines)
}

/// Keeps the log of an instance that is about to be removed.
pub(crate) async fn keep(
    engine: &Engine,
    place: &EnvironmentDir,
    instance: &Instance,
) -> Result<(), HostError> {
    let Some(workload) = instance.workload() else {
        return Ok(());
    };
    let mut lines = read_all(engine, place, instance, KEPT_LINES).await?;
    lines.sort_by_key(|line| line.at);
    if lines.is_empty() {
        return Ok(());
    }
    let directory = place.logs(workload);
    make_private(&directory)?;
    let path = directory.join(format!("{}.jsonl", instance.name));
    let write = || -> std::io::Result<()> {
        // One that was started again under its name goes on.
        let file = File::options().create(true).append(true).open(&path)?;
        let mut file = std::io::BufWriter::new(file);
        for line in &lines {
            serde_json::to_writer(&mut file, line)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    };
    write().map_err(HostError::at(&path))?;
    prune(&directory)
}

/// Removes the oldest logs where there are too many.
fn prune(directory: &Path) -> Result<(), HostError> {
    let mut files = Vec::new();
    for name in record::names(directory)? {
        let path = directory.join(name);
        let changed = fs::metadata(&path).and_then(|found| found.modified());
        files.push((changed.map_err(HostError::at(&path))?, path));
    }
    files.sort();
    let surplus = files.len().saturating_sub(KEPT_INSTANCES);
    files
        .iter()
        .take(surplus)
        .try_for_each(|(_, path)| record::remove(path))
}

/// The lines of instances that are gone.
fn kept(directory: &Path, since: Option<Timestamp>) -> Result<Vec<LogLine>, HostError> {
    let mut lines = Vec::new();
    for name in record::names(directory)? {
        let path = directory.join(name);
        let file = File::open(&path).map_err(HostError::at(&path))?;
        let mut last = VecDeque::new();
        for text in BufReader::new(file).lines() {
            let text = text.map_err(HostError::at(&path))?;
            // The last one may have been cut short.
            if let Ok(line) = serde_json::from_str::<LogLine>(&text) {
                last.push_back(line);
            }
            if last.len() > KEPT_LINES {
                last.pop_front();
            }
        }
        let wanted = |line: &LogLine| since.is_none_or(|since| line.at >= since);
        lines.extend(last.into_iter().filter(wanted));
    }
    Ok(lines)
}

async fn of_workload(
    engine: &Engine,
    environment: &EnvironmentId,
    workload: &Name,
) -> Result<Vec<Instance>, HostError> {
    let mut instances = Instance::all(engine, environment).await?;
    instances.retain(|instance| instance.workload() == Some(workload));
    Ok(instances)
}

fn members(instances: &[Instance]) -> impl Iterator<Item = (&Instance, &Member)> {
    instances.iter().flat_map(|instance| {
        instance
            .members
            .iter()
            .map(move |member| (instance, member))
    })
}

/// The last lines of all containers of an instance.
async fn read_all(
    engine: &Engine,
    place: &EnvironmentDir,
    instance: &Instance,
    tail: usize,
) -> Result<Vec<LogLine>, HostError> {
    let redactor = redactor(place, &instance.name);
    let mut lines = Vec::new();
    for member in &instance.members {
        lines.extend(read(engine, &redactor, member, None, Some(tail)).await?);
    }
    Ok(lines)
}

async fn read(
    engine: &Engine,
    redactor: &Redactor,
    member: &Member,
    since: Option<Timestamp>,
    tail: Option<usize>,
) -> Result<Vec<LogLine>, HostError> {
    let mut lines = Vec::new();
    let source = Source::of(member);
    let options = options(since, tail, false);
    let mut output = Box::pin(
        engine
            .api()
            .await?
            .logs(&source.container_id, Some(options)),
    );
    let mut pieces = Lines::of(&source, redactor);
    while let Some(piece) = output.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => {
                engine.unless_gone::<()>(error)?;
                break;
            }
        };
        lines.extend(pieces.put(piece));
    }
    lines.extend(pieces.rest());
    lines.retain(|line| since.is_none_or(|since| !is_before(line.at, since)));
    Ok(lines)
}

fn redactor(place: &EnvironmentDir, instance: &InstanceName) -> Redactor {
    let secrets = place.secrets(instance);
    let secrets = secrets.and_then(|path| record::read::<Vec<String>>(&path));
    let secrets = secrets.ok().flatten().unwrap_or_default();
    let secrets: Vec<_> = secrets.into_iter().map(SecretString::new).collect();
    Redactor::new(&secrets)
}

fn options(since: Option<Timestamp>, tail: Option<usize>, follow: bool) -> LogsOptions {
    // Podman leaves out what was written at that moment itself.
    let seconds = since.map_or(0, |since| (since.as_second() - 1).max(0));
    LogsOptions {
        follow,
        stdout: true,
        stderr: true,
        since: i32::try_from(seconds).unwrap_or(i32::MAX),
        until: 0,
        timestamps: true,
        tail: tail.map_or_else(|| "all".to_owned(), |count| count.to_string()),
    }
}
