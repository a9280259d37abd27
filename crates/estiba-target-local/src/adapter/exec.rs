//! Commands in running instances.

use std::process::Stdio;

use estiba_model::{InstanceName, Message, message};
use estiba_target::{ExecIo, ExecRequest};

use super::{LocalTarget, blocking};
use crate::runtime::{self, Env, ExecError, ExecOutcome, ExecSpec, Failure};
use crate::supervisor::Labels;
use estiba_host::HostError;
use estiba_host::{lock, record};

/// What a shell adds to the number of a signal that ended a command.
const SIGNAL_BASE: i32 = 128;

impl LocalTarget {
    pub(super) async fn exec_in(
        &self,
        request: &ExecRequest,
        io: ExecIo,
    ) -> Result<i32, HostError> {
        let place = self.layout.environment(&request.environment);
        let directory = place.instance(&request.instance);
        let path = directory.lock();
        let labels: Option<Labels> = record::read(&directory.labels())?;
        let runs = lock::is_held(&path).map_err(HostError::at(&path))?;
        let Some(labels) = labels.filter(|_| runs) else {
            let instance = request.instance.clone();
            return Err(HostError::NoInstance { instance });
        };
        let mut containers = labels.containers.iter();
        let label = match &request.container {
            Some(name) => containers.find(|one| one.name == *name),
            None => containers.find(|one| !one.ships_logs),
        };
        let Some(label) = label else {
            let names: Vec<_> = labels
                .containers
                .iter()
                .map(|one| one.name.as_str())
                .collect();
            let (instance, names) = (&request.instance, names.join(", "));
            return Err(HostError::Told(message!(
                "{instance} has no such container; it has: {names}",
                "{instance} no tiene ese contenedor; tiene: {names}"
            )));
        };
        let spec = ExecSpec {
            id: label.id.clone(),
            args: request.command.clone(),
            env: Env::default(),
            cwd: None,
            limit: None,
        };
        let helper = self.config.helper.clone();
        let instance = request.instance.clone();
        blocking(move || {
            let stdio: [Stdio; 3] = [io.stdin.into(), io.stdout.into(), io.stderr.into()];
            let outcome = runtime::exec(&helper, &spec, stdio);
            match outcome.map_err(|error| HostError::Told(refused(&instance, &error)))? {
                ExecOutcome::Exited(code) => Ok(code),
                ExecOutcome::Killed(signal) => Ok(SIGNAL_BASE + signal),
            }
        })
        .await
    }
}

/// Here the program was typed, not configured.
fn refused(instance: &InstanceName, error: &ExecError) -> Message {
    match error {
        ExecError::Failed {
            failure: Failure::ProgramNotFound { program },
            ..
        } => message!(
            "{instance} has no program {program:?}; an image has only what was put into it",
            "{instance} no tiene el programa {program:?}; una imagen solo tiene lo que se puso en ella"
        ),
        other => other.message(),
    }
}
