//! A process that is killed at any moment loses nothing that it acknowledged.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use estiba_log_store::{LogStore, Order, Scope, Search};
use serde_json::json;

use crate::world::{line, quick, search, store};

const FOLDER: &str = "ESTIBA_LOG_STORE_WRITER";
const FROM: &str = "ESTIBA_LOG_STORE_WRITER_FROM";

/// What the writer is, when this program runs as one: it says every number that was
/// acknowledged, until it is killed.
#[tokio::test]
async fn writer() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let mut number: u64 = std::env::var(FROM).unwrap().parse().unwrap();
    let options = estiba_log_store::Options {
        partition_bytes: 64 << 10,
        ..quick()
    };
    let store = LogStore::open(&folder, options).await.unwrap();
    loop {
        let size = 1 + number % 37;
        let lines = (number..number + size)
            .map(|n| line(json!({"message": format!("number {n}"), "n": n, "environment": if n % 5 == 0 { "test" } else { "prod" }})))
            .collect();
        store.append(lines).await.unwrap();
        number += size;
        println!("\nacknowledged {number}");
    }
}

fn kill_one(folder: &Path, from: u64, after: Duration) -> u64 {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::writer", "--nocapture"])
        .env(FOLDER, folder)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let mut last = from;
        for text in output.lines().map_while(Result::ok) {
            if let Some(number) = text.strip_prefix("acknowledged ") {
                last = number.parse().unwrap();
            }
        }
        last
    });
    std::thread::sleep(after);
    writer.kill().unwrap();
    writer.wait().unwrap();
    reading.join().unwrap()
}

async fn times_found(store: &LogStore) -> HashMap<u64, usize> {
    let mut found = HashMap::new();
    let mut after = None;
    loop {
        let page = Search {
            after,
            order: Order::OldestFirst,
            ..search("*")
        };
        let page = store.search(&Scope::everything(), page).await.unwrap();
        for hit in page.hits {
            *found
                .entry(hit.record.attributes["n"].as_u64().unwrap())
                .or_default() += 1;
        }
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// `ESTIBA_LOG_STORE_KILLS=200` is the long run.
#[tokio::test]
async fn what_was_acknowledged_is_found_exactly_once() {
    let kills: u64 =
        std::env::var("ESTIBA_LOG_STORE_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    let mut from = 0;
    for kill in 0..kills {
        let after = Duration::from_millis(60 + (kill * 7919) % 340);
        let last = kill_one(folder.path(), from, after);
        acknowledged.push(from..last);
        // What was on its way may be there or not; it is told apart by its number.
        from = last + 1000;
    }
    let store = store(folder.path()).await;
    let found = times_found(&store).await;
    for number in acknowledged.iter().cloned().flatten() {
        assert_eq!(found.get(&number), Some(&1), "{number}");
    }
    assert!(found.values().all(|times| *times == 1));
    assert!(
        acknowledged.iter().any(|range| !range.is_empty()),
        "no writer came far enough"
    );
    assert_eq!(store.health().set_aside, []);
}
