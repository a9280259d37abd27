//! The test program again, as another process that uses the same store.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use estiba_model::{DeploymentId, SecretString};
use estiba_store::{Location, SealKey, Store};

use crate::support::{Fixture, block_on, environment, name};

const DO: &str = "ESTIBA_TEST_CHILD_DOES";
const WHERE: &str = "ESTIBA_TEST_CHILD_PLACE";
const KEY: &str = "ESTIBA_TEST_CHILD_KEY";
const DEPLOYMENT: &str = "ESTIBA_TEST_CHILD_DEPLOYMENT";

/// How often the child of [`Task::Bump`] does it.
pub const BUMPS: u64 = 40;

pub enum Task {
    /// Opens the store.
    Open,
    /// Takes the environment `prod`, and keeps it.
    Lock,
    /// Counts restarts in `test`.
    Bump,
    /// Begins the first step of a deployment.
    BeginStep(DeploymentId),
}

/// Starts a process that does `task`, says so, and then waits to be killed.
pub fn spawn(fixture: &Fixture, task: &Task) -> Child {
    let place = match &fixture.location {
        Location::Sqlite(dir) => dir.display().to_string(),
        Location::Postgres(url) => url.expose().to_owned(),
    };
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "child::child", "--nocapture"])
        .env(WHERE, place)
        .env(KEY, fixture.key_file())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    match task {
        Task::Open => command.env(DO, "open"),
        Task::Lock => command.env(DO, "lock"),
        Task::Bump => command.env(DO, "bump"),
        Task::BeginStep(id) => command
            .env(DO, "begin-step")
            .env(DEPLOYMENT, id.0.to_string()),
    };
    command.spawn().unwrap()
}

/// Waits until the child has done its task.
pub fn await_done(child: &mut Child) {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let done = lines
        .map_while(Result::ok)
        .any(|line| line.ends_with("done"));
    assert!(done, "the child failed: {:?}", child.wait());
}

/// SIGKILL: the child has no chance to clean up.
pub fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn child() {
    let Ok(task) = std::env::var(DO) else { return };
    let place = std::env::var(WHERE).unwrap();
    let location = if place.starts_with("postgres") {
        Location::Postgres(SecretString::new(place))
    } else {
        Location::Sqlite(place.into())
    };
    let key_file = std::env::var(KEY).unwrap();
    block_on(async {
        let key = SealKey::load(key_file.as_ref(), None, || None).unwrap();
        let store = Store::open(&location, key).await.unwrap();
        let mut held = None;
        match task.as_str() {
            "lock" => held = Some(store.lock_environment(&environment("prod")).await.unwrap()),
            "bump" => {
                for _ in 0..BUMPS {
                    let (test, api) = (environment("test"), name("api"));
                    store.bump_restart(&test, &api).await.unwrap();
                }
            }
            "begin-step" => {
                let id = std::env::var(DEPLOYMENT).unwrap().parse().unwrap();
                store.begin_step(DeploymentId(id), 0).await.unwrap();
            }
            _ => {}
        }
        println!("done");
        // Until it is killed, or whoever started it has ended.
        let _ = std::io::stdin().read(&mut [0]);
        drop(held);
    });
}
