//! What goes wrong on this machine, in words for people.

use std::io;
use std::path::{Path, PathBuf};

use estiba_image::ImageError;
use estiba_model::{InstanceName, Message, message};
use estiba_target::TargetError;

/// A failure on this machine.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub enum HostError {
    /// A file or directory of the target's state.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of the state that is not what it should be.
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The operating system refused something that is no file.
    System {
        /// What it refused.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// A background process did not come up.
    Background {
        /// Which.
        role: &'static str,
        /// Why.
        detail: String,
    },
    /// No port is left in a range.
    NoPort {
        /// The first of the range.
        first: u16,
        /// The last of the range.
        last: u16,
    },
    /// The instance is not there.
    NoInstance {
        /// Which.
        instance: InstanceName,
    },
    /// Something that says all by itself.
    Told(Message),
}

impl HostError {
    /// For `map_err`: a failure at `path`.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// For `map_err`: the operating system refused `what`.
    pub fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System {
            what,
            source: source.into(),
        }
    }

    /// What happened and what to do.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::File { path, source } if source.kind() == io::ErrorKind::StorageFull => message!(
                "the disk is full: {path} can't be written; free some space and try again",
                "el disco está lleno: no se puede escribir {path}; libere espacio e intente de nuevo",
                path = path.display()
            ),
            Self::File { path, source } => message!(
                "{path}: {source}",
                "{path}: {source}",
                path = path.display()
            ),
            Self::Damaged { path, detail } => message!(
                "{path} is damaged ({detail}): move it away and deploy again",
                "{path} está dañado ({detail}): muévalo a otro lugar y despliegue de nuevo",
                path = path.display()
            ),
            Self::System { what, source } => message!(
                "the system refused {what}: {source}",
                "el sistema rechazó {what}: {source}"
            ),
            Self::Background { role, detail } => message!(
                "the background process {role} did not start: {detail}",
                "el proceso en segundo plano {role} no inició: {detail}"
            ),
            Self::NoPort { first, last } => message!(
                "no port is free from {first} to {last}: stop what uses them, or take an environment down",
                "no hay puertos libres de {first} a {last}: detenga lo que los usa o elimine un ambiente"
            ),
            Self::NoInstance { instance } => message!(
                "the instance {instance} is not running; `estiba status` shows those that are",
                "la instancia {instance} no está corriendo; `estiba status` muestra las que sí"
            ),
            Self::Told(message) => message.clone(),
        }
    }
}

impl From<HostError> for TargetError {
    fn from(error: HostError) -> Self {
        Self::new(error.message())
    }
}

impl From<ImageError> for HostError {
    fn from(error: ImageError) -> Self {
        Self::Told(error.message())
    }
}

impl From<estiba_edge::ControlError> for HostError {
    fn from(error: estiba_edge::ControlError) -> Self {
        Self::Told(error.message())
    }
}
