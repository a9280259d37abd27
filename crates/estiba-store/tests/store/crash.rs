use estiba_model::{Cause, StepState};

use crate::child::{self, Task};
use crate::support::{Fixture, environment, start_step, version};

on_both! { a_begun_step_outlives_a_kill, many_processes_open_a_new_store }

async fn a_begun_step_outlives_a_kill(fixture: &Fixture) {
    let store = fixture.open().await;
    let test = environment("test");
    let id = store
        .enqueue(&test, &version("1"), Cause::Deploy, b"")
        .await
        .unwrap();
    store.plan_steps(id, &[start_step(0)]).await.unwrap();
    drop(store);

    let mut child = child::spawn(fixture, &Task::BeginStep(id));
    child::await_done(&mut child);
    child::kill(&mut child);

    let steps = fixture.open().await.steps(id).await.unwrap();
    assert_eq!(steps[0].state, StepState::Running);
}

async fn many_processes_open_a_new_store(fixture: &Fixture) {
    let mut children: Vec<_> = (0..4).map(|_| child::spawn(fixture, &Task::Open)).collect();
    let store = fixture.open().await;
    for child in &mut children {
        child::await_done(child);
        child::kill(child);
    }
    assert!(
        store
            .deployments(&environment("test"), 1)
            .await
            .unwrap()
            .is_empty()
    );
}
