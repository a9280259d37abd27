//! Where the state is, and how it is opened.

use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use estiba_model::SecretString;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sqlx::any::{AnyArguments, AnyConnectOptions, AnyPoolOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyPool, Transaction};

use crate::error::StoreError;
use crate::key::SealKey;
use crate::schema;

/// The name of the SQLite database in a state directory.
pub const DATABASE_FILE: &str = "estiba.db";

/// SQLite has one writer at a time. With one connection that writes, the tasks of a
/// process take turns in the pool's queue instead of polling for SQLite's lock.
const SQLITE_WRITERS: u32 = 1;
/// Readers wait for nobody: each sees what was committed when its statement began.
const SQLITE_READERS: u32 = 3;

const POSTGRES_CONNECTIONS: u32 = 4;

/// How long a statement waits for a connection before it fails as
/// [`StoreError::Busy`] or [`StoreError::Unreachable`].
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the state is kept.
#[derive(Debug, Clone)]
pub enum Location {
    /// In SQLite, in this directory, which is made if need be.
    Sqlite(PathBuf),
    /// In the PostgreSQL database of this URL. TLS is used where the server
    /// offers it; `?sslmode=verify-full` insists.
    Postgres(SecretString),
}

/// Durable state. A clone is cheap and is the same store.
///
/// A method either did all that it says or nothing, and what it did is on disk
/// when it returns.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: AnyPool,
    /// For what only reads, outside of transactions.
    readers: AnyPool,
    key: SealKey,
    place: Place,
}

/// A [`Location`] that was looked at; prints without user or password.
pub(crate) enum Place {
    File {
        /// The state directory.
        dir: PathBuf,
        /// The database in it.
        path: PathBuf,
    },
    Server {
        /// Where and how to connect.
        options: AnyConnectOptions,
    },
}

impl Store {
    /// Opens the state at `location`, and makes it where there is none.
    ///
    /// # Errors
    /// When it can't be reached, read or written, is damaged, was written by a
    /// newer Estiba, or belongs to another key. Nothing was changed then.
    pub async fn open(location: &Location, key: SealKey) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let place = Place::new(location)?;
        let (pool, readers) = match place {
            Place::File { .. } => (place.pool(SQLITE_WRITERS), place.pool(SQLITE_READERS)),
            Place::Server { .. } => {
                let pool = place.pool(POSTGRES_CONNECTIONS);
                (pool.clone(), pool)
            }
        };
        schema::prepare(&place, &pool).await?;
        let inner = Arc::new(Inner {
            pool,
            readers,
            key,
            place,
        });
        let store = Self { inner };
        store.check_key().await?;
        Ok(store)
    }

    /// A hash of `bytes` under the store's key; see [`SealKey::keyed_hash`].
    #[must_use]
    pub fn keyed_hash(&self, bytes: &[u8]) -> [u8; 32] {
        self.inner.key.keyed_hash(bytes)
    }

    /// The first key that opens a database is the database's from then on.
    async fn check_key(&self) -> Result<(), StoreError> {
        const READ: &str = "SELECT value FROM facts WHERE name = 'key'";
        let given = self.key().public();
        if self.optional(sqlx::query(READ)).await?.is_none() {
            let claim = sqlx::query(
                "INSERT INTO facts (name, value) VALUES ('key', $1) ON CONFLICT DO NOTHING",
            );
            self.run(claim.bind(&given)).await?;
        }
        let stored = sqlx::query_scalar(READ);
        let expected: String = stored
            .fetch_one(self.pool())
            .await
            .map_err(|e| self.failed(&e))?;
        if expected == given {
            return Ok(());
        }
        Err(StoreError::OtherKey {
            place: self.place().to_string(),
            expected,
            given,
        })
    }

    pub(crate) fn key(&self) -> &SealKey {
        &self.inner.key
    }

    pub(crate) fn place(&self) -> &Place {
        &self.inner.place
    }

    pub(crate) fn pool(&self) -> &AnyPool {
        &self.inner.pool
    }

    /// For what only reads.
    pub(crate) fn readers(&self) -> &AnyPool {
        &self.inner.readers
    }

    pub(crate) fn failed(&self, error: &sqlx::Error) -> StoreError {
        StoreError::from_database(self.place(), error)
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin_write(&self) -> Result<Transaction<'static, Any>, StoreError> {
        let statement = match self.place() {
            // A transaction that only becomes a writer on the way can fail
            // where waiting would have helped
            // (https://www.sqlite.org/lang_transaction.html).
            Place::File { .. } => "BEGIN IMMEDIATE",
            Place::Server { .. } => "BEGIN",
        };
        let begun = self.pool().begin_with(statement).await;
        begun.map_err(|e| self.failed(&e))
    }

    pub(crate) async fn commit(
        &self,
        transaction: Transaction<'static, Any>,
    ) -> Result<(), StoreError> {
        transaction.commit().await.map_err(|e| self.failed(&e))
    }

    /// How many rows the statement changed.
    pub(crate) async fn run(
        &self,
        statement: Query<'_, Any, AnyArguments>,
    ) -> Result<u64, StoreError> {
        let done = statement.execute(self.pool()).await;
        Ok(done.map_err(|e| self.failed(&e))?.rows_affected())
    }

    pub(crate) async fn all(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Vec<AnyRow>, StoreError> {
        let rows = query.fetch_all(self.readers()).await;
        rows.map_err(|e| self.failed(&e))
    }

    pub(crate) async fn optional(
        &self,
        query: Query<'_, Any, AnyArguments>,
    ) -> Result<Option<AnyRow>, StoreError> {
        let row = query.fetch_optional(self.readers()).await;
        row.map_err(|e| self.failed(&e))
    }
}

