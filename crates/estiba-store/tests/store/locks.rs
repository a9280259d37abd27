use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::child::{self, Task};
use crate::support::{Fixture, environment};

on_both! {
    one_at_a_time_has_an_environment,
    a_lock_is_tried_without_waiting,
    a_killed_process_frees_its_lock,
    who_stops_waiting_never_gets_the_lock,
}

async fn one_at_a_time_has_an_environment(fixture: &Fixture) {
    let store = fixture.open().await;
    let (inside, entered) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let (store, inside, entered) = (store.clone(), inside.clone(), entered.clone());
            tokio::spawn(async move {
                let lock = store.lock_environment(&environment("prod")).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                // Others have every chance to come in.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                store.settings(&environment("prod")).await.unwrap();
                inside.fetch_sub(1, Ordering::SeqCst);
                entered.fetch_add(1, Ordering::SeqCst);
                drop(lock);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(entered.load(Ordering::SeqCst), 12);
}

async fn a_lock_is_tried_without_waiting(fixture: &Fixture) {
    let store = fixture.open().await;
    let (test, prod) = (environment("test"), environment("prod"));
    let held = store.lock_environment(&prod).await.unwrap();
    assert!(store.try_lock_environment(&prod).await.unwrap().is_none());
    let other = store.try_lock_environment(&test).await.unwrap();
    assert!(other.is_some());
    held.release().await;
    assert!(store.try_lock_environment(&prod).await.unwrap().is_some());
}

async fn a_killed_process_frees_its_lock(fixture: &Fixture) {
    let store = fixture.open().await;
    let prod = environment("prod");
    let mut child = child::spawn(fixture, &Task::Lock);
    child::await_done(&mut child);
    assert!(store.try_lock_environment(&prod).await.unwrap().is_none());

    let waiting = tokio::spawn({
        let (store, prod) = (store.clone(), prod.clone());
        async move { store.lock_environment(&prod).await.unwrap() }
    });
    child::kill(&mut child);
    let lock = waiting.await.unwrap();
    assert!(store.try_lock_environment(&prod).await.unwrap().is_none());
    lock.release().await;
}

async fn who_stops_waiting_never_gets_the_lock(fixture: &Fixture) {
    let store = fixture.open().await;
    let prod = environment("prod");
    let held = store.lock_environment(&prod).await.unwrap();
    let waiting = tokio::spawn({
        let (store, prod) = (store.clone(), prod.clone());
        async move { store.lock_environment(&prod).await.map(drop) }
    });
    tokio::task::yield_now().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    held.release().await;
    store.lock_environment(&prod).await.unwrap().release().await;
}
