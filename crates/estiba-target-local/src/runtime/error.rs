//! What can go wrong, in words for people.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use estiba_model::{Message, message};
use serde::{Deserialize, Serialize};

/// Why a helper could not do what it was started for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The request itself is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The program is not in the image.
    #[error("program {program:?} is not in the image")]
    ProgramNotFound {
        /// As the request names it.
        program: String,
    },
    /// The program is there, but the kernel does not run it.
    #[error("cannot run {program:?}: {reason}")]
    ProgramNotRunnable {
        /// As the request names it.
        program: String,
        /// What the kernel said.
        reason: String,
    },
    /// The kernel does not let this user make containers.
    #[error("not allowed to create {what}: {reason}")]
    NotAllowed {
        /// A namespace, a mount.
        what: String,
        /// What the kernel said.
        reason: String,
    },
    /// A file or directory could not be prepared.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        reason: String,
    },
    /// The container to run a command in does not run.
    #[error("container {id} does not run")]
    NotRunning {
        /// Its id.
        id: String,
    },
    /// libcontainer refused or failed.
    #[error("container runtime: {0}")]
    Runtime(String),
}

impl Failure {
    pub(super) fn file(path: impl Into<PathBuf>, error: &impl ToString) -> Self {
        Self::File {
            path: path.into(),
            reason: error.to_string(),
        }
    }

    pub(super) fn not_allowed(what: &str, error: &impl ToString) -> Self {
        Self::NotAllowed {
            what: what.to_owned(),
            reason: error.to_string(),
        }
    }

    /// An error of libcontainer with all its causes.
    pub(super) fn runtime(error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self::Runtime(text)
    }

    /// For people: what happened and what to do.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Invalid(reason) => message!(
                "the container's description is wrong: {reason}",
                "la descripción del contenedor está mal: {reason}"
            ),
            Self::ProgramNotFound { program } => message!(
                "the program {program:?} is not in the image; check `command` in the Score file or the image's entrypoint",
                "el programa {program:?} no está en la imagen; revisar `command` en el archivo Score o el entrypoint de la imagen"
            ),
            Self::ProgramNotRunnable { program, reason } => message!(
                "the program {program:?} cannot be run: {reason}; check that it is executable and built for this machine's processor",
                "el programa {program:?} no se puede ejecutar: {reason}; tiene que ser ejecutable y estar compilado para el procesador de esta máquina"
            ),
            Self::NotAllowed { what, reason } => message!(
                "this user may not create {what}: {reason}; run `estiba doctor` to see what this machine allows",
                "este usuario no puede crear {what}: {reason}; `estiba doctor` muestra qué permite esta máquina"
            ),
            Self::File { path, reason } => {
                let path = path.display();
                message!("{path}: {reason}", "{path}: {reason}")
            }
            Self::NotRunning { id } => message!(
                "the container {id} is not running",
                "el contenedor {id} no está corriendo"
            ),
            Self::Runtime(reason) => message!(
                "the container could not be created: {reason}",
                "no se pudo crear el contenedor: {reason}"
            ),
        }
    }
}

/// Why [`launch`](super::launch) started no container.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The helper could not be started or spoken with.
    #[error("container {id}: cannot use the helper {helper}", helper = helper.display())]
    Helper {
        /// The container.
        id: String,
        /// The program started.
        helper: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The helper ended without a word.
    #[error("container {id}: the helper ended early ({status})")]
    Silent {
        /// The container.
        id: String,
        /// How it ended.
        status: String,
    },
    /// The container did not start in time.
    #[error("container {id}: did not start within {limit:?}")]
    TimedOut {
        /// The container.
        id: String,
        /// The time it had.
        limit: Duration,
    },
    /// The container cannot run.
    #[error("container {id}: {failure}")]
    Failed {
        /// The container.
        id: String,
        /// Why.
        failure: Failure,
    },
}

/// Why [`exec`](super::exec) has no exit code to tell.
pub type ExecError = LaunchError;

impl LaunchError {
    /// For people: what happened and what to do.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Helper { id, helper, source } => {
                let helper = helper.display();
                message!(
                    "container {id}: {helper} could not be started: {source}",
                    "contenedor {id}: no se pudo iniciar {helper}: {source}"
                )
            }
            Self::Silent { id, status } => message!(
                "container {id}: the helper ended early ({status}); is the machine out of memory?",
                "contenedor {id}: el proceso auxiliar terminó antes de tiempo ({status}); ¿le falta memoria a la máquina?"
            ),
            Self::TimedOut { id, limit } => {
                let seconds = limit.as_secs_f32();
                message!(
                    "container {id}: not done after {seconds} s; it was stopped",
                    "contenedor {id}: no terminó en {seconds} s y fue detenido"
                )
            }
            Self::Failed { id, failure } => failure.message().map(|text| format!("{id}: {text}")),
        }
    }
}
