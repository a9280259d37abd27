//! Waiting for an instance, and explaining why it does not get ready.

use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use estiba_model::{EnvironmentId, InstanceName, InstanceState, Message, message};
use estiba_target::TargetError;
use tokio::time::{Instant, sleep_until};

use super::LocalTarget;
use super::container::main_port;
use crate::layout::InstanceDir;
use crate::logs;
use crate::process;
use crate::supervisor::{Labels, Status};
use crate::watch::Watch;
use estiba_host::HostError;
use estiba_host::Process;
use estiba_host::{lock, record};

/// Lines of an instance's log that explain a failure.
pub(super) const EXPLAINING_LINES: usize = 20;

/// How waiting ended.
enum Outcome {
    Ready,
    Gone,
    Crashing,
    TooLate,
}

impl LocalTarget {
    pub(super) async fn await_instance(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        timeout: Duration,
    ) -> Result<(), TargetError> {
        let place = self.layout.environment(environment);
        let directory = place.instance(instance);
        let labels: Option<Labels> = record::read(&directory.labels())?;
        let Some(labels) = labels else {
            let instance = instance.clone();
            return Err(HostError::NoInstance { instance }.into());
        };
        let outcome = until_decided(&directory, Instant::now() + timeout).await?;
        let status: Option<Status> = record::read(&directory.status())?;
        let why = status.and_then(|status| why_not_ready(&labels, &status));
        let because = |what: Message| match &why {
            Some(why) => Message {
                en: format!("{}: {}", what.en, why.en),
                es: format!("{}: {}", what.es, why.es),
            },
            None => what,
        };
        let message = match outcome {
            Outcome::Ready => return Ok(()),
            Outcome::Gone => message!("{instance} ended", "{instance} terminó"),
            Outcome::Crashing => because(message!(
                "{instance} ends as soon as it starts",
                "{instance} termina apenas inicia"
            )),
            Outcome::TooLate => {
                let seconds = timeout.as_secs_f32();
                let late = because(message!(
                    "{instance} was not ready within {seconds} s",
                    "{instance} no estuvo lista en {seconds} s"
                ));
                with_port_advice(late, &labels)
            }
        };
        let logs = place.logs(&labels.workload);
        let lines = logs::last_lines(&logs, instance, EXPLAINING_LINES);
        Err(TargetError::new(message).with_log(lines))
    }
}

async fn until_decided(directory: &InstanceDir, deadline: Instant) -> Result<Outcome, HostError> {
    let watch = Watch::new().map_err(HostError::system("inotify"))?;
    watch
        .add(&directory.0)
        .map_err(HostError::at(&directory.0))?;
    let lock = directory.lock();
    let Some(holder) = lock::holder(&lock).map_err(HostError::at(&lock))? else {
        return Ok(Outcome::Gone);
    };
    // One that ended since shows by its lock.
    let supervisor = Process::open(holder.pid).ok();
    loop {
        let status: Option<Status> = record::read(&directory.status())?;
        match status.map(|status| status.state) {
            Some(InstanceState::Ready) => return Ok(Outcome::Ready),
            Some(InstanceState::Crashing) => return Ok(Outcome::Crashing),
            Some(InstanceState::Stopped) => return Ok(Outcome::Gone),
            _ => {}
        }
        let (Some(supervisor), true) = (
            &supervisor,
            lock::is_held(&lock).map_err(HostError::at(&lock))?,
        ) else {
            return Ok(Outcome::Gone);
        };
        tokio::select! {
            changed = watch.changed() => changed.map_err(HostError::system("inotify"))?,
            ended = process::ended(supervisor) => ended.map_err(HostError::system("a supervisor's end"))?,
            () = sleep_until(deadline) => return Ok(Outcome::TooLate),
        }
    }
}

fn why_not_ready(labels: &Labels, status: &Status) -> Option<Message> {
    let containers = labels.containers.iter().zip(&status.containers);
    let mut own = containers.filter(|(_, one)| !one.ships_logs);
    let (label, container) = own.find(|(_, one)| !one.ready)?;
    let why = container
        .error
        .clone()
        .or_else(|| container.end.map(crate::supervisor::End::message))?;
    let name = &label.name;
    Some(Message {
        en: format!("{name}: {}", why.en),
        es: format!("{name}: {}", why.es),
    })
}

/// The most frequent reason: a program that does not look at `PORT`.
fn with_port_advice(message: Message, labels: &Labels) -> Message {
    let Some((_, port)) = main_port(&labels.ports) else {
        return message;
    };
    let (given, fixed) = (port.allocated, port.target_port);
    let is_accepting = |port: u16| {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
    };
    let advice = if is_accepting(given) {
        return message;
    } else if is_accepting(fixed) {
        message!(
            "it has to listen on the port that $PORT says ({given}), but something listens on {fixed}: is the port fixed in the program?",
            "tiene que escuchar en el puerto que dice $PORT ({given}), pero algo escucha en {fixed}: ¿el puerto está fijo en el programa?"
        )
    } else {
        message!(
            "it has to listen on the port that $PORT says ({given})",
            "tiene que escuchar en el puerto que dice $PORT ({given})"
        )
    };
    Message {
        en: format!("{}; {}", message.en, advice.en),
        es: format!("{}; {}", message.es, advice.es),
    }
}
