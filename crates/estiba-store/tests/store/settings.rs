use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Cause, ResourceId, SecretString};
use estiba_store::Settings;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::child::{self, BUMPS, Task};
use crate::support::{Fixture, environment, name, version};

on_both! {
    settings_are_of_one_environment,
    unset_values_are_gone,
    restarts_are_counted_across_processes,
    any_text_comes_back,
    a_credential_is_made_once,
    a_forgotten_environment_keeps_its_history,
}

async fn settings_are_of_one_environment(fixture: &Fixture) {
    let store = fixture.open().await;
    let (test, prod) = (environment("test"), environment("prod"));
    store
        .set_config(&test, "LOG_LEVEL", Some("debug"))
        .await
        .unwrap();
    store
        .set_config(&test, "LOG_LEVEL", Some("info"))
        .await
        .unwrap();
    store
        .set_replicas(&test, &name("api"), Some(2))
        .await
        .unwrap();
    store
        .set_replicas(&test, &name("api"), Some(3))
        .await
        .unwrap();
    store.bump_restart(&test, &name("bot")).await.unwrap();
    store.bump_restart(&test, &name("bot")).await.unwrap();

    let expected = Settings {
        config: BTreeMap::from([("LOG_LEVEL".into(), "info".into())]),
        replicas: BTreeMap::from([(name("api"), 3)]),
        restarts: BTreeMap::from([(name("bot"), 2)]),
    };
    assert_eq!(
        fixture.open().await.settings(&test).await.unwrap(),
        expected
    );
    assert_eq!(store.settings(&prod).await.unwrap(), Settings::default());
}

async fn unset_values_are_gone(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    store.set_config(&test, "A", Some("1")).await.unwrap();
    store.set_config(&test, "A", None).await.unwrap();
    store.set_config(&test, "NEVER", None).await.unwrap();
    store
        .set_replicas(&test, &name("api"), Some(2))
        .await
        .unwrap();
    store.set_replicas(&test, &name("api"), None).await.unwrap();
    assert_eq!(store.settings(&test).await.unwrap(), Settings::default());

    store
        .set_secret(&test, "TOKEN", &SecretString::new("one"))
        .await
        .unwrap();
    assert!(store.unset_secret(&test, "TOKEN").await.unwrap());
    assert!(!store.unset_secret(&test, "TOKEN").await.unwrap());
    assert!(store.secrets(&test).await.unwrap().is_empty());
}

async fn restarts_are_counted_across_processes(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    let mut child = child::spawn(fixture, &Task::Bump);
    let tasks: Vec<_> = (0..BUMPS)
        .map(|_| {
            let (store, test) = (store.clone(), test.clone());
            tokio::spawn(async move { store.bump_restart(&test, &name("api")).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    child::await_done(&mut child);
    child::kill(&mut child);
    let restarts = store.settings(&test).await.unwrap().restarts;
    assert_eq!(restarts, BTreeMap::from([(name("api"), 2 * BUMPS)]));
}

async fn any_text_comes_back(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    // No NUL in a config value: neither an environment variable nor PostgreSQL
    // can have one. A secret is sealed and may hold anything.
    let config = proptest::collection::btree_map("[^\u{0}]{1,20}", "[^\u{0}]{0,80}", 1..4);
    let secrets = proptest::collection::btree_map("[^\u{0}]{1,20}", any::<String>(), 1..4);
    // Blocking inside a task of the runtime that the store runs on.
    tokio::task::block_in_place(|| {
        let mut runner = TestRunner::new(Config {
            cases: 12,
            failure_persistence: None,
            ..Config::default()
        });
        let runtime = tokio::runtime::Handle::current();
        runner
            .run(&(config, secrets), |(config, secrets)| {
                runtime.block_on(async {
                    store.forget_environment(&test).await.unwrap();
                    for (name, value) in &config {
                        store.set_config(&test, name, Some(value)).await.unwrap();
                    }
                    for (name, value) in &secrets {
                        let value = SecretString::new(value);
                        store.set_secret(&test, name, &value).await.unwrap();
                    }
                    let names = store.secret_names(&test).await.unwrap();
                    assert!(names.iter().map(|(n, _)| n).eq(secrets.keys()));
                    assert_eq!(store.settings(&test).await.unwrap().config, config);
                    let read = store.secrets(&test).await.unwrap();
                    assert!(
                        read.iter()
                            .map(|(n, v)| (n.as_str(), v.expose()))
                            .eq(secrets.iter().map(|(n, v)| (n.as_str(), v.as_str())))
                    );
                });
                Ok(())
            })
            .unwrap();
    });
}

async fn a_credential_is_made_once(fixture: &Fixture) {
    let resource = ResourceId("postgres.default#main".into());
    // Stores of their own, so that PostgreSQL and SQLite see several clients.
    let stores = [fixture.open().await, fixture.open().await];
    let asked: Vec<_> = (0..16)
        .map(|i: usize| {
            let (store, resource) = (stores[i % 2].clone(), resource.clone());
            tokio::spawn(async move {
                let test = environment("test");
                let credential = store.credential(&test, &resource).await;
                credential.unwrap().expose().to_owned()
            })
        })
        .collect();
    let mut answers = BTreeSet::new();
    for answer in asked {
        answers.insert(answer.await.unwrap());
    }
    assert_eq!(answers.len(), 1);
    let only = answers.pop_first().unwrap();
    assert!(only.len() == 32 && only.bytes().all(|b| b.is_ascii_alphanumeric()));

    let store = &stores[0];
    let known = store.credentials(&environment("test")).await.unwrap();
    assert_eq!(
        known,
        BTreeMap::from([(resource.clone(), SecretString::new(&only))])
    );
    let prod = store
        .credential(&environment("prod"), &resource)
        .await
        .unwrap();
    assert_ne!(prod.expose(), only);
}

async fn a_forgotten_environment_keeps_its_history(fixture: &Fixture) {
    let store = fixture.open().await;
    let (test, prod) = (environment("test"), environment("prod"));
    let resource = ResourceId("postgres.default#main".into());
    for env in [&test, &prod] {
        store.set_config(env, "A", Some("1")).await.unwrap();
        store
            .set_replicas(env, &name("api"), Some(2))
            .await
            .unwrap();
        store
            .set_secret(env, "S", &SecretString::new("s"))
            .await
            .unwrap();
    }
    let before = store.credential(&test, &resource).await.unwrap();
    let kept = store.credential(&prod, &resource).await.unwrap();
    let id = store
        .enqueue(&test, &version("1"), Cause::Deploy, b"in")
        .await
        .unwrap();

    store.forget_environment(&test).await.unwrap();

    assert_eq!(store.settings(&test).await.unwrap(), Settings::default());
    assert!(store.secret_names(&test).await.unwrap().is_empty());
    assert!(store.credential(&test, &resource).await.unwrap() != before);
    assert_eq!(store.deployment(id).await.unwrap().id, id);
    assert_eq!(store.settings(&prod).await.unwrap().config.len(), 1);
    assert_eq!(store.secrets(&prod).await.unwrap().len(), 1);
    assert!(store.credential(&prod, &resource).await.unwrap() == kept);
}
