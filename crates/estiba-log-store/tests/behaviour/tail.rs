use estiba_log_store::{LogStore, Options, ReadError, Scope, Tailed};
use estiba_logs::Query;
use serde_json::json;

use crate::world::{append, line, quick};

#[tokio::test]
async fn lines_are_told_before_they_are_in_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let never = Options {
        index_every: std::time::Duration::from_secs(3600),
        ..quick()
    };
    let store = LogStore::open(folder.path(), never).await.unwrap();
    let mut tail = store
        .tail(&Scope::everything(), Query::parse("level:error").unwrap())
        .unwrap();
    store
        .append(vec![
            line(json!({"message": "a"})),
            line(json!({"message": "b", "level": "error"})),
        ])
        .await
        .unwrap();
    let Some(Tailed::Line(record, _)) = tail.next().await else {
        panic!("a line was expected")
    };
    assert_eq!(record.text, "b");
}

#[tokio::test]
async fn who_is_slow_is_told_how_many_lines_were_missed_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        tail_lines: 3,
        ..quick()
    };
    let store = LogStore::open(folder.path(), options).await.unwrap();
    let mut tail = store.tail(&Scope::everything(), Query::all()).unwrap();
    for number in 0..10 {
        append(&store, vec![line(json!({"message": number.to_string()}))]).await;
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(tail.next().await.unwrap());
    }
    append(&store, vec![line(json!({"message": "after"}))]).await;
    told.push(tail.next().await.unwrap());
    told.push(tail.next().await.unwrap());
    let told: Vec<_> = told
        .iter()
        .map(|told| match told {
            Tailed::Line(record, _) => record.text.clone(),
            Tailed::Missed(lines) => format!("missed {lines}"),
        })
        .collect();
    assert_eq!(told, ["0", "1", "2", "missed 7", "after"]);
    store.close().await;
    assert_eq!(tail.next().await, None);
}

#[tokio::test]
async fn followers_are_bounded_and_those_who_left_dont_count() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        most_followers: 2,
        ..quick()
    };
    let one = LogStore::open(folder.path(), options).await.unwrap();
    let first = one.tail(&Scope::everything(), Query::all()).unwrap();
    let _second = one.tail(&Scope::everything(), Query::all()).unwrap();
    assert!(matches!(
        one.tail(&Scope::everything(), Query::all()),
        Err(ReadError::TooManyFollowers(2))
    ));
    drop(first);
    assert!(one.tail(&Scope::everything(), Query::all()).is_ok());
}
