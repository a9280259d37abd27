use std::time::Duration;

use estiba_log_store::{Environment, LogStore, Options, Retention, Scope};
use serde_json::json;

use crate::world::{append, find, line, prod, quick, texts};

#[tokio::test]
async fn what_is_too_large_goes_oldest_first_and_in_its_environment_alone() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        partition_bytes: 1,
        ..quick()
    };
    let store = LogStore::open(folder.path(), options).await.unwrap();
    for number in 0..5 {
        append(&store, vec![line(json!({"message": number.to_string()}))]).await;
        append(
            &store,
            vec![line(json!({"message": "kept", "environment": "test"}))],
        )
        .await;
    }
    let bytes = store.environments(&Scope::everything())[0].bytes;
    store.retain(
        prod(),
        Retention {
            age: None,
            bytes: Some(bytes / 2),
        },
    );
    store.tidy().await;
    let found = find(&store, &Scope::environment(prod()), "*").await;
    assert_eq!(texts(&found), ["4", "3"]);
    let test = Scope::environment(Environment::new("moria", "tp2", "test"));
    assert_eq!(find(&store, &test, "*").await.hits.len(), 5);
}

#[tokio::test]
async fn what_is_too_old_goes_and_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        retention: Retention {
            age: Some(Duration::ZERO),
            bytes: None,
        },
        retention_of: [(
            prod(),
            Retention {
                age: None,
                bytes: None,
            },
        )]
        .into(),
        partition_bytes: 1,
        ..quick()
    };
    for round in 0..2 {
        let store = LogStore::open(folder.path(), options.clone())
            .await
            .unwrap();
        if round == 0 {
            for number in 0..3 {
                append(
                    &store,
                    vec![line(
                        json!({"message": number.to_string(), "environment": "test"}),
                    )],
                )
                .await;
                append(&store, vec![line(json!({"message": number.to_string()}))]).await;
            }
        }
        store.tidy().await;
        assert_eq!(
            find(&store, &Scope::environment(prod()), "*")
                .await
                .hits
                .len(),
            3
        );
        let test = Scope::environment(Environment::new("moria", "tp2", "test"));
        // What may still be written to goes once nobody has written for a while.
        assert!(find(&store, &test, "*").await.hits.len() <= 1 - round);
        store.close().await;
    }
}
