//! There is room for so many environments, which those without lines don't take.

use std::sync::Arc;
use std::time::Duration;

use estiba_log_store::{AppendError, Environment, LogStore, Options, Retention, Scope};
use serde_json::json;

use crate::world::{append, find, indexed, line, prod, quick, texts};

async fn refused(store: &LogStore, team: &str, environment: &str) -> Option<AppendError> {
    let line = line(json!({"team": team, "environment": environment}));
    store.append(vec![line]).await.err()
}

/// Tidies until nothing is there. Who reads all files through may have one in hand.
async fn emptied(store: &LogStore) {
    for _ in 0..10_000 {
        if store.all_environments().is_empty() {
            return;
        }
        store.tidy().await;
    }
    panic!("{:?} stay", store.all_environments());
}

#[tokio::test]
async fn one_without_lines_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        retention: Retention {
            age: Some(Duration::ZERO),
            bytes: None,
        },
        most_environments: 1,
        ..quick()
    };
    let open = || LogStore::open(folder.path(), options.clone());
    let store = open().await.unwrap();
    append(&store, vec![line(json!({"message": "old"}))]).await;
    let second = refused(&store, "moria", "test").await;
    assert!(
        matches!(second, Some(AppendError::TooManyEnvironments { .. })),
        "{second:?}"
    );
    store.close().await;
    drop(store);

    // Nobody writes to it any more.
    let store = open().await.unwrap();
    emptied(&store).await;
    assert!(!folder.path().join("lines/moria").exists());
    let test = Environment::new("moria", "tp2", "test");
    append(
        &store,
        vec![line(json!({"message": "new", "environment": "test"}))],
    )
    .await;
    let found = find(&store, &Scope::environment(test), "*").await;
    assert_eq!(texts(&found), ["new"]);
    let first = refused(&store, "moria", "prod").await;
    assert!(
        matches!(first, Some(AppendError::TooManyEnvironments { .. })),
        "{first:?}"
    );
}

#[tokio::test]
async fn no_team_takes_the_room_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        most_environments: 4,
        most_environments_of_team: 2,
        ..quick()
    };
    let store = LogStore::open(folder.path(), options).await.unwrap();
    for environment in ["prod", "test", "prod"] {
        assert!(refused(&store, "moria", environment).await.is_none());
    }
    let third = refused(&store, "moria", "preview").await.unwrap();
    assert!(
        matches!(third, AppendError::TooManyOfTeam { most: 2, .. }),
        "{third:?}"
    );
    let message = third.message();
    for text in [third.to_string(), message.en, message.es] {
        assert!(text.contains("moria/tp2/preview") && text.contains('2'));
    }
    assert!(refused(&store, "rohan", "prod").await.is_none());
    indexed(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_where_empty_ones_are_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = LogStore::open(folder.path(), quick()).await.unwrap();
    let store = Arc::new(store);
    let mut writing = tokio::task::JoinSet::new();
    for writer in 0..3 {
        let store = Arc::clone(&store);
        writing.spawn(async move {
            for number in 0..6 {
                let environment = format!("e{writer}-{number}");
                let announced = Environment::new("moria", "tp2", &environment);
                store.admit(&announced).unwrap();
                let line = line(json!({"message": "kept", "environment": environment}));
                store.append(vec![line]).await.unwrap();
            }
        });
    }
    while !writing.is_empty() {
        store.tidy().await;
        while let Some(written) = writing.try_join_next() {
            written.unwrap();
        }
    }
    for _ in 0..3 {
        store.tidy().await;
    }
    indexed(&store).await;
    assert_eq!(store.environments(&Scope::everything()).len(), 18);
    let found = find(&store, &Scope::everything(), "kept").await;
    assert_eq!(found.hits.len(), 18);
    let unknown = store.after(&prod(), 0, 9, usize::MAX).await.unwrap();
    assert_eq!(unknown, []);
}
