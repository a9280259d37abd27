//! Bringing an instance's containers up in their order, and asking how they are.

use std::time::Duration;

use estiba_host::HostError;
use estiba_model::{Message, Name, Ready, message};
use jiff::Timestamp;

use crate::engine::Engine;
use crate::instance::{Instance, Member};
use crate::probe;

/// Up for so long, a container with nothing to ask counts as ready; twice as
/// long after each end.
const SETTLED: Duration = Duration::from_millis(300);

/// Starts the containers that wait for nothing any more; whether there were
/// such.
pub(crate) async fn start_due(engine: &Engine, instance: &Instance) -> Result<bool, HostError> {
    let mut started = false;
    for member in &instance.members {
        if member.is_waiting() && is_due(engine, instance, member).await {
            engine.start(&member.id).await?;
            started = true;
        }
    }
    Ok(started)
}

/// Starts those again that share the address of a container which has started
/// since: they have lost the network.
pub(crate) async fn rejoin(engine: &Engine, instance: &Instance) -> Result<(), HostError> {
    let Some(owner) = instance.owner().filter(|owner| owner.is_running()) else {
        return Ok(());
    };
    for member in &instance.members {
        let is_cut_off = member.beside().is_some()
            && member.is_running()
            && member.started_at() < owner.started_at();
        if is_cut_off {
            restart(engine, &member.id).await?;
        }
    }
    Ok(())
}

/// Ends a container and starts it again.
pub(crate) async fn restart(engine: &Engine, container: &str) -> Result<(), HostError> {
    let restarted = engine.api().await?.restart_container(container, None).await;
    restarted.or_else(|error| engine.unless_gone(error))
}

async fn is_due(engine: &Engine, instance: &Instance, member: &Member) -> bool {
    if let Some(other) = member.beside()
        && !instance
            .members
            .iter()
            .any(|one| one.id == other && one.is_running())
    {
        return false;
    }
    for other in &instance.members {
        let Some(ready) = other.labels.plan.before.get(&member.labels.container) else {
            continue;
        };
        let is_met = match ready {
            Ready::Started => !other.is_waiting(),
            Ready::Complete => other.is_complete(),
            Ready::Healthy => is_ready(engine, instance, other).await.is_ok(),
        };
        if !is_met {
            return false;
        }
    }
    true
}

/// Whether every container of an instance is ready; what keeps the first one.
pub(crate) async fn all_ready(engine: &Engine, instance: &Instance) -> Result<(), Message> {
    for member in instance.own() {
        let ready = is_ready(engine, instance, member).await;
        ready.map_err(|why| of_container(&member.labels.container, &why))?;
    }
    Ok(())
}

/// The containers that are not alive any more, with what says so.
pub(crate) async fn unhealthy<'i>(
    engine: &Engine,
    instance: &'i Instance,
) -> Vec<(&'i Member, Message)> {
    let mut unhealthy = Vec::new();
    for member in instance.members.iter().filter(|one| one.is_running()) {
        let checks = &member.labels.plan.liveness;
        let passed = probe::all_pass(checks, engine, &member.id, instance.address()).await;
        unhealthy.extend(passed.err().map(|why| (member, why)));
    }
    unhealthy
}

async fn is_ready(engine: &Engine, instance: &Instance, member: &Member) -> Result<(), Message> {
    if member.labels.plan.completes() {
        return if member.is_complete() {
            Ok(())
        } else {
            Err(how_it_is(member))
        };
    }
    if !member.is_running() {
        return Err(how_it_is(member));
    }
    let checks = &member.labels.plan.readiness;
    if checks.is_empty() {
        let patience = SETTLED * 2_u32.saturating_pow(member.restarts().min(5));
        let up = member
            .started_at()
            .map(|at| Timestamp::now().duration_since(at));
        return match up.is_some_and(|up| up.unsigned_abs() >= patience) {
            true => Ok(()),
            false => Err(message!("it has just started", "recién inició")),
        };
    }
    probe::all_pass(checks, engine, &member.id, instance.address()).await
}

/// The state of a container that does not run as it should.
fn how_it_is(member: &Member) -> Message {
    let state = member.state();
    let code = state.exit_code.unwrap_or_default();
    let error = state.error.filter(|error| !error.is_empty());
    if let Some(error) = error {
        return Message::verbatim(error);
    }
    if member.is_waiting() {
        message!("it waits for another container", "espera a otro contenedor")
    } else if state.oom_killed == Some(true) {
        message!(
            "it needed more memory than its limit",
            "necesitó más memoria que su límite"
        )
    } else if member.is_running() {
        message!("it has not ended yet", "todavía no terminó")
    } else {
        message!("it ended with code {code}", "terminó con código {code}")
    }
}

fn of_container(container: &Name, why: &Message) -> Message {
    Message {
        en: format!("{container}: {}", why.en),
        es: format!("{container}: {}", why.es),
    }
}
