//! What can go wrong with a store.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use estiba_model::{Message, message};

use crate::Environment;

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the folder.
    #[error("{folder}: another process uses this log store: end it first", folder = .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file can't be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl OpenError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// Why lines were not taken. None of those given to the call is kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The queue stayed full for [`Options::patience`](crate::Options::patience).
    #[error("the log store can't keep up: send again in {retry_after:?}")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk is full, or nearly.
    #[error("the disk of the log store is full: free some space, or keep logs for less long")]
    DiskFull,
    /// The lines are more bytes than the whole queue: send them in parts.
    #[error("{bytes} bytes of lines at once are more than the {most} that fit: send them in parts")]
    TooLarge {
        /// How many bytes they are.
        bytes: usize,
        /// How many fit.
        most: usize,
    },
    /// There are [`Options::most_environments`](crate::Options::most_environments)
    /// already.
    #[error("{environment}: the log store has no room for more environments")]
    TooManyEnvironments {
        /// The one too many.
        environment: Environment,
    },
    /// Its team has [`Options::most_environments_of_team`] already.
    ///
    /// [`Options::most_environments_of_team`]: crate::Options::most_environments_of_team
    #[error(
        "{environment}: the log store has {most} environments of this team, and takes no more of one: use one of those"
    )]
    TooManyOfTeam {
        /// The one too many.
        environment: Environment,
        /// How many there are.
        most: usize,
    },
    /// The write-ahead log can't be written.
    #[error("the log store can't write: {0}")]
    Write(String),
    /// The store is closed.
    #[error("the log store is closed")]
    Closed,
}

impl AppendError {
    /// For people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Busy { retry_after } => message!(
                "the log store can't keep up: send again in {retry_after:?}",
                "el almacén de logs no da abasto: reenvía en {retry_after:?}"
            ),
            Self::DiskFull => message!(
                "the disk of the log store is full: free some space, or keep logs for less long",
                "el disco del almacén de logs está lleno: libera espacio, o guarda los logs menos tiempo"
            ),
            Self::TooLarge { bytes, most } => message!(
                "{bytes} bytes of lines at once are more than the {most} that fit: send them in parts",
                "{bytes} bytes de líneas de una vez son más que los {most} que entran: envíalas por partes"
            ),
            Self::TooManyEnvironments { environment } => message!(
                "{environment}: the log store has no room for more environments",
                "{environment}: el almacén de logs no tiene lugar para más ambientes"
            ),
            Self::TooManyOfTeam { environment, most } => message!(
                "{environment}: the log store has {most} environments of this team, and takes no more of one: use one of those, or wait until the lines of one are too old to be kept",
                "{environment}: el almacén de logs tiene {most} ambientes de este equipo, y no acepta más de uno solo: usa uno de esos, o espera a que las líneas de alguno sean demasiado viejas para guardarse"
            ),
            Self::Write(why) => message!(
                "the log store can't write: {why}",
                "el almacén de logs no puede escribir: {why}"
            ),
            Self::Closed => message!("the log store is closed", "el almacén de logs está cerrado"),
        }
    }
}

/// Why a read has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The request is wrong.
    #[error("{0}")]
    Wrong(Message),
    /// The index could not be read, though it is not known to be damaged.
    #[error("the logs can't be read: {0}")]
    Index(String),
    /// The lines are in another place, which gives no answer.
    #[error("{0}")]
    Elsewhere(Message),
    /// So many lines are followed already that one more could slow down others.
    #[error("{0} readers follow the logs already: end one")]
    TooManyFollowers(usize),
    /// A fault of the index: the question is one that it can't take.
    #[error("the index can't answer this")]
    Unanswered,
    /// The store is closed.
    #[error("the log store is closed")]
    Closed,
}

impl ReadError {
    /// For people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Wrong(message) | Self::Elsewhere(message) => message.clone(),
            Self::Index(why) => message!(
                "the logs can't be read: {why}",
                "no se pueden leer los logs: {why}"
            ),
            Self::TooManyFollowers(most) => message!(
                "{most} readers follow the logs already: end one",
                "ya hay {most} lectores siguiendo los logs: termina uno"
            ),
            Self::Unanswered => message!(
                "the log store can't answer this question; the server's log says why",
                "el almacén de logs no puede responder esta pregunta; el registro del servidor dice por qué"
            ),
            Self::Closed => message!("the log store is closed", "el almacén de logs está cerrado"),
        }
    }
}
