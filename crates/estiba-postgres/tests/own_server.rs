//! The server that Estiba starts itself, for real.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use estiba_model::{EnvironmentId, Fingerprint, Message, ResourceId, SecretString};
use estiba_postgres::{Postgres, dump_database, installed_server, replace_content};
use estiba_target::{Outputs, Progress, Reach, ResourceSpec};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Executor, Row};

struct Quiet;

impl Progress for Quiet {
    fn line(&self, _: &str) {}
    fn notice(&self, _: &Message) {}
}

fn environment(name: &str) -> EnvironmentId {
    EnvironmentId {
        team: "demo".parse().unwrap(),
        project: "tp2".parse().unwrap(),
        environment: name.parse().unwrap(),
    }
}

fn resource(password: &str) -> ResourceSpec {
    ResourceSpec {
        id: ResourceId("postgres.default#api.db".to_owned()),
        kind: "postgres".to_owned(),
        class: "default".to_owned(),
        workload: "api".parse().unwrap(),
        params: serde_json_map(),
        settings: BTreeMap::new(),
        credential: SecretString::new(password),
        reach: Reach::Inside,
        fingerprint: Fingerprint::from_hash(&[7; 32]),
    }
}

fn serde_json_map() -> serde_json::Map<String, serde_json::Value> {
    serde_json::Map::new()
}

fn options(outputs: &Outputs) -> PgConnectOptions {
    let value = |key: &str| outputs[key].expose().to_owned();
    PgConnectOptions::new_without_pgpass()
        .host(&value("host"))
        .port(value("port").parse().unwrap())
        .database(&value("database"))
        .username(&value("username"))
        .password(&value("password"))
}

async fn connect(outputs: &Outputs) -> PgConnection {
    options(outputs).connect().await.unwrap()
}

/// Whether the machine can run a server; CI's can.
fn skipped() -> bool {
    let missing = installed_server().is_none();
    if missing {
        println!("skipped: no PostgreSQL server is installed");
    }
    missing
}

async fn cleaned_up(postgres: &Postgres, names: &[&str], password: &str) {
    for name in names {
        let spec = resource(password);
        postgres
            .destroy(&environment(name), &spec.id)
            .await
            .unwrap();
    }
}

fn anything_contains(dir: &Path, needle: &str) -> bool {
    let mut found = false;
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                found |= bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            }
        }
    }
    found
}

#[tokio::test]
async fn environments_have_databases_of_their_own() {
    if skipped() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::new(dir.path());
    let password = "correct-horse-battery";
    let (test, prod) = (environment("test"), environment("prod"));
    for environment in [&test, &prod, &test] {
        postgres
            .provision(environment, &resource(password), &Quiet)
            .await
            .unwrap();
    }
    let outputs = postgres.outputs(&test, &resource(password)).unwrap();
    let mut connection = connect(&outputs).await;
    connection
        .execute("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('hola')")
        .await
        .unwrap();
    let others = postgres.outputs(&prod, &resource(password)).unwrap();
    assert_ne!(outputs["database"], others["database"]);
    let trespass = options(&outputs).database(others["database"].expose());
    assert!(trespass.connect().await.is_err(), "environments are apart");

    let wrong = options(&outputs).password("wrong-password");
    assert!(wrong.connect().await.is_err(), "the password matters");
    assert!(
        !anything_contains(postgres.data_dir().parent().unwrap(), password),
        "no password on disk"
    );
    drop(connection);
    cleaned_up(&postgres, &["test", "prod"], password).await;
    assert!(
        !postgres.data_dir().exists(),
        "the last database takes the server along"
    );
}

#[tokio::test]
async fn data_survives_the_death_of_the_server() {
    if skipped() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::new(dir.path());
    let spec = resource("a-password");
    let test = environment("test");
    postgres.provision(&test, &spec, &Quiet).await.unwrap();
    let outputs = postgres.outputs(&test, &spec).unwrap();
    connect(&outputs)
        .await
        .execute("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('hola')")
        .await
        .unwrap();
    let pid_file = postgres.data_dir().join("postmaster.pid");
    let pid = std::fs::read_to_string(pid_file).unwrap();
    let pid = pid.lines().next().unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    while postgres.is_up() {
        tokio::task::yield_now().await;
    }
    postgres.provision(&test, &spec, &Quiet).await.unwrap();
    let row = connect(&outputs)
        .await
        .fetch_one("SELECT text FROM notes")
        .await
        .unwrap();
    assert_eq!(row.get::<String, _>(0), "hola");
    cleaned_up(&postgres, &["test"], "a-password").await;
}

