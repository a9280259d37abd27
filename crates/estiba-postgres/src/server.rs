//! A server to which one is connected as its owner.

use std::str::FromStr;

use estiba_model::SecretString;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions, Row};

use crate::cluster::{OWNER, Running};
use crate::error::PostgresError;

/// How to reach a server as its owner.
#[derive(Debug, Clone)]
pub struct Server {
    options: PgConnectOptions,
}

impl Server {
    /// A server by URL, with a user that may make roles and databases.
    pub fn given(url: &SecretString) -> Result<Self, PostgresError> {
        let options =
            PgConnectOptions::from_str(url.expose()).map_err(|_| PostgresError::BadUrl)?;
        Ok(Self { options })
    }

    /// The server that Estiba started.
    pub fn own(running: &Running) -> Self {
        let options = PgConnectOptions::new_without_pgpass()
            .socket(&running.socket_dir)
            .port(running.port)
            .username(OWNER)
            .database("postgres")
            .ssl_mode(PgSslMode::Disable);
        Self { options }
    }

    /// Host and port for its users.
    pub fn address(&self) -> (String, u16) {
        let host = self.options.get_host().to_owned();
        (host, self.options.get_port())
    }

    pub async fn connect(&self) -> Result<PgConnection, PostgresError> {
        self.options
            .clone()
            .disable_statement_logging()
            .connect()
            .await
            .map_err(|error| self.failed(error))
    }

    /// How many databases there are besides the server's own.
    pub async fn databases(&self) -> Result<i64, PostgresError> {
        let mut connection = self.connect().await?;
        let count =
            "SELECT count(*) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'";
        let row = sqlx::query(count)
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.failed(error))?;
        row.try_get(0).map_err(|error| self.failed(error))
    }

    pub fn failed(&self, source: sqlx::Error) -> PostgresError {
        let (host, port) = self.address();
        PostgresError::Server {
            server: format!("{host}:{port}"),
            source: Box::new(source),
        }
    }
}
