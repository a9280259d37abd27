//! Opening a state that is not as it should be: an error that says what, where
//! and what to do, and nothing changed.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use estiba_model::{Lang, SecretString};
use estiba_store::{DATABASE_FILE, Location, SealKey, Store, StoreError};
use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;

use crate::support::{Fixture, block_on, environment, on_sqlite};

on_both! { a_newer_schema_is_refused, another_key_is_refused }

fn url(fixture: &Fixture) -> String {
    match &fixture.location {
        Location::Sqlite(dir) => format!("sqlite://{}", dir.join(DATABASE_FILE).display()),
        Location::Postgres(url) => url.expose().to_owned(),
    }
}

async fn a_newer_schema_is_refused(fixture: &Fixture) {
    drop(fixture.open().await);
    let mut connection = AnyConnection::connect(&url(fixture)).await.unwrap();
    let known = sqlx::query_scalar::<_, i64>("SELECT max(version) FROM _sqlx_migrations");
    let known = known.fetch_one(&mut connection).await.unwrap();
    let newer = "UPDATE _sqlx_migrations SET version = 999 \
                 WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    sqlx::query(newer).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let error = Store::open(&fixture.location, fixture.key())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 999, .. }));
    for lang in [Lang::En, Lang::Es] {
        let message = error.message();
        let text = message.text(lang);
        assert!(text.contains("999"), "{text}");
        assert!(text.contains(&format!(" {known}")), "{text}");
    }
}

async fn another_key_is_refused(fixture: &Fixture) {
    let store = fixture.open().await;
    let value = SecretString::new("value");
    store
        .set_secret(&environment("test"), "A", &value)
        .await
        .unwrap();

    let other = SealKey::generate();
    let given = other.public();
    let error = Store::open(&fixture.location, other).await.unwrap_err();
    let expected = fixture.key().public();
    assert!(matches!(
        error,
        StoreError::OtherKey { expected: e, given: g, .. } if e == expected && g == given
    ));
    let secrets = fixture.open().await.secrets(&environment("test")).await;
    assert_eq!(secrets.unwrap()["A"], value);
}

/// A whole database, closed, changed by `damage`, has to be called damaged and
/// to stay as it is.
fn is_called_damaged(damage: impl FnOnce(&mut Vec<u8>)) {
    on_sqlite(async |fixture: &Fixture| {
        let store = fixture.open().await;
        for i in 0..200 {
            let value = "x".repeat(300);
            let (test, key) = (environment("test"), format!("K{i}"));
            store.set_config(&test, &key, Some(&value)).await.unwrap();
        }
        drop(store);
        let path = fixture.dir.path().join(DATABASE_FILE);
        let mut connection = AnyConnection::connect(&url(fixture)).await.unwrap();
        let checkpoint = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
        checkpoint.execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let mut bytes = fs::read(&path).unwrap();
        assert!(bytes.len() > 40_000);
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();

        let error = Store::open(&fixture.location, fixture.key())
            .await
            .unwrap_err();
        assert!(
            matches!(&error, StoreError::Corrupted { path: p, .. } if *p == path),
            "{error:?}"
        );
        assert!(fs::read(&path).unwrap() == bytes, "it was changed");
        let hint = format!("mv {0} {0}.damaged", path.display());
        assert!(error.message().en.contains(&hint) && error.message().es.contains(&hint));
    });
}

#[test]
fn a_file_that_is_no_database_is_called_damaged() {
    is_called_damaged(|bytes| *bytes = b"this is no database ".repeat(3000));
}

#[test]
fn a_file_cut_short_is_called_damaged() {
    is_called_damaged(|bytes| bytes.truncate(bytes.len() / 2));
}

#[test]
fn a_file_cut_inside_its_header_is_called_damaged() {
    is_called_damaged(|bytes| bytes.truncate(40));
}

#[test]
fn an_empty_file_is_called_damaged() {
    is_called_damaged(Vec::clear);
}

#[test]
fn a_spoiled_page_is_called_damaged() {
    is_called_damaged(|bytes| {
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xa5);
    });
}

#[test]
fn the_database_of_another_program_is_left_alone() {
    on_sqlite(async |fixture: &Fixture| {
        let path = fixture.dir.path().join(DATABASE_FILE);
        let foreign = format!("sqlite://{}?mode=rwc", path.display());
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect(&foreign).await.unwrap();
        sqlx::query("CREATE TABLE theirs (x)")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let before = fs::read(&path).unwrap();
        let error = Store::open(&fixture.location, fixture.key())
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Corrupted { .. }), "{error:?}");
        assert!(fs::read(&path).unwrap() == before);
    });
}

#[test]
fn a_damaged_database_moved_aside_gives_way_to_a_new_one() {
    on_sqlite(async |fixture: &Fixture| {
        let store = fixture.open().await;
        let test = environment("test");
        store.set_config(&test, "A", Some("1")).await.unwrap();
        let path = fixture.dir.path().join(DATABASE_FILE);
        // While the old one is open its log has what was written last.
        let log = fs::read(format!("{}-wal", path.display())).unwrap();
        assert!(!log.is_empty());
        fs::rename(&path, format!("{}.damaged", path.display())).unwrap();

        let new = fixture.open().await;
        assert!(new.settings(&test).await.unwrap().config.is_empty());
        // The old log went with the old database, where SQLite looks for it.
        assert!(fs::read(format!("{}.damaged-wal", path.display())).unwrap() == log);
    });
}

#[test]
fn a_new_state_directory_is_for_its_owner_alone() {
    let dir = TempDir::new().unwrap();
    let state = dir.path().join("a b #?%41/ñ");
    block_on(async {
        let location = Location::Sqlite(state.clone());
        let store = Store::open(&location, SealKey::generate()).await.unwrap();
        store.lock_environment(&environment("test")).await.unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(state.clone()), 0o700);
        assert_eq!(mode(state.join("locks")), 0o700);
        assert_eq!(mode(state.join(DATABASE_FILE)), 0o600);
        assert_eq!(mode(state.join(format!("{DATABASE_FILE}-wal"))), 0o600);
    });
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let below = file.join("state");
    block_on(async {
        let location = Location::Sqlite(below.clone());
        let error = Store::open(&location, SealKey::generate())
            .await
            .unwrap_err();
        assert!(matches!(&error, StoreError::File { path, .. } if *path == below));

        if rustix::process::geteuid().is_root() {
            return println!("skipped: permissions do not stop root");
        }
        let closed = dir.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
        let location = Location::Sqlite(closed.clone());
        let error = Store::open(&location, SealKey::generate())
            .await
            .unwrap_err();
        assert!(error.message().en.contains(&closed.display().to_string()));
    });
}

#[test]
fn a_server_that_is_down_is_said_at_once_and_without_its_password() {
    // A port that nobody listens on any more.
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("postgres://user:hunter2@{free}/estiba");
    block_on(async {
        let location = Location::Postgres(SecretString::new(url));
        let error = Store::open(&location, SealKey::generate())
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
        let message = error.message();
        assert!(
            message.en.contains(&format!("postgres://{free}/estiba")),
            "{message}"
        );
        assert!(!format!("{message:?} {error:?}").contains("hunter2"));

        for bad in ["mysql://u:hunter2@h/d", "not a url hunter2", "sqlite://x"] {
            let location = Location::Postgres(SecretString::new(bad));
            let error = Store::open(&location, SealKey::generate())
                .await
                .unwrap_err();
            assert!(matches!(error, StoreError::InvalidUrl));
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    });
}