async fn tables(connection: &mut PgConnection) -> Vec<String> {
    let names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";
    let rows = connection.fetch_all(names).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_backup_brings_back_what_was_there() {
    if skipped() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::new(dir.path());
    let spec = resource("a-password");
    let test = environment("test");
    postgres.provision(&test, &spec, &Quiet).await.unwrap();
    let outputs = postgres.outputs(&test, &spec).unwrap();
    let mut connection = connect(&outputs).await;
    connection
        .execute("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('hola')")
        .await
        .unwrap();
    let file = dir.path().join("notes.dump");
    postgres.backup(&test, &spec, &file).await.unwrap();
    connection
        .execute("DELETE FROM notes; CREATE TABLE later (text text)")
        .await
        .unwrap();

    let broken = dir.path().join("broken.dump");
    std::fs::write(&broken, "not a dump").unwrap();
    let refused = postgres.restore(&test, &spec, &broken).await.unwrap_err();
    assert!(refused.to_string().contains("pg_restore"), "{refused}");
    assert_eq!(tables(&mut connection).await, ["later", "notes"]);

    postgres.restore(&test, &spec, &file).await.unwrap();
    drop(connection);
    let mut connection = connect(&outputs).await;
    assert_eq!(tables(&mut connection).await, ["notes"]);
    let row = connection
        .fetch_one("SELECT count(*) FROM notes")
        .await
        .unwrap();
    assert_eq!(row.get::<i64, _>(0), 1);
    connection
        .execute("CREATE TABLE own (text text)")
        .await
        .unwrap();
    drop(connection);
    cleaned_up(&postgres, &["test"], "a-password").await;
}

#[tokio::test]
async fn content_is_replaced_where_no_other_database_can_be_made() {
    if skipped() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let postgres = Postgres::new(dir.path());
    let (spec, hosted) = (resource("a-password"), environment("hosted"));
    postgres.provision(&hosted, &spec, &Quiet).await.unwrap();
    let outputs = postgres.outputs(&hosted, &spec).unwrap();
    let mut connection = connect(&outputs).await;
    connection
        .execute(
            "CREATE TYPE mood AS ENUM ('calm'); CREATE SCHEMA more;
             CREATE TABLE notes (text text, mood mood); CREATE VIEW seen AS SELECT * FROM notes;
             CREATE TABLE more.notes (id serial); INSERT INTO notes VALUES ('hola', 'calm');
             CREATE FUNCTION twice(number int) RETURNS int LANGUAGE sql AS 'SELECT 2 * number'",
        )
        .await
        .unwrap();
    let file = dir.path().join("notes.dump");
    dump_database(&outputs, &file).await.unwrap();
    connection
        .execute("DELETE FROM notes; CREATE TABLE later (text text); CREATE SCHEMA after")
        .await
        .unwrap();

    let broken = dir.path().join("broken.dump");
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&broken, &whole[..whole.len() - 200]).unwrap();
    assert!(replace_content(&outputs, &broken).await.is_err());
    assert_eq!(tables(&mut connection).await, ["later", "notes"]);

    for _ in 0..2 {
        replace_content(&outputs, &file).await.unwrap();
        assert_eq!(tables(&mut connection).await, ["notes"]);
        let count = "SELECT count(*) + twice(0) FROM seen WHERE mood = 'calm'";
        let row = connection.fetch_one(count).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), 1);
    }
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname = 'after'";
    assert_eq!(
        connection.fetch_one(left).await.unwrap().get::<i64, _>(0),
        0
    );
    drop(connection);
    cleaned_up(&postgres, &["hosted"], "a-password").await;
}

#[tokio::test]
async fn a_server_by_url_is_used_and_its_url_not_shown() {
    if skipped() {
        return;
    }
    let postgres = Postgres::new(Path::new("/nonexistent"));
    let mut spec = resource("a-password");
    let url = SecretString::new("postgres://admin:sup3rs3cret@127.0.0.1:1/postgres");
    spec.settings.insert("url".to_owned(), url);
    let error = postgres
        .provision(&environment("test"), &spec, &Quiet)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    assert!(!format!("{error:?}").contains("sup3rs3cret"));
}
