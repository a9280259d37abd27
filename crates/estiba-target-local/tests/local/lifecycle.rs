//! Instances start, get ready, crash, are restarted, stopped and found again.

use std::process::Command;
use std::time::Duration;

use estiba_model::InstanceState;
use estiba_target::{ImageSpec, Instances, Target};

use crate::fixture::{
    self, GRACE, World, container, environment, http_probe, image, name, traffic,
};

/// Where a process started by a test finds the state it is to use.
const ROOT_VARIABLE: &str = "ESTIBA_TEST_ROOT";

#[tokio::test]
async fn an_instance_is_started_routed_observed_and_stopped() {
    let world = World::new();
    let spec = world.server(1, &[]);
    let wanted = ImageSpec {
        digest: image(),
        project: world.environment.project_id(),
        workload: name("api"),
        tag: None,
    };
    world.target.fetch(&wanted, &world.told).await.unwrap();
    world.bring_up(&spec).await;
    world.route(&spec).await;
    assert_eq!(world.get("/").await, (200, "v1".to_owned()));
    assert!(
        world
            .url()
            .await
            .starts_with("http://api.test.tp2.moria.localhost:")
    );

    let observed = world
        .another_target()
        .observe(&world.environment)
        .await
        .unwrap();
    let [seen] = observed.instances.as_slice() else {
        panic!("{observed:?}");
    };
    assert_eq!(seen.name, spec.instance);
    assert_eq!(seen.workload, spec.of.workload);
    assert_eq!(seen.version, spec.of.version);
    assert_eq!(seen.fingerprint, spec.of.fingerprint);
    assert_eq!(seen.state, InstanceState::Ready);
    assert_eq!(seen.restarts, 0);
    assert_eq!(observed.traffic[&spec.of.workload], traffic(&spec));
    assert!(observed.images.contains(&image()));

    world.stop(&spec).await;
    world.stop(&spec).await;
    assert_eq!(world.observed(&spec).await, None);
    assert_eq!(world.texts().await.last().unwrap(), "asked to end");
    world.end().await;
}

