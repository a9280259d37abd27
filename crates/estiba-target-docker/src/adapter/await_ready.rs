//! Waiting for an instance, and explaining why it does not get ready.

use std::time::Duration;

use estiba_host::HostError;
use estiba_model::{EnvironmentId, InstanceName, Message, message};
use estiba_target::TargetError;
use tokio::time::{Instant as Clock, sleep_until};

use super::DockerTarget;
use crate::instance::{CRASHING_AFTER, Instance};
use crate::routing::settle;
use crate::{logs, run};

/// Lines of an instance's log that explain a failure.
pub(super) const EXPLAINING_LINES: usize = 20;
/// What the kernel says of a program for another processor.
const OTHER_PROCESSOR: &str = "exec format error";
/// Pauses between two looks: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl DockerTarget {
    pub(super) async fn await_instance(
        &self,
        environment: &EnvironmentId,
        instance: &InstanceName,
        timeout: Duration,
    ) -> Result<(), TargetError> {
        let layout = self.layout(environment).await?;
        let place = layout.environment(environment);
        let deadline = Clock::now() + timeout;
        let mut pause = FIRST_PAUSE;
        let message = loop {
            let found = Instance::find(&self.engine, environment, instance).await?;
            if found.members.is_empty() {
                let instance = instance.clone();
                return Err(HostError::NoInstance { instance }.into());
            }
            run::start_due(&self.engine, &found).await?;
            let why = match run::all_ready(&self.engine, &found).await {
                Ok(()) => {
                    let mut standing = found.standing(&place)?;
                    (standing.ready, standing.was_ready, standing.why) = (true, true, None);
                    // One that was started anew answers at other ports.
                    settle(&self.engine, &layout, &found, None, &standing).await?;
                    return Ok(());
                }
                Err(why) => why,
            };
            if !found.stands() {
                break because(&message!("{instance} ended", "{instance} terminó"), &why);
            }
            if found.restarts() >= CRASHING_AFTER {
                let crashes = message!(
                    "{instance} ends as soon as it starts",
                    "{instance} termina apenas inicia"
                );
                break because(&crashes, &why);
            }
            if Clock::now() >= deadline {
                let seconds = timeout.as_secs_f32();
                let late = message!(
                    "{instance} was not ready within {seconds} s",
                    "{instance} no estuvo lista en {seconds} s"
                );
                break because(&late, &why);
            }
            sleep_until((Clock::now() + pause).min(deadline)).await;
            pause = pause.mul_f32(1.5).min(LONGEST_PAUSE);
        };
        let found = Instance::find(&self.engine, environment, instance).await?;
        let lines = logs::last_lines(&self.engine, &place, &found, EXPLAINING_LINES).await?;
        let message = match lines.iter().any(|line| line.contains(OTHER_PROCESSOR)) {
            true => because(&message, &other_processor()),
            false => message,
        };
        Err(TargetError::new(message).with_log(lines))
    }
}

fn other_processor() -> Message {
    message!(
        "the image is for another processor than this machine's: build it for this one",
        "la imagen es para otro procesador que el de esta máquina: constrúyala para este"
    )
}

fn because(what: &Message, why: &Message) -> Message {
    Message {
        en: format!("{}: {}", what.en, why.en),
        es: format!("{}: {}", what.es, why.es),
    }
}
