//! Why a shipper does not start, or ends.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Message, message};

/// What went wrong. A sink that is down is not among it, but at the end: that is waited for.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum ShipError {
    /// The configuration has mistakes; all of them.
    Config(Vec<Diagnostic>),
    /// A file of the state folder, or the secret of a login, can't be used.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another shipper has the state folder.
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// Nobody can be let in there.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The sink can't be talked to at all.
    Sink(String),
    /// The sink did not take everything in time, and nothing else has the rest.
    Lost {
        /// How many lines of it were read.
        lines: u64,
    },
}

impl ShipError {
    /// What to tell people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Config(findings) => findings.first().map_or_else(
                || Message::verbatim(""),
                |finding| match &finding.hint {
                    Some(hint) => finding.message.because(hint),
                    None => finding.message.clone(),
                },
            ),
            Self::File { path, source } => {
                let path = path.display();
                message!(
                    "cannot use {path}: {source}",
                    "no se puede usar {path}: {source}"
                )
            }
            Self::InUse { path } => {
                let path = path.display();
                message!(
                    "another shipper uses {path}: give each its own state folder",
                    "otro recolector usa {path}: dé a cada uno su propia carpeta de estado"
                )
            }
            Self::Listen { address, source } => {
                message!(
                    "cannot listen at {address}: {source}",
                    "no se puede escuchar en {address}: {source}"
                )
            }
            Self::Sink(what) => {
                message!(
                    "cannot make requests to the sink: {what}",
                    "no se puede hablar con el destino: {what}"
                )
            }
            Self::Lost { lines } => {
                message!(
                    "out of time: lines of standard input that were not delivered and are lost: {lines}; a `state` folder with a `buffer` keeps such lines for the next start",
                    "se acabó el tiempo: líneas de la entrada estándar que no se entregaron y se pierden: {lines}; una carpeta `state` con un `buffer` guarda esas líneas para el próximo inicio"
                )
            }
        }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if source.kind() == io::ErrorKind::WouldBlock {
                Self::InUse { path }
            } else {
                Self::File { path, source }
            }
        }
    }
}
