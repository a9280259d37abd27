//! How the store fails.

use std::io;
use std::path::PathBuf;

use estiba_model::{DeploymentId, DeploymentState, Message, ProjectId, Version, message};

use crate::database::Place;
use crate::key::KeyError;

/// The state can't be read or written, or does not allow what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
pub enum StoreError {
    /// A secret can't be sealed or opened.
    Key(#[from] KeyError),
    /// The state directory, or a file in it, can't be used.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The URL does not name a PostgreSQL database.
    InvalidUrl,
    /// The database file is damaged, or is something else.
    Corrupted {
        /// Which.
        path: PathBuf,
        /// What was found.
        found: String,
    },
    /// A newer Estiba wrote the database.
    NewerSchema {
        /// Where it is.
        place: String,
        /// The version of its schema.
        found: i64,
        /// The newest that this Estiba knows.
        known: i64,
    },
    /// The database belongs to another key.
    OtherKey {
        /// Where it is.
        place: String,
        /// The public half of the database's key.
        expected: String,
        /// The public half of the key that was given.
        given: String,
    },
    /// There is no space left.
    DiskFull {
        /// Where.
        place: String,
    },
    /// The operating system or the server forbids it.
    Denied {
        /// Where.
        place: String,
        /// What it said.
        cause: String,
    },
    /// Another program holds the database.
    Busy {
        /// Where it is.
        place: String,
    },
    /// The server does not answer.
    Unreachable {
        /// Where it should be.
        place: String,
        /// What was tried and failed.
        cause: String,
    },
    /// Anything else that the database says.
    Database {
        /// Where it is.
        place: String,
        /// What it says.
        cause: String,
    },
    /// A stored record does not have the form that it should have.
    Record {
        /// The column.
        column: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The version exists, with other content.
    VersionTaken {
        /// Of which project.
        project: ProjectId,
        /// Which.
        version: Version,
    },
    /// There is no such deployment.
    UnknownDeployment(DeploymentId),
    /// There is no such step.
    UnknownStep {
        /// Of which deployment.
        deployment: DeploymentId,
        /// Which.
        index: u32,
    },
    /// The deployment is past what was asked of it.
    NotPossible {
        /// Which.
        deployment: DeploymentId,
        /// How far it is.
        state: DeploymentState,
    },
}

impl StoreError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// What `error` means for whoever uses the database at `place`.
    pub(crate) fn from_database(place: &Place, error: &sqlx::Error) -> Self {
        let cause = error.to_string();
        let code = match error {
            sqlx::Error::Database(e) => e.code().unwrap_or_default().into_owned(),
            _ => String::new(),
        };
        let name = place.to_string();
        match place {
            Place::File { path, .. } => {
                // The low byte of an extended code is the primary one
                // (https://www.sqlite.org/rescode.html).
                match code.parse::<u32>().map(|code| code & 0xff) {
                    Ok(11 | 26) => Self::Corrupted {
                        path: path.clone(),
                        found: cause,
                    },
                    Ok(13) => Self::DiskFull { place: name },
                    Ok(3 | 8 | 14 | 23) => Self::Denied { place: name, cause },
                    Ok(5 | 6) => Self::Busy { place: name },
                    _ if matches!(error, sqlx::Error::PoolTimedOut) => Self::Busy { place: name },
                    _ => Self::Database { place: name, cause },
                }
            }
            Place::Server { .. } => match (code.as_str(), error) {
                // https://www.postgresql.org/docs/current/errcodes-appendix.html
                ("53100", _) => Self::DiskFull { place: name },
                (code, _) if code.starts_with("28") || matches!(code, "42501" | "25006") => {
                    Self::Denied { place: name, cause }
                }
                ("3D000", _)
                | (
                    _,
                    sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed,
                ) => Self::Unreachable { place: name, cause },
                (code, _) if code.starts_with("57P") || code.starts_with("08") => {
                    Self::Unreachable { place: name, cause }
                }
                _ => Self::Database { place: name, cause },
            },
        }
    }

    /// What went wrong and what to do, for people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Key(error) => error.message(),
            Self::File { path, source } => message!(
                "{} can't be used: {source}",
                "no se puede usar {}: {source}",
                path.display()
            ),
            Self::InvalidUrl => message!(
                "the address of the state is not a PostgreSQL URL: write postgres://USER:PASSWORD@HOST:PORT/DATABASE",
                "la dirección del estado no es una URL de PostgreSQL: escriba postgres://USUARIO:CLAVE@SERVIDOR:PUERTO/BASE"
            ),
            Self::Corrupted { path, found } => message!(
                "the state file {0} is damaged or is not Estiba's ({found}); nothing was changed. Put a copy back, or move it aside with `mv {0} {0}.damaged` and run the command again: what runs goes on running and its environments are found again; releases, history and secrets are only in that file",
                "el archivo de estado {0} está dañado o no es de Estiba ({found}); no se cambió nada. Restaure una copia, o apártelo con `mv {0} {0}.damaged` y ejecute el comando de nuevo: lo que está en marcha sigue en marcha y sus ambientes se vuelven a encontrar; las versiones, el historial y los secretos están solo en ese archivo",
                path.display()
            ),
            Self::NewerSchema {
                place,
                found,
                known,
            } => message!(
                "{place} was written by a newer Estiba: it has schema {found} and this Estiba knows up to {known}; nothing was changed. Use the newer Estiba, or another state directory",
                "{place} fue escrito por una versión más nueva de Estiba: tiene el esquema {found} y este Estiba conoce hasta el {known}; no se cambió nada. Use el Estiba más nuevo u otro directorio de estado"
            ),
            Self::OtherKey {
                place,
                expected,
                given,
            } => message!(
                "{place} was made with the key {expected} and the key file holds {given}; nothing was changed. Put the right key file back; on another machine, copy it there",
                "{place} se creó con la clave {expected} y el archivo de clave contiene {given}; no se cambió nada. Restaure el archivo de clave correcto; en otra máquina, cópielo allí"
            ),
            Self::DiskFull { place } => message!(
                "no space is left for {place}: free some and run the command again; nothing was written by halves",
                "no queda espacio para {place}: libere algo y ejecute el comando de nuevo; nada quedó escrito a medias"
            ),
            Self::Denied { place, cause } => message!(
                "{place} can't be opened or written ({cause}): check who owns it and its permissions, or the user and password",
                "no se puede abrir o escribir {place} ({cause}): verifique el dueño y los permisos, o el usuario y la clave"
            ),
            Self::Busy { place } => message!(
                "{place} is held by another program: wait for it to end and run the command again",
                "otro programa tiene ocupado {place}: espere a que termine y ejecute el comando de nuevo"
            ),
            Self::Unreachable { place, cause } => message!(
                "{place} can't be reached ({cause}): check that the server runs and that the database exists",
                "no se puede llegar a {place} ({cause}): verifique que el servidor esté en marcha y que la base de datos exista"
            ),
            Self::Database { place, cause } => message!("{place}: {cause}", "{place}: {cause}"),
            Self::Record { column, cause } => message!(
                "a stored record has an unreadable {column}: {cause}",
                "un registro guardado tiene {column} ilegible: {cause}"
            ),
            Self::VersionTaken { project, version } => message!(
                "version {version} of {project} exists with other content, and a version never changes: choose another",
                "la versión {version} de {project} existe con otro contenido, y una versión nunca cambia: elija otra"
            ),
            Self::UnknownDeployment(id) => message!(
                "there is no deployment {id}: see `estiba history`",
                "no existe el despliegue {id}: vea `estiba history`"
            ),
            Self::UnknownStep { deployment, index } => message!(
                "deployment {deployment} has no step {index}",
                "el despliegue {deployment} no tiene el paso {index}"
            ),
            Self::NotPossible { deployment, state } => {
                let (en, es) = state_words(*state);
                message!(
                    "deployment {deployment} is {en} already",
                    "el despliegue {deployment} ya está {es}",
                )
            }
        }
    }
}

fn state_words(state: DeploymentState) -> (&'static str, &'static str) {
    match state {
        DeploymentState::Queued => ("queued", "en cola"),
        DeploymentState::Running => ("running", "en curso"),
        DeploymentState::RollingBack => ("rolling back", "volviendo atrás"),
        DeploymentState::Succeeded => ("done", "terminado"),
        DeploymentState::Failed => ("failed", "fallido"),
        DeploymentState::Superseded => ("superseded", "reemplazado por otro más nuevo"),
    }
}
