//! One process for each instance: starts its containers, watches them, keeps
//! their logs. It outlives the Estiba that started it.
//!
//! It tells how the instance is in `status.json`, shows that it lives by a lock,
//! and stops at SIGTERM.

mod board;
mod container;
mod description;
mod handover;
mod probe;
mod status;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use estiba_model::{InstanceState, Message};
use nix::sys::prctl;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::Instant;

use board::Board;
use container::Container;
pub(crate) use description::{
    Check, ContainerLabel, ContainerPlan, Description, FilePlan, Labels, PortLabel, Purpose,
};
pub(crate) use status::{End, Phase, Status};

use crate::layout::InstanceDir;
use crate::{runtime, traffic};
use estiba_host::HostError;
use estiba_host::background::{Started, leave_session, let_go_of_parent, tell};
use estiba_host::lock::{self, Held};
use estiba_host::record;

/// First argument of the program when it is to run an instance.
pub(crate) const ROLE: &str = "local-supervisor";
/// The longest description, in bytes; a longer one is refused.
const MAX_DESCRIPTION_BYTES: u64 = 64 << 20;
/// Time to end for containers when nobody says how long.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Time for the last lines of logs, after those who wrote them have ended.
const SHIPPING_GRACE: Duration = Duration::from_secs(10);

/// How a supervisor is to stop.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct StopOrder {
    pub(crate) grace_ms: u64,
}

/// Plays the role. Its one argument, the instance's directory, is for people
/// who look at processes; what counts comes over standard input.
pub(crate) fn run(_: &[OsString]) -> ExitCode {
    leave_session();
    match prepare() {
        Ok(Some(prepared)) => prepared.run(),
        Ok(None) => tell(&Started::AlreadyRuns),
        Err(error) => {
            tell(&Started::Failed(error.message()));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// A supervisor that has the lock.
struct Prepared {
    description: Description,
    _lock: Held,
}

fn prepare() -> Result<Option<Prepared>, HostError> {
    let mut text = Vec::new();
    io::stdin()
        .take(MAX_DESCRIPTION_BYTES)
        .read_to_end(&mut text)
        .map_err(HostError::system("standard input"))?;
    let description: Description = serde_json::from_slice(&text)
        // The error's own text may quote a secret.
        .map_err(|_| HostError::Told(Message::verbatim("description not understood")))?;
    drop(text);
    let path = description.directory.lock();
    let Some(lock) = lock::hold(&path).map_err(HostError::at(&path))? else {
        return Ok(None);
    };
    // Containers become children of this process, to be waited for.
    prctl::set_child_subreaper(true).map_err(HostError::system("PR_SET_CHILD_SUBREAPER"))?;
    end_leftovers(&description.directory)?;
    record::remove(&description.directory.stop_order())?;
    record::write(&description.directory.labels(), &description.labels)?;
    fs::create_dir_all(&description.logs).map_err(HostError::at(&description.logs))?;
    Ok(Some(Prepared {
        description,
        _lock: lock,
    }))
}

/// Ends what a supervisor left that was killed. Nobody may hold its lock but
/// the caller.
pub(crate) fn end_leftovers(directory: &InstanceDir) -> Result<(), HostError> {
    let status: Option<Status> = record::read(&directory.status())?;
    for container in status.iter().flat_map(|status| &status.containers) {
        if let Some(process) = container.process {
            process.kill();
        }
    }
    let labels: Option<Labels> = record::read(&directory.labels())?;
    for container in labels.iter().flat_map(|labels| &labels.containers) {
        runtime::delete(&container.id)
            .map_err(|error| HostError::Told(Message::verbatim(error.to_string())))?;
    }
    Ok(())
}

impl Prepared {
    fn run(self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => {
                let local = LocalSet::new();
                local.block_on(&runtime, supervise(Rc::new(self.description)));
            }
            Err(error) => {
                let error = HostError::system("an event loop")(error);
                tell(&Started::Failed(error.message()));
            }
        }
    }
}

async fn supervise(instance: Rc<Description>) {
    let board = Board::new(&instance.containers);
    // Before anybody is told that it runs, so that no signal is missed.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    );
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tell(&Started::Failed(Message::verbatim("no signals")));
        return;
    };
    let status = board.subscribe().borrow().clone();
    if let Err(error) = record::write(&instance.directory.status(), &status) {
        tell(&Started::Failed(error.message()));
        return;
    }
    tell(&Started::Runs);
    let_go_of_parent();

    let once = matches!(instance.purpose, Purpose::Migrate { .. });
    let telling = spawn_local(tell_status(Rc::clone(&instance), board.clone()));
    let mut containers: Vec<JoinHandle<()>> = (0..instance.containers.len())
        .map(|index| {
            let (instance, board) = (Rc::clone(&instance), board.clone());
            spawn_local(
                Container {
                    index,
                    instance,
                    board,
                    once,
                }
                .live(),
            )
        })
        .collect();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = all_end(&mut containers), if once => {}
    }
    stop(&instance, &board, &mut containers).await;
    telling.abort();
    finish(&instance, &board);
}

