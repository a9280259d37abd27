//! Stores and lines for tests.

use std::path::Path;
use std::time::Duration;

use estiba_log_store::{Environment, Found, LogStore, Options, Scope, Search};
use estiba_logs::{Query, Record};
use serde_json::{Value, json};

/// Options with which tests don't wait.
pub(crate) fn quick() -> Options {
    Options {
        index_every: Duration::from_millis(5),
        index_memory_bytes: 15 << 20,
        patience: Duration::from_millis(200),
        ..Options::default()
    }
}

pub(crate) async fn store(folder: &Path) -> LogStore {
    LogStore::open(folder, quick()).await.unwrap()
}

pub(crate) fn prod() -> Environment {
    Environment::new("moria", "tp2", "prod")
}

/// A line of [`prod`]; the document may say otherwise.
pub(crate) fn line(mut document: Value) -> Record {
    let defaults = json!({"team": "moria", "project": "tp2", "environment": "prod"});
    for (name, value) in defaults.as_object().unwrap() {
        let document = document.as_object_mut().unwrap();
        document.entry(name.clone()).or_insert(value.clone());
    }
    Record::from_value(document, "2026-05-01T12:00:00Z".parse().unwrap()).unwrap()
}

/// Waits until all that was appended is in the index.
pub(crate) async fn indexed(store: &LogStore) {
    for _ in 0..6000 {
        if store.health().waiting_bytes == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("the index never took all: {:?}", store.health());
}

pub(crate) async fn append(store: &LogStore, lines: Vec<Record>) {
    store.append(lines).await.unwrap();
    indexed(store).await;
}

pub(crate) fn search(query: &str) -> Search {
    Search {
        query: Query::parse(query).unwrap(),
        limit: Search::MOST,
        ..Search::default()
    }
}

pub(crate) async fn find(store: &LogStore, scope: &Scope, query: &str) -> Found {
    store.search(scope, search(query)).await.unwrap()
}

pub(crate) fn texts(found: &Found) -> Vec<&str> {
    found
        .hits
        .iter()
        .map(|hit| hit.record.text.as_str())
        .collect()
}
