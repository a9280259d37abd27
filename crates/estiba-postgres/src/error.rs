//! How providing PostgreSQL fails.

use std::io;
use std::path::PathBuf;

use estiba_model::{Message, message};

/// PostgreSQL can't be provided.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No server on the machine and none could be downloaded.
    #[error("{}", self.message())]
    NoServer {
        /// Why the download failed.
        download: String,
    },
    /// A tool of PostgreSQL's is missing.
    #[error("{}", self.message())]
    NoTool {
        /// `pg_dump` or `pg_restore`.
        tool: &'static str,
    },
    /// A tool of PostgreSQL's failed.
    #[error("{}", self.message())]
    Tool {
        /// Which.
        tool: &'static str,
        /// Its last words.
        said: String,
    },
    /// The data is of a version for which the machine has no server.
    #[error("{}", self.message())]
    OtherVersion {
        /// The data's major version.
        data: u32,
        /// Where it is.
        dir: PathBuf,
    },
    /// The server refused, or can't be reached.
    #[error("{}", self.message())]
    Server {
        /// Host and port, or socket.
        server: String,
        /// Why.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// The URL of a server can't be read. It is not shown: it has a password.
    #[error("{}", self.message())]
    BadUrl,
    /// The database was never provisioned.
    #[error("{}", self.message())]
    NotProvisioned,
    /// No port is free for the server.
    #[error("{}", self.message())]
    NoPort,
    /// A file or process can't be used.
    #[error("{}", self.message())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl PostgresError {
    /// What went wrong and what to do.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::NoServer { download } => message!(
                "PostgreSQL is not on this machine and could not be downloaded ({download}); install it: `apt-get install postgresql`, or give a server's URL with `resources: {{ postgres: {{ url-from: SECRET }} }}` in estiba.yaml",
                "PostgreSQL no está en esta máquina y no se pudo descargar ({download}); instálelo: `apt-get install postgresql`, o dé la URL de un servidor con `resources: {{ postgres: {{ url-from: SECRETO }} }}` en estiba.yaml"
            ),
            Self::NoTool { tool } => message!(
                "{tool} is not on this machine; install it: `apt-get install postgresql-client`",
                "{tool} no está en esta máquina; instálelo: `apt-get install postgresql-client`"
            ),
            Self::Tool { tool, said } => {
                message!("{tool} failed: {said}", "{tool} falló: {said}")
            }
            Self::OtherVersion { data, dir } => {
                let dir = dir.display();
                message!(
                    "the databases in {dir} are of PostgreSQL {data}, which is not on this machine; install it: `apt-get install postgresql-{data}`",
                    "las bases de {dir} son de PostgreSQL {data}, que no está en esta máquina; instálelo: `apt-get install postgresql-{data}`"
                )
            }
            Self::Server { server, source } => {
                let source = cause(source);
                message!(
                    "PostgreSQL at {server}: {source}",
                    "PostgreSQL en {server}: {source}"
                )
            }
            Self::BadUrl => message!(
                "the URL of the PostgreSQL server can't be read; it looks like postgres://user:password@host:5432/postgres",
                "no se entiende la URL del servidor PostgreSQL; es como postgres://usuario:clave@host:5432/postgres"
            ),
            Self::NotProvisioned => message!(
                "the database does not exist yet; deploy first",
                "la base de datos todavía no existe; despliegue primero"
            ),
            Self::NoPort => message!(
                "no port from 15432 to 15999 is free for PostgreSQL",
                "no hay un puerto libre entre 15432 y 15999 para PostgreSQL"
            ),
            Self::Io { path, source } => {
                let path = path.display();
                Message::verbatim(format!("{path}: {source}"))
            }
        }
    }
}

/// What the server itself says, without the library's words around it.
fn cause(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => database.message().to_owned(),
        other => other.to_string(),
    }
}

/// Puts the path into an I/O error.
pub trait At<T> {
    /// The same result with the path in its error.
    fn at(self, path: impl Into<PathBuf>) -> Result<T, PostgresError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, PostgresError> {
        self.map_err(|source| PostgresError::Io {
            path: path.into(),
            source,
        })
    }
}
