use std::collections::BTreeSet;

use estiba_model::{Cause, DeploymentId, DeploymentState, StepState, message};
use estiba_store::{Store, StoreError};

use crate::support::{Fixture, environment, start_step, version};

on_both! {
    a_deployment_goes_from_queued_to_its_end,
    a_superseded_deployment_never_begins,
    the_newest_queued_wins,
    what_worked_is_found,
    numbers_are_unique_and_grow,
    steps_keep_their_order_over_rounds,
    a_step_taken_again_loses_its_old_outcome,
    what_is_not_there_is_an_error,
}

async fn enqueue(store: &Store, to: &str, what: &str) -> DeploymentId {
    let inputs = format!("inputs of {what}");
    store
        .enqueue(
            &environment(to),
            &version(what),
            Cause::Deploy,
            inputs.as_bytes(),
        )
        .await
        .unwrap()
}

async fn end(store: &Store, id: DeploymentId, state: DeploymentState) {
    store.set_state(id, state, None).await.unwrap();
}

async fn a_deployment_goes_from_queued_to_its_end(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = enqueue(&store, "test", "1").await;
    let queued = store.deployment(id).await.unwrap();
    assert_eq!(queued.state, DeploymentState::Queued);
    assert_eq!(queued.environment, environment("test"));
    assert_eq!((queued.started_at, queued.finished_at), (None, None));
    assert_eq!(store.inputs(id).await.unwrap(), b"inputs of 1");

    store.begin(id).await.unwrap();
    let running = store.unfinished(&environment("test")).await.unwrap();
    assert_eq!(running.len(), 1);
    assert_eq!(running[0].state, DeploymentState::Running);
    assert!(running[0].started_at >= Some(queued.created_at));

    let why = message!("the port is in use", "el puerto está en uso");
    let back = DeploymentState::RollingBack;
    store.set_state(id, back, Some(&why)).await.unwrap();
    let unfinished = store.unfinished(&environment("test")).await.unwrap();
    assert_eq!(
        (unfinished[0].state, unfinished[0].finished_at),
        (back, None)
    );

    let failed = DeploymentState::Failed;
    store.set_state(id, failed, Some(&why)).await.unwrap();
    let ended = fixture.open().await.deployment(id).await.unwrap();
    assert_eq!((ended.state, ended.error), (failed, Some(why)));
    assert!(ended.finished_at >= ended.started_at);
    assert!(
        store
            .unfinished(&environment("test"))
            .await
            .unwrap()
            .is_empty()
    );

    // What has ended stays as it ended.
    let late = store.set_state(id, DeploymentState::Succeeded, None).await;
    assert!(matches!(late, Err(StoreError::NotPossible { state, .. }) if state == failed));
    assert_eq!(store.deployment(id).await.unwrap().state, failed);
}

async fn a_superseded_deployment_never_begins(fixture: &Fixture) {
    let store = fixture.open().await;
    let old = enqueue(&store, "test", "1").await;
    let new = enqueue(&store, "test", "2").await;
    let superseded = store
        .supersede_older_queued(&environment("test"), new)
        .await;
    assert_eq!(superseded.unwrap(), 1);
    let state = DeploymentState::Superseded;
    let begun = store.begin(old).await;
    assert!(matches!(begun, Err(StoreError::NotPossible { state: s, .. }) if s == state));
    store.begin(new).await.unwrap();
    assert!(matches!(
        store.begin(new).await,
        Err(StoreError::NotPossible { .. })
    ));
}

async fn the_newest_queued_wins(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    assert_eq!(store.newest_queued(&test).await.unwrap(), None);
    let running = enqueue(&store, "test", "1").await;
    store.begin(running).await.unwrap();
    let first = enqueue(&store, "test", "2").await;
    let elsewhere = enqueue(&store, "prod", "2").await;
    let second = enqueue(&store, "test", "3").await;
    let newest = store.newest_queued(&test).await.unwrap().unwrap();
    assert_eq!(newest.id, second);
    assert_eq!(
        store.supersede_older_queued(&test, second).await.unwrap(),
        1
    );
    let state = async |id| store.deployment(id).await.unwrap().state;
    assert_eq!(state(running).await, DeploymentState::Running);
    assert_eq!(state(first).await, DeploymentState::Superseded);
    assert_eq!(state(second).await, DeploymentState::Queued);
    assert_eq!(state(elsewhere).await, DeploymentState::Queued);

    let listed = store.deployments(&test, 2).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|d| d.id).collect();
    assert_eq!(ids, [second, first]);
}