async fn all_end(containers: &mut [JoinHandle<()>]) {
    for container in containers.iter_mut() {
        let _ = container.await;
    }
}

/// Ends the containers, the last first. The one that reads logs has its time when the
/// others have ended.
async fn stop(instance: &Description, board: &Board, containers: &mut [JoinHandle<()>]) {
    let order: Option<StopOrder> = record::read(&instance.directory.stop_order())
        .ok()
        .flatten();
    let grace = order.map_or(DEFAULT_GRACE, |order| Duration::from_millis(order.grace_ms));
    let deadline = Instant::now() + grace;
    for (index, container) in containers.iter_mut().enumerate().rev() {
        if !container.is_finished() {
            let deadline = match instance.containers[index].ships_logs {
                true => Instant::now() + SHIPPING_GRACE,
                false => deadline,
            };
            board.stop(index, deadline);
            let _ = container.await;
        }
    }
}

/// Writes the last status, and for a migration that ended well its record.
fn finish(instance: &Description, board: &Board) {
    let mut status = board.subscribe().borrow().clone();
    status.state = InstanceState::Stopped;
    if let Purpose::Migrate { record } = &instance.purpose
        && status
            .containers
            .iter()
            .all(|one| one.phase == Phase::Completed)
    {
        let made = record.parent().map_or(Ok(()), fs::create_dir_all);
        let made = made.and_then(|()| fs::write(record, instance.labels.version.as_str()));
        if let Err(error) = made {
            // Kept by the process that started it in `supervisor.log`.
            let _ = writeln!(io::stderr(), "{}: {error}", record.display());
        }
    }
    let _ = record::remove(&instance.files);
    let _ = record::write(&instance.directory.status(), &status);
}

/// Keeps `status.json` as the board is, and traffic away from what is not ready.
async fn tell_status(instance: Rc<Description>, board: Board) {
    let mut changes = board.subscribe();
    let mut told = changes.borrow().state;
    while changes.changed().await.is_ok() {
        let status = changes.borrow_and_update().clone();
        if let Err(error) = record::write(&instance.directory.status(), &status) {
            let _ = writeln!(io::stderr(), "{}", error.message());
        }
        let concerns_traffic = [told, status.state].contains(&InstanceState::Ready);
        if told != status.state && concerns_traffic && !instance.labels.ports.is_empty() {
            publish(&instance).await;
        }
        told = status.state;
    }
}

async fn publish(instance: &Description) {
    let labels = &instance.labels;
    let published = traffic::publish_if_named(&instance.environment, labels, &instance.edge_socket);
    if let Err(error) = published.await {
        let _ = writeln!(io::stderr(), "{}", error.message());
    }
}
