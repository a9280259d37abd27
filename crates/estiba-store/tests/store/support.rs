//! A place for a store on either backend, and values to put in it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use estiba_model::{
    EnvironmentId, InstanceName, Name, ProjectId, Release, SecretString, Step, Version,
};
use estiba_store::{KEY_FILE, Location, SealKey, Store};
use jiff::Timestamp;
use tempfile::TempDir;

use crate::postgres;

/// Runs each test once on SQLite and once on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $test() { crate::support::on_sqlite(super::$test); })+
        }
        mod on_postgres {
            $(#[test] fn $test() { crate::support::on_postgres(super::$test); })+
        }
    };
}

/// An empty place for one test.
pub struct Fixture {
    pub location: Location,
    pub dir: TempDir,
}

impl Fixture {
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join(KEY_FILE)
    }

    pub fn key(&self) -> SealKey {
        SealKey::load(&self.key_file(), None, || None).unwrap()
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.location, self.key()).await.unwrap()
    }
}

pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

pub fn on_sqlite(test: impl AsyncFnOnce(&Fixture)) {
    let dir = TempDir::new().unwrap();
    let location = Location::Sqlite(dir.path().to_owned());
    block_on(test(&Fixture { location, dir }));
}

pub fn on_postgres(test: impl AsyncFnOnce(&Fixture)) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let server = match postgres::server() {
        Ok(server) => server,
        Err(why) => return println!("skipped: {why}"),
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("estiba_test_{}_{number}", std::process::id());
    block_on(async {
        let url = server.create_database(&name).await;
        let fixture = Fixture {
            location: Location::Postgres(SecretString::new(url)),
            dir: TempDir::new().unwrap(),
        };
        test(&fixture).await;
        server.drop_database(&name).await;
    });
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn version(text: &str) -> Version {
    text.parse().unwrap()
}

pub fn project() -> ProjectId {
    ProjectId {
        team: name("moria"),
        project: name("tp2"),
    }
}

pub fn environment(text: &str) -> EnvironmentId {
    EnvironmentId::new(&project(), &name(text))
}

/// A release without workloads: for what only counts versions.
pub fn empty_release(text: &str, created_at: &str) -> Release {
    Release {
        project: project(),
        version: version(text),
        commits: Vec::new(),
        commit: None,
        created_at: created_at.parse::<Timestamp>().unwrap(),
        workloads: Default::default(),
    }
}

pub fn start_step(ordinal: u32) -> Step {
    let instance: InstanceName = format!("api-01234567-{ordinal}").parse().unwrap();
    Step::Start {
        workload: name("api"),
        target: name("laptop"),
        instance,
    }
}
