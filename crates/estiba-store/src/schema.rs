//! The tables, and whether a database has them as this Estiba knows them.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection, SqlStr};
use tokio::time::timeout;

use crate::database::{Place, sqlite_options};
use crate::error::StoreError;
use crate::lock::lock_file;

/// The version of the newest migration below.
const KNOWN: i64 = 7;

fn migrator() -> Migrator {
    let migration = |version: i64, name: &'static str, sql: &'static str| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    Migrator::with_migrations(vec![
        migration(1, "first", include_str!("../migrations/0001_first.sql")),
        migration(2, "server", include_str!("../migrations/0002_server.sql")),
        migration(
            3,
            "sessions",
            include_str!("../migrations/0003_sessions.sql"),
        ),
        migration(4, "order", include_str!("../migrations/0004_order.sql")),
        migration(5, "why", include_str!("../migrations/0005_why.sql")),
        migration(6, "alerts", include_str!("../migrations/0006_alerts.sql")),
        migration(
            7,
            "sealed answers",
            include_str!("../migrations/0007_sealed_answers.sql"),
        ),
    ])
}

/// A larger file is not read whole just to open it; SQLite still finds a file
/// that is cut short or has no header at once, and damage elsewhere when it
/// comes to it.
const QUICK_CHECK_MAX_BYTES: u64 = 1024 * 1024;

/// A server that takes longer to let someone in counts as not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Makes the tables or brings them up to date, where need be.
pub(crate) async fn prepare(place: &Place, pool: &AnyPool) -> Result<(), StoreError> {
    let failed = |e: sqlx::Error| StoreError::from_database(place, &e);
    match place {
        Place::File { dir, path } => {
            // Held until the database is known to be whole and up to date.
            let alone = lock_file(&dir.join("locks"), "schema").await?;
            if !fs::exists(path).map_err(StoreError::file(path))? {
                create_file(place, path).await?;
            }
            let mut connection = pool.acquire().await.map_err(failed)?;
            quick_check(place, path, &mut connection).await?;
            migrate(place, &mut connection).await?;
            drop(alone);
            Ok(())
        }
        Place::Server { options } => {
            // Not from the pool, which would try again and again and then not
            // say why it failed. The migrator takes a lock of the server.
            let connecting = timeout(CONNECT_TIMEOUT, AnyConnection::connect_with(options));
            let connected = connecting.await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
            let mut connection = connected.map_err(failed)?;
            migrate(place, &mut connection).await?;
            connection.close().await.map_err(failed)
        }
    }
}

async fn migrate(place: &Place, connection: &mut AnyConnection) -> Result<(), StoreError> {
    let found = match (schema_version(connection).await, place) {
        (Ok(found), _) => found,
        (Err(e), Place::File { path, .. }) if is_missing_table(&e) => {
            return Err(StoreError::Corrupted {
                path: path.clone(),
                found: e.to_string(),
            });
        }
        (Err(e), Place::Server { .. }) if is_missing_table(&e) => 0,
        (Err(e), _) => return Err(StoreError::from_database(place, &e)),
    };
    if found > KNOWN {
        return Err(StoreError::NewerSchema {
            place: place.to_string(),
            found,
            known: KNOWN,
        });
    }
    if found < KNOWN {
        let migrated = migrator().run(connection).await;
        migrated.map_err(|e| StoreError::from_database(place, &migrate_error(e)))?;
    }
    Ok(())
}

async fn schema_version(connection: &mut AnyConnection) -> Result<i64, sqlx::Error> {
    let newest = sqlx::query_scalar::<_, Option<i64>>("SELECT max(version) FROM _sqlx_migrations");
    Ok(newest.fetch_one(connection).await?.unwrap_or(0))
}

fn is_missing_table(error: &sqlx::Error) -> bool {
    let sqlx::Error::Database(error) = error else {
        return false;
    };
    error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table")
}

fn migrate_error(error: MigrateError) -> sqlx::Error {
    match error {
        MigrateError::Execute(e) | MigrateError::ExecuteMigration(e, _) => e,
        other => sqlx::Error::Migrate(Box::new(other)),
    }
}

/// Makes the database under another name first: a file with the right name is
/// whole, so that an empty one is known as damage and not taken for a new one.
async fn create_file(place: &Place, path: &Path) -> Result<(), StoreError> {
    let new = with_suffix(path, ".new");
    for leftover in ["", "-wal", "-shm"] {
        remove_if_there(&with_suffix(&new, leftover))?;
    }
    // When the owner moved a damaged database aside, its log belongs with it
    // and would spoil the new one.
    let log = with_suffix(path, "-wal");
    match fs::rename(&log, with_suffix(path, ".damaged-wal")) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(StoreError::file(&log)(e)),
        _ => remove_if_there(&with_suffix(path, "-shm"))?,
    }

    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(StoreError::file(&new))?;
    let made = async {
        let mut connection = AnyConnection::connect_with(&sqlite_options(&new)).await?;
        sqlx::query("PRAGMA journal_mode = WAL")
            .execute(&mut connection)
            .await?;
        migrator()
            .run(&mut connection)
            .await
            .map_err(migrate_error)?;
        connection.close().await
    };
    made.await
        .map_err(|e: sqlx::Error| StoreError::from_database(place, &e))?;

    fs::rename(&new, path).map_err(StoreError::file(path))?;
    let dir = path.parent().unwrap_or(Path::new("/"));
    let synced = fs::File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(StoreError::file(dir))
}

async fn quick_check(
    place: &Place,
    path: &Path,
    connection: &mut AnyConnection,
) -> Result<(), StoreError> {
    let corrupted = |found: String| StoreError::Corrupted {
        path: path.into(),
        found,
    };
    let bytes = fs::metadata(path).map_err(StoreError::file(path))?.len();
    if bytes == 0 {
        return Err(corrupted("it is empty".into()));
    }
    if bytes > QUICK_CHECK_MAX_BYTES {
        return Ok(());
    }
    let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)");
    let found = check
        .fetch_one(connection)
        .await
        .map_err(|e| StoreError::from_database(place, &e))?;
    if found == "ok" {
        return Ok(());
    }
    Err(corrupted(found))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::file(path)(e)),
        _ => Ok(()),
    }
}