#[tokio::test]
async fn starting_one_that_runs_leaves_it_alone() {
    let world = World::new();
    let spec = world.server(1, &[]);
    world.bring_up(&spec).await;
    world.start(&spec).await;
    assert_eq!(
        world.observed(&spec).await.unwrap().state,
        InstanceState::Ready
    );
    let starts = world.texts().await;
    assert_eq!(starts.len(), 1, "{starts:?}");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_told_with_its_last_lines() {
    let world = World::new();
    let spec = world.instance(1, &["exit", "3", "DATABASE_URL is missing"]);
    world.start(&spec).await;
    let error = world.await_ready(&spec).await.unwrap_err();
    assert!(
        error.message().en.contains("ends as soon as it starts"),
        "{error}"
    );
    assert!(error.message().en.contains("code 3"), "{error}");
    assert!(
        error.log().contains(&"DATABASE_URL is missing".to_owned()),
        "{:?}",
        error.log()
    );
    let seen = world.observed(&spec).await.unwrap();
    assert_eq!(seen.state, InstanceState::Crashing);
    assert!(seen.restarts >= 2, "{seen:?}");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_is_not_in_the_image_is_named() {
    let world = World::new();
    let mut spec = world.instance(1, &[]);
    spec.of.containers[0].command = vec!["/no/such/program".to_owned()];
    world.start(&spec).await;
    let error = world.await_ready(&spec).await.unwrap_err();
    assert!(error.message().en.contains("/no/such/program"), "{error}");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_ignores_its_port_is_told_about_it() {
    let world = World::new();
    let spec = world.server(1, &["fixed-port"]);
    world.start(&spec).await;
    world.until_logged(|line| line == "listening on 3999").await;
    let short = Duration::from_millis(300);
    let waited = world
        .target
        .await_ready(&world.environment, &spec.instance, short)
        .await;
    let error = waited.unwrap_err();
    assert!(error.message().en.contains("$PORT"), "{error}");
    assert!(
        error.message().en.contains("something listens on 3999"),
        "{error}"
    );
    assert_eq!(
        world.observed(&spec).await.unwrap().state,
        InstanceState::Starting
    );
    world.end().await;
}

#[tokio::test]
async fn what_has_no_probe_is_ready_when_its_port_answers_or_when_it_stays_up() {
    let world = World::new();
    let mut listening = world.server(1, &["slow-start"]);
    listening.of.containers[0].readiness = None;
    world.bring_up(&listening).await;
    assert!(
        world.texts().await[0].starts_with("listening"),
        "ready before it listened"
    );
    let staying = world.instance(2, &["lines", "1", "1"]);
    world.bring_up(&staying).await;
    world.end().await;
}

#[tokio::test]
async fn failed_liveness_starts_a_container_again() {
    let world = World::new();
    let mut spec = world.server(1, &[]);
    spec.of.containers[0].liveness = Some(http_probe("/alive"));
    world.bring_up(&spec).await;
    world.route(&spec).await;
    // Once alive, so that what follows is no slow start.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    world.get("/dead").await;
    world
        .until_logged(|line| line.contains("unhealthy") && line.contains("503"))
        .await;
    world.until_logged(|line| line == "asked to end").await;
    let seen = loop {
        let seen = world.until(&spec, InstanceState::Ready).await;
        if seen.restarts > 0 {
            break seen;
        }
    };
    assert_eq!(seen.restarts, 1);
    assert_eq!(world.get("/alive").await.0, 200);
    world.end().await;
}

#[tokio::test]
async fn what_ignores_the_signal_is_killed_when_its_time_is_over() {
    let world = World::new();
    let spec = world.server(1, &["ignore-term"]);
    world.bring_up(&spec).await;
    let grace = Duration::from_millis(300);
    world
        .target
        .stop(&world.environment, &spec.instance, grace)
        .await
        .unwrap();
    assert_eq!(world.observed(&spec).await, None);
    assert_eq!(world.texts().await.last().unwrap(), "asked to end");
    world.end().await;
}

#[tokio::test]
async fn a_killed_supervisor_takes_nothing_along_that_is_not_found_again() {
    let world = World::new();
    let spec = world.server(1, &[]);
    world.bring_up(&spec).await;
    world.route(&spec).await;
    let directory = world.instance_directory(&spec);
    let status = std::fs::read_to_string(directory.join("status.json")).unwrap();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let container = status["containers"][0]["process"]["pid"].as_i64().unwrap();
    world.kill_supervisor(&spec);
    let seen = world.until(&spec, InstanceState::Stopped).await;
    assert_eq!(seen.fingerprint, spec.of.fingerprint);
    let stat = std::fs::read_to_string(format!("/proc/{container}/stat")).unwrap_or_default();
    assert!(
        stat.is_empty() || stat.contains(") Z "),
        "the container still runs: {stat}"
    );

    world.bring_up(&spec).await;
    world.route(&spec).await;
    assert_eq!(world.get("/").await.0, 200);
    world.end().await;
}

#[tokio::test]
async fn an_instance_outlives_the_process_that_started_it() {
    let world = World::new();
    let spec = world.server(1, &[]);
    let starter = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "lifecycle::start_in_another_process",
            "--ignored",
        ])
        .env(ROOT_VARIABLE, world.root())
        .output()
        .unwrap();
    assert!(starter.status.success(), "{starter:?}");
    world.await_ready(&spec).await.unwrap();
    world.stop(&spec).await;
    world.end().await;
}

#[tokio::test]
#[ignore = "a part of an_instance_outlives_the_process_that_started_it"]
async fn start_in_another_process() {
    let root = std::env::var_os(ROOT_VARIABLE).unwrap();
    let world = World::new();
    let elsewhere = fixture::target(root.as_ref());
    elsewhere
        .start(&world.server(1, &[]), &world.told)
        .await
        .unwrap();
}

#[tokio::test]
async fn environments_are_apart() {
    let world = World::new();
    let (test, mut prod) = (world.server(1, &[]), world.server(1, &[]));
    prod.of.environment = environment("prod");
    for spec in [&test, &prod] {
        world.target.start(spec, &world.told).await.unwrap();
        let ready = world
            .target
            .await_ready(&spec.of.environment, &spec.instance, GRACE);
        ready.await.unwrap();
    }
    world.stop(&test).await;
    assert_eq!(world.observed(&test).await, None);
    world.target.forget(&world.environment).await.unwrap();
    let observed = world.target.observe(&prod.of.environment).await.unwrap();
    assert_eq!(observed.instances[0].state, InstanceState::Ready);
    world
        .target
        .stop(&prod.of.environment, &prod.instance, GRACE)
        .await
        .unwrap();
    world.end().await;
}

#[tokio::test]
async fn containers_wait_for_one_another() {
    let world = World::new();
    let mut spec = world.server(1, &[]);
    let mut first = container("first", &["say", "prepared", "0"]);
    first
        .before
        .insert(name("main"), estiba_model::Ready::Complete);
    spec.of.containers.insert(0, first);
    spec.of.containers[1]
        .before
        .insert(name("side"), estiba_model::Ready::Healthy);
    spec.of
        .containers
        .push(container("side", &["lines", "1", "1"]));
    world.bring_up(&spec).await;
    let lines = world.log(&estiba_target::LogQuery::default()).await;
    let order: Vec<_> = lines.iter().map(|line| line.container.as_str()).collect();
    assert_eq!(order, ["first", "main", "side"]);
    assert_eq!(world.observed(&spec).await.unwrap().restarts, 0);
    world.end().await;
}
