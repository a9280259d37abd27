//! No secret is in clear in anything that the store wrote.

use std::fs;
use std::path::Path;

use estiba_model::{Cause, ResourceId, SecretString};
use estiba_store::{DATABASE_FILE, Location, Store};
use sqlx::{Connection, Row};
use walkdir::WalkDir;

use crate::support::{Fixture, environment, on_postgres, on_sqlite, version};

const PLANTED: &str = "planted-5ecret-1f3c9a";
const WITNESS: &str = "clear-witness-77d2";

async fn plant(fixture: &Fixture) -> (Store, Vec<String>) {
    let store = fixture.open().await;
    let test = environment("test");
    store
        .set_secret(&test, "TOKEN", &SecretString::new(PLANTED))
        .await
        .unwrap();
    store
        .set_config(&test, "WITNESS", Some(WITNESS))
        .await
        .unwrap();
    let inputs = format!("{{\"secrets\":{{\"TOKEN\":\"{PLANTED}\"}}}}");
    store
        .enqueue(&test, &version("1"), Cause::Deploy, inputs.as_bytes())
        .await
        .unwrap();
    let resource = ResourceId("postgres.default#main".into());
    let credential = store.credential(&test, &resource).await.unwrap();
    assert!(!format!("{store:?} {credential:?}").contains(PLANTED));
    let secrets = vec![PLANTED.to_owned(), credential.expose().to_owned()];
    (store, secrets)
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn scan(dir: &Path, secrets: &[String]) {
    let mut witnessed = false;
    for entry in WalkDir::new(dir) {
        let entry = entry.unwrap();
        if !entry.file_type().is_file() {
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        for secret in secrets {
            assert!(!contains(&bytes, secret), "{}", entry.path().display());
        }
        witnessed |= contains(&bytes, WITNESS);
    }
    assert!(witnessed, "the search finds nothing at all");
}

#[test]
fn no_file_of_the_state_directory_has_a_secret() {
    on_sqlite(async |fixture: &Fixture| {
        // As long as the store is open, the log of its database is there and is
        // searched too.
        let (_store, secrets) = plant(fixture).await;
        scan(fixture.dir.path(), &secrets);
        let mut file = sqlx::AnyConnection::connect(&format!(
            "sqlite://{}",
            fixture.dir.path().join(DATABASE_FILE).display()
        ))
        .await
        .unwrap();
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&mut file)
            .await
            .unwrap();
        scan(fixture.dir.path(), &secrets);
    });
}

#[test]
fn no_column_of_the_server_has_a_secret() {
    on_postgres(async |fixture: &Fixture| {
        let (_store, secrets) = plant(fixture).await;
        let Location::Postgres(url) = &fixture.location else {
            unreachable!("it is on PostgreSQL");
        };
        let mut connection = sqlx::AnyConnection::connect(url.expose()).await.unwrap();
        let tables = sqlx::query(
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        assert!(tables.len() >= 9);
        let mut everything = String::new();
        for table in tables {
            let table: String = table.get(0);
            // As text, with the bytes of sealed columns as they are.
            let query = sqlx::AssertSqlSafe(format!(
                "SELECT coalesce(string_agg(query_to_xml('SELECT * FROM {table}', \
                 false, false, '')::text, ''), '')"
            ));
            let text: String = sqlx::query_scalar(query)
                .fetch_one(&mut connection)
                .await
                .unwrap();
            everything.push_str(&text);
        }
        assert!(everything.contains(WITNESS));
        for secret in secrets {
            assert!(!everything.contains(&secret));
            // How the server prints bytes.
            let hex: String = secret.bytes().map(|b| format!("{b:02x}")).collect();
            assert!(!everything.contains(&hex));
        }
    });
}