/// Where, and nothing of what is in it.
impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.place())
    }
}

impl Place {
    fn new(location: &Location) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(dir) => {
                let dir = std::path::absolute(dir).map_err(StoreError::file(dir))?;
                create_private_dir(&dir).map_err(StoreError::file(&dir))?;
                let path = dir.join(DATABASE_FILE);
                Ok(Self::File { dir, path })
            }
            Location::Postgres(url) => {
                let options: AnyConnectOptions =
                    url.expose().parse().map_err(|_| StoreError::InvalidUrl)?;
                let scheme = options.database_url.scheme();
                if !matches!(scheme, "postgres" | "postgresql") {
                    return Err(StoreError::InvalidUrl);
                }
                Ok(Self::Server { options })
            }
        }
    }

    /// Connections to it, opened as they are needed.
    fn pool(&self, connections: u32) -> AnyPool {
        AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // With either limit sqlx 0.9 goes over its idle connections in the background,
            // counting down from a number that wraps while one is just taken: that never ends.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.options())
    }

    pub(crate) fn options(&self) -> AnyConnectOptions {
        match self {
            Self::File { path, .. } => sqlite_options(path),
            Self::Server { options } => options.clone(),
        }
    }
}

/// sqlx's own defaults are the wanted ones: `foreign_keys` on, `synchronous`
/// full, a busy timeout of 5 seconds. WAL is a property of the file.
pub(crate) fn sqlite_options(path: &Path) -> AnyConnectOptions {
    // Not `SqliteConnectOptions::to_url_lossy`, which leaves a `%` as it is.
    let bytes = path.as_os_str().as_encoded_bytes();
    let url = format!("sqlite:{}?mode=rw", percent_encode(bytes, NON_ALPHANUMERIC));
    url.parse().expect("what is percent-encoded makes a URL")
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => write!(f, "{}", path.display()),
            Self::Server { options } => {
                let url = &options.database_url;
                let host = url.host_str().unwrap_or("localhost");
                let port = url.port().unwrap_or(5432);
                write!(f, "postgres://{host}:{port}{}", url.path())
            }
        }
    }
}

/// Makes a directory, and those above it, that only their owner can enter.
/// One that exists stays as it is.
pub(crate) fn create_private_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use estiba_model::EnvironmentId;
    use sqlx::{AnyConnection, Connection};

    use super::*;

    fn environment() -> EnvironmentId {
        EnvironmentId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
            environment: "test".parse().unwrap(),
        }
    }

    async fn new_store(dir: &Path, pragma: &'static str) -> Store {
        let location = Location::Sqlite(dir.to_owned());
        let store = Store::open(&location, SealKey::generate()).await.unwrap();
        store.run(sqlx::query(pragma)).await.unwrap();
        store
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_spoils_nothing() {
        let dir = tempfile::tempdir().unwrap();
        // To SQLite, its own limit is as a disk without space.
        let store = new_store(dir.path(), "PRAGMA max_page_count = 1").await;
        let test = environment();
        let long = "x".repeat(1024 * 1024);
        let error = store.set_config(&test, "A", Some(&long)).await.unwrap_err();
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
        assert!(store.settings(&test).await.unwrap().config.is_empty());
    }

    #[tokio::test]
    async fn a_database_that_another_holds_is_busy() {
        let dir = tempfile::tempdir().unwrap();
        let store = new_store(dir.path(), "PRAGMA busy_timeout = 0").await;
        let options = sqlite_options(&dir.path().join(DATABASE_FILE));
        let mut other = AnyConnection::connect_with(&options).await.unwrap();
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await;
        begun.unwrap();
        let error = store.set_config(&environment(), "A", Some("1")).await;
        let error = error.unwrap_err();
        assert!(matches!(error, StoreError::Busy { .. }), "{error:?}");
    }
}
