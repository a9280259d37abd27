//! Migrations run to their end, once.

use estiba_model::Observed;
use estiba_target::{Target, Task, TaskSpec};

use crate::fixture::World;

#[tokio::test]
async fn a_migration_runs_once() {
    let world = World::new();
    let migration = world.migration(&["say", "two tables made", "0"]);
    for _ in 0..2 {
        world
            .target
            .run_task(&migration, &world.told)
            .await
            .unwrap();
    }
    assert_eq!(world.told.lines(), ["two tables made"]);
    let observed = world
        .another_target()
        .observe(&world.environment)
        .await
        .unwrap();
    assert!(observed.migrations[&migration.workload].contains(&migration.fingerprint));
    assert!(observed.instances.is_empty());
    assert_eq!(world.texts().await, ["two tables made"]);
    world.end().await;
}

#[tokio::test]
async fn a_preflight_runs_each_time_and_leaves_nothing() {
    let world = World::new();
    for (args, ends_well) in [(["say", "looked", "0"], true), (["exit", "7", "no"], false)] {
        let probe = TaskSpec {
            task: Task::Preflight,
            ..world.migration(&args)
        };
        for _ in 0..2 {
            let ended = world.target.run_task(&probe, &world.told).await;
            assert_eq!(ended.is_ok(), ends_well, "{ended:?}");
        }
    }
    assert_eq!(world.told.lines(), ["looked", "looked", "no", "no"]);
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert_eq!(observed, Observed::default());
    assert!(world.texts().await.is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_migration_that_fails_tells_why_and_runs_again() {
    let world = World::new();
    let failing = world.migration(&["exit", "7", "no such column"]);
    for _ in 0..2 {
        let error = world
            .target
            .run_task(&failing, &world.told)
            .await
            .unwrap_err();
        assert!(error.message().en.contains("code 7"), "{error}");
        assert_eq!(error.log(), ["no such column"]);
    }
    assert_eq!(world.told.lines(), ["no such column", "no such column"]);
    let observed = world.target.observe(&world.environment).await.unwrap();
    assert!(observed.migrations.is_empty());
    world.end().await;
}
