//! What can go wrong, told to people in their language.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use estiba_model::{Message, message};
use serde::{Deserialize, Serialize};

/// Why a change of the routes was refused. The old routes stay in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum ChangeError {
    /// Someone else changed the table after it was read.
    Stale {
        /// The generation that the change was made for.
        expected: u64,
        /// The generation in force.
        actual: u64,
    },
    /// Not a host name that can be matched exactly.
    HostInvalid {
        /// Whose route it is.
        owner: String,
        /// The host as given.
        host: String,
    },
    /// Not an absolute path.
    PathInvalid {
        /// Whose route it is.
        owner: String,
        /// The path prefix as given.
        path_prefix: String,
    },
    /// Two routes for one place.
    RouteTaken {
        /// The host of both.
        host: String,
        /// The path prefix of both.
        path_prefix: String,
        /// Whose second route it is.
        owner: String,
        /// Whose first route it is.
        by: String,
    },
    /// Two service ports on one address.
    PortTaken {
        /// The address of both.
        listen: SocketAddr,
        /// Whose second port it is.
        owner: String,
        /// Whose first port it is.
        by: String,
    },
    /// Another program listens there.
    PortInUse {
        /// The address that was asked for.
        listen: SocketAddr,
    },
    /// The system does not let the edge listen there.
    PortRefused {
        /// The address that was asked for.
        listen: SocketAddr,
        /// What the system said.
        detail: String,
    },
    /// The table could not be written to disk.
    NotSaved {
        /// The table's file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
}

impl ChangeError {
    pub(crate) fn listen(listen: SocketAddr, source: &io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::PortInUse { listen }
        } else {
            Self::PortRefused {
                listen,
                detail: source.to_string(),
            }
        }
    }

    /// The error for people: what, where, and what to do next.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Stale { expected, actual } => message!(
                "the routes changed meanwhile (generation {actual}, not {expected}): read them and try again",
                "las rutas cambiaron mientras tanto (generación {actual}, no {expected}): léalas otra vez e intente de nuevo"
            ),
            Self::HostInvalid { owner, host } => message!(
                "«{host}», of {owner}, is not a host name: use letters, digits, dots and hyphens, with no port",
                "«{host}», de {owner}, no es un nombre de host: use letras, dígitos, puntos y guiones, sin puerto"
            ),
            Self::PathInvalid { owner, path_prefix } => message!(
                "«{path_prefix}», of {owner}, is not a path: it must start with / and have no spaces, ? or #",
                "«{path_prefix}», de {owner}, no es una ruta: debe empezar con / y no tener espacios, ? ni #"
            ),
            Self::RouteTaken {
                host,
                path_prefix,
                owner,
                by,
            } => message!(
                "{owner} asks for {host}{path_prefix}, which {by} has: give one of them another host or path",
                "{owner} pide {host}{path_prefix}, que es de {by}: dé a uno de los dos otro host u otra ruta"
            ),
            Self::PortTaken { listen, owner, by } => message!(
                "{owner} asks for port {listen}, which {by} has: give one of them another port",
                "{owner} pide el puerto {listen}, que es de {by}: dé a uno de los dos otro puerto"
            ),
            Self::PortInUse { listen } => message!(
                "port {listen} is in use by another program: stop it (`ss -ltnp` shows it) or choose another port",
                "otro programa usa el puerto {listen}: deténgalo (`ss -ltnp` lo muestra) o elija otro puerto"
            ),
            Self::PortRefused { listen, detail } => message!(
                "cannot listen on {listen}: {detail}; choose another address or port",
                "no se puede escuchar en {listen}: {detail}; elija otra dirección u otro puerto"
            ),
            Self::NotSaved { path, detail } => message!(
                "the routes could not be saved in {path}: {detail}; free space or fix permissions and try again",
                "no se pudieron guardar las rutas en {path}: {detail}; libere espacio o corrija los permisos e intente de nuevo",
                path = path.display()
            ),
        }
    }
}

/// Why an edge could not start.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.message())]
#[non_exhaustive]
pub enum EdgeError {
    /// The HTTP address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another edge answers on the control socket.
    AlreadyRunning {
        /// The control socket.
        path: PathBuf,
    },
    /// The control socket cannot be made.
    ControlSocket {
        /// The control socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table's file is there and cannot be read.
    TableUnreadable {
        /// The table's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The table's file is not a table.
    TableCorrupt {
        /// The table's file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The table's file was written by a newer Estiba.
    TableNewer {
        /// The table's file.
        path: PathBuf,
        /// The format version that it says.
        version: u64,
    },
    /// The system gives no thread or event queue.
    Runtime(
        /// What the system said.
        #[source]
        io::Error,
    ),
}

impl EdgeError {
    /// The error for people: what, where, and what to do next.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Listen { address, source } => ChangeError::listen(*address, source).message(),
            Self::AlreadyRunning { path } => message!(
                "an edge already answers on {path}",
                "ya hay un edge que responde en {path}",
                path = path.display()
            ),
            Self::ControlSocket { path, source } => message!(
                "cannot make the control socket {path}: {source}",
                "no se puede crear el socket de control {path}: {source}",
                path = path.display()
            ),
            Self::TableUnreadable { path, source } => message!(
                "cannot read the routes in {path}: {source}",
                "no se pueden leer las rutas en {path}: {source}",
                path = path.display()
            ),
            Self::TableCorrupt { path, detail } => message!(
                "the routes in {path} are damaged ({detail}): move the file away, start again and deploy each environment",
                "las rutas en {path} están dañadas ({detail}): mueva el archivo a otro lugar, vuelva a iniciar y despliegue cada ambiente",
                path = path.display()
            ),
            Self::TableNewer { path, version } => message!(
                "the routes in {path} have format {version}, of a newer Estiba: install that one",
                "las rutas en {path} tienen el formato {version}, de un Estiba más nuevo: instale esa versión",
                path = path.display()
            ),
            Self::Runtime(source) => message!(
                "cannot start the edge's threads: {source}",
                "no se pueden iniciar los hilos del edge: {source}"
            ),
        }
    }
}
