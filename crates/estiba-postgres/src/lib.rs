//! PostgreSQL for targets on this machine: a server found, given by URL or
//! downloaded; one database and one role for each environment.
//!
//! The server that Estiba starts itself keeps no password on disk: its owner
//! comes in by the peer credentials of a unix socket, everybody else by SCRAM
//! over loopback with the password that the engine keeps sealed.

mod backup;
mod binaries;
mod cluster;
mod content;
mod database;
mod error;
mod renewal;
mod server;

use std::path::{Path, PathBuf};

use estiba_model::{EnvironmentId, SecretString};
use estiba_target::{Outputs, Progress, ResourceSpec};

pub use binaries::installed_server;
pub use content::{dump_database, replace_content};
pub use error::PostgresError;
pub use renewal::Renewal;

use cluster::Cluster;
use database::Database;
use server::Server;

/// The key of a resource's settings with the URL of an existing server.
const URL_SETTING: &str = "url";

/// Provides `postgres` resources.
#[derive(Debug, Clone)]
pub struct Postgres {
    cluster: Cluster,
}

impl Postgres {
    /// Keeps the server that it may start under `root`, or, for root, whose
    /// folders no server may read, under `/var/lib/estiba`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            cluster: Cluster::under(root),
        }
    }

    /// Makes the database and its role, or brings them up to date; data stays.
    /// Starts a server first where none is given by URL.
    ///
    /// # Errors
    /// When there is no server to be had, or it refuses.
    pub async fn provision(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), PostgresError> {
        let server = self.server(resource, progress).await?;
        let database = Database::of(environment, &resource.id, &resource.credential);
        database.create(&server).await
    }

    /// What a provisioned database gives to its users.
    ///
    /// # Errors
    /// When it was never provisioned.
    pub fn outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, PostgresError> {
        let (host, port) = match resource.settings.get(URL_SETTING) {
            Some(url) => Server::given(url)?.address(),
            None => ("127.0.0.1".to_owned(), self.cluster.port()?),
        };
        let database = Database::of(environment, &resource.id, &resource.credential);
        Ok(Outputs::from(
            [
                ("host", host),
                ("port", port.to_string()),
                ("name", database.name.clone()),
                ("database", database.name.clone()),
                ("username", database.name.clone()),
                ("password", database.password.expose().to_owned()),
            ]
            .map(|(key, value)| (key.to_owned(), SecretString::new(value))),
        ))
    }

    /// Whether the server that Estiba started itself answers, or was never
    /// needed.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.cluster.exists() || self.cluster.answers()
    }

    /// Removes a database of the server that Estiba started. With its last
    /// database, that server goes too.
    ///
    /// # Errors
    /// When the server can't be started or refuses.
    pub async fn destroy(
        &self,
        environment: &EnvironmentId,
        id: &estiba_model::ResourceId,
    ) -> Result<(), PostgresError> {
        if !self.cluster.exists() {
            return Ok(());
        }
        let server = Server::own(&self.cluster.running(&Unheard).await?);
        let database = Database::of(environment, id, &SecretString::default());
        database.drop(&server).await?;
        if server.databases().await? == 0 {
            self.cluster.remove().await?;
        }
        Ok(())
    }

    /// Writes a backup in the custom format of `pg_dump` to a new file.
    ///
    /// # Errors
    /// When `pg_dump` is missing or fails; no file is left.
    pub async fn backup(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), PostgresError> {
        let outputs = self.outputs(environment, resource)?;
        backup::dump(&outputs, self.client_version(), to).await
    }

    /// Replaces all that is in the database by a backup. Connections to it end.
    ///
    /// # Errors
    /// When `pg_restore` is missing or fails; the data is as before.
    pub async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), PostgresError> {
        let server = self.server(resource, &Unheard).await?;
        let outputs = self.outputs(environment, resource)?;
        let database = Database::of(environment, &resource.id, &resource.credential);
        let renewal = database.renewal();
        database::run(&server, renewal.begin()).await?;
        let into = renewal.database();
        let restored = backup::restore(&outputs, into, self.client_version(), from).await;
        let renewed = match restored {
            Ok(()) => database::run(&server, renewal.finish()).await,
            failed => failed,
        };
        if renewed.is_err() {
            // Why it failed matters more than what is left of it.
            let _ = database::run(&server, renewal.abandon()).await;
        }
        renewed
    }

    async fn server(
        &self,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<Server, PostgresError> {
        match resource.settings.get(URL_SETTING) {
            Some(url) => Server::given(url),
            None => Ok(Server::own(&self.cluster.running(progress).await?)),
        }
    }

    fn client_version(&self) -> Option<u32> {
        self.cluster.major_version()
    }

    /// Where the server that Estiba may start keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.cluster.data_dir()
    }
}

/// A server that is started only to remove or restore something tells nobody.
struct Unheard;

impl Progress for Unheard {
    fn line(&self, _: &str) {}
    fn notice(&self, _: &estiba_model::Message) {}
}
