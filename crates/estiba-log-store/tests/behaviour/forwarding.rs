//! What another place lacks is told in order, and kept while there is room.

use std::time::Duration;

use estiba_log_store::{Environment, LogStore, Options, Retention, Scope};
use serde_json::json;

use crate::world::{append, find, line, prod, quick, store};

const TO: &str = "https://elastic.example.edu/logs";

async fn texts_after(
    store: &LogStore,
    of: &Environment,
    sequence: u64,
    most: usize,
) -> Vec<String> {
    let lines = store.after(of, sequence, most, usize::MAX).await.unwrap();
    assert!(
        lines
            .windows(2)
            .all(|two| two[0].sequence < two[1].sequence)
    );
    lines.into_iter().map(|line| line.record.text).collect()
}

#[tokio::test]
async fn lines_come_in_the_order_in_which_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        partition_bytes: 1,
        ..quick()
    };
    let store = LogStore::open(folder.path(), options).await.unwrap();
    for number in 0..6 {
        let at = format!("2026-05-01T12:00:{:02}Z", 30 - number);
        append(
            &store,
            vec![
                line(json!({"message": format!("{number}a"), "@timestamp": at})),
                line(json!({"message": "other", "environment": "test"})),
                line(json!({"message": format!("{number}b"), "@timestamp": at})),
            ],
        )
        .await;
    }
    let mut seen = Vec::new();
    let mut last = 0;
    loop {
        let some = store.after(&prod(), last, 5, usize::MAX).await.unwrap();
        let Some(line) = some.last() else { break };
        last = line.sequence;
        seen.extend(some.into_iter().map(|line| line.record.text));
    }
    let expected: Vec<String> = (0..6)
        .flat_map(|number| [format!("{number}a"), format!("{number}b")])
        .collect();
    assert_eq!(seen, expected);
    // A small room has one line at least.
    assert_eq!(store.after(&prod(), 0, 5, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_position_stays_and_is_of_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let name = {
        let store = store(folder.path()).await;
        append(&store, vec![line(json!({"message": "a"}))]).await;
        assert_eq!(store.forward(&prod(), TO).unwrap(), 0);
        let first = store.after(&prod(), 0, 9, usize::MAX).await.unwrap()[0].sequence;
        store.forwarded(&prod(), TO, first).unwrap();
        append(&store, vec![line(json!({"message": "b"}))]).await;
        assert_eq!(texts_after(&store, &prod(), first, 9).await, ["b"]);
        store.close().await;
        store.name().unwrap()
    };
    let store = store(folder.path()).await;
    assert_eq!(store.name().unwrap(), name);
    let position = store.forward(&prod(), TO).unwrap();
    assert_eq!(texts_after(&store, &prod(), position, 9).await, ["b"]);
    let waits = store.forwarding(&Scope::everything()).await.unwrap();
    assert_eq!((waits[0].waiting, waits[0].lost), (1, 0));
    assert_eq!(store.forward(&prod(), "elsewhere").unwrap(), 0);
    store.stop_forwarding(&prod()).unwrap();
    assert!(
        store
            .forwarding(&Scope::everything())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn what_is_wanted_is_kept_until_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let old = Retention {
        age: Some(Duration::ZERO),
        bytes: None,
    };
    let options = Options {
        retention: old,
        partition_bytes: 1,
        ..quick()
    };
    let store = LogStore::open(folder.path(), options).await.unwrap();
    append(&store, vec![line(json!({"message": "first"}))]).await;
    store.forward(&prod(), TO).unwrap();
    for text in ["second", "third", "fourth"] {
        append(&store, vec![line(json!({"message": text}))]).await;
    }
    let all = Scope::environment(prod());
    store.tidy().await;
    assert_eq!(find(&store, &all, "*").await.hits.len(), 4);
    // What is there goes as ever.
    let mut second = 0;
    for _ in 0..2 {
        let next = store.after(&prod(), second, 1, usize::MAX).await.unwrap();
        second = next[0].sequence;
    }
    store.forwarded(&prod(), TO, second).unwrap();
    store.tidy().await;
    assert_eq!(find(&store, &all, "*").await.hits.len(), 2);
    // Without room the rest goes too, and is counted.
    store.retain(
        prod(),
        Retention {
            age: None,
            bytes: Some(1),
        },
    );
    store.tidy().await;
    let forwarding = store.forwarding(&all).await.unwrap();
    assert_eq!((forwarding[0].waiting, forwarding[0].lost), (1, 1));
}