async fn what_worked_is_found(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    assert_eq!(store.last_succeeded(&test).await.unwrap(), None);
    let one = enqueue(&store, "test", "1").await;
    let two = enqueue(&store, "test", "2").await;
    let three = enqueue(&store, "test", "3").await;
    let other = enqueue(&store, "prod", "4").await;
    end(&store, one, DeploymentState::Succeeded).await;
    end(&store, two, DeploymentState::Succeeded).await;
    end(&store, three, DeploymentState::Failed).await;
    end(&store, other, DeploymentState::Succeeded).await;

    let last = store.last_succeeded(&test).await.unwrap().unwrap();
    assert_eq!((last.id, last.version), (two, version("2")));
    let before = store.succeeded_before(&test, two).await.unwrap().unwrap();
    assert_eq!(before.id, one);
    assert_eq!(store.succeeded_before(&test, one).await.unwrap(), None);

    assert!(store.has_succeeded(&test, &version("1")).await.unwrap());
    assert!(!store.has_succeeded(&test, &version("3")).await.unwrap());
    assert!(!store.has_succeeded(&test, &version("4")).await.unwrap());
}

async fn numbers_are_unique_and_grow(fixture: &Fixture) {
    let stores = [fixture.open().await, fixture.open().await];
    let queued: Vec<_> = (0..24)
        .map(|i: usize| {
            let store = stores[i % 2].clone();
            tokio::spawn(async move { enqueue(&store, "test", "1").await })
        })
        .collect();
    let mut ids = BTreeSet::new();
    for id in queued {
        ids.insert(id.await.unwrap().0);
    }
    assert!(ids.into_iter().eq(1..=24));
}

async fn steps_keep_their_order_over_rounds(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = enqueue(&store, "test", "1").await;
    let first = [start_step(0), start_step(1)];
    assert_eq!(store.plan_steps(id, &first).await.unwrap(), 0);
    assert_eq!(store.plan_steps(id, &[]).await.unwrap(), 2);
    assert_eq!(store.plan_steps(id, &[start_step(2)]).await.unwrap(), 2);

    store.begin_step(id, 0).await.unwrap();
    store.advance(id, 0).await.unwrap();

    let steps = fixture.open().await.steps(id).await.unwrap();
    let seen: Vec<_> = steps
        .iter()
        .map(|s| (s.index, s.step.clone(), s.state))
        .collect();
    assert_eq!(
        seen,
        [
            (0, start_step(0), StepState::Done),
            (1, start_step(1), StepState::Running),
            (2, start_step(2), StepState::Pending),
        ]
    );
    assert!(steps[0].finished_at >= steps[0].started_at && steps[0].started_at.is_some());
    assert!(steps[1].started_at.is_some() && steps[1].finished_at.is_none());
    assert!(steps[2].started_at.is_none());
}

async fn a_step_taken_again_loses_its_old_outcome(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = enqueue(&store, "test", "1").await;
    store.plan_steps(id, &[start_step(0)]).await.unwrap();
    store.begin_step(id, 0).await.unwrap();
    let why = message!("no", "no");
    store.finish_step(id, 0, Err(why.clone())).await.unwrap();
    let failed = store.steps(id).await.unwrap().remove(0);
    assert_eq!((failed.state, failed.error), (StepState::Failed, Some(why)));

    store.begin_step(id, 0).await.unwrap();
    let again = store.steps(id).await.unwrap().remove(0);
    assert_eq!(
        (again.state, again.error, again.finished_at),
        (StepState::Running, None, None)
    );
}

async fn what_is_not_there_is_an_error(fixture: &Fixture) {
    let store = fixture.open().await;
    let nothing = DeploymentId(77);
    let unknown = |e: StoreError| matches!(e, StoreError::UnknownDeployment(id) if id == nothing);
    assert!(unknown(store.deployment(nothing).await.unwrap_err()));
    assert!(unknown(store.inputs(nothing).await.unwrap_err()));
    assert!(unknown(store.begin(nothing).await.unwrap_err()));
    assert!(unknown(
        store
            .plan_steps(nothing, &[start_step(0)])
            .await
            .unwrap_err()
    ));
    let state = DeploymentState::Failed;
    assert!(unknown(
        store.set_state(nothing, state, None).await.unwrap_err()
    ));

    let id = enqueue(&store, "test", "1").await;
    let step = store.begin_step(id, 0).await.unwrap_err();
    assert!(matches!(step, StoreError::UnknownStep { index: 0, .. }));
    assert!(store.finish_step(id, 0, Ok(())).await.is_err());
    assert!(store.advance(id, 0).await.is_err());
}
