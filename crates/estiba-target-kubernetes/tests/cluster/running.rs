//! What works.

use std::process::Command;
use std::time::Duration;

use estiba_target::{FileContent, FileSpec, LogQuery, Rollouts, Target, Task, TaskSpec};
use futures::TryStreamExt;

use crate::bench::{Bench, Heard, name, works};

#[tokio::test]
async fn what_was_rolled_out_is_observed_and_what_was_changed_by_hand_shows() {
    let Some(bench) = Bench::new("observed") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let mut spec = bench.script("stat -L -c %a /etc/app/conf; cat /etc/app/conf; exec sleep 600");
    spec.of.containers[0].files.push(FileSpec {
        path: "/etc/app/conf".to_owned(),
        content: FileContent(b"kept: s3cr3t-value\n".to_vec()),
        mode: Some(0o755),
    });
    bench.roll_out(&spec).await.unwrap();
    let rollout = |observed: estiba_model::Observed| observed.rollouts[&name("bot")].clone();
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    assert_eq!(observed.instances.len(), 1);
    let found = rollout(observed);
    assert!(found.settled);
    assert_eq!(found.wanted.fingerprint, spec.of.fingerprint);

    let (bot, query) = (name("bot"), LogQuery::default());
    let all = bench.target.logs(&bench.environment, &bot, &query);
    let lines: Vec<_> = all.await.unwrap().try_collect().await.unwrap();
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["755", "kept: •••"]);

    let scale = [
        "-n",
        &bench.namespace(),
        "scale",
        "deployment/adapter-bot",
        "--replicas=2",
    ];
    assert!(works("kubectl", &scale));
    let changed = bench.target.observe(&bench.environment).await.unwrap();
    assert!(!rollout(changed).settled);
    bench.roll_out(&spec).await.unwrap();
    let mended = bench.target.observe(&bench.environment).await.unwrap();
    assert!(rollout(mended).settled);
    bench.end().await;
}

#[tokio::test]
async fn a_migration_runs_once_and_its_failure_is_told() {
    let Some(bench) = Bench::new("migrated") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let heard = Heard::default();
    let failing = bench.migration("echo looking; echo $TOKEN; exit 3");
    let error = bench.target.run_task(&failing, &heard).await.unwrap_err();
    assert!(error.message().en.contains("code 3"), "{error}");
    assert_eq!(error.log(), ["looking", "•••"]);

    let migration = bench.migration("echo migrating");
    for _ in 0..2 {
        bench.target.run_task(&migration, &heard).await.unwrap();
    }
    let told = heard.0.lock().unwrap().clone();
    assert_eq!(
        told.iter().filter(|line| *line == "migrating").count(),
        1,
        "{told:?}"
    );
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    assert!(observed.migrations[&name("bot")].contains(&migration.fingerprint));
    bench.end().await;
}

#[tokio::test]
async fn a_preflight_leaves_nothing_and_tells_what_limits_it() {
    let Some(bench) = Bench::new("nothing") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let namespace = bench.namespace();
    assert!(works("kubectl", &["create", "namespace", &namespace]));
    let policy = serde_json::json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": { "name": "nothing-leaves", "namespace": namespace },
        "spec": { "podSelector": {}, "policyTypes": ["Egress"] },
    });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    assert!(works("kubectl", &["apply", "-f", file.to_str().unwrap()]));

    let heard = Heard::default();
    for (script, ends_well) in [("echo looked", true), ("echo no; exit 3", false)] {
        let probe = TaskSpec {
            task: Task::Preflight,
            ..bench.migration(script)
        };
        for _ in 0..2 {
            let ended = bench.target.run_task(&probe, &heard).await;
            assert_eq!(ended.is_ok(), ends_well, "{ended:?}");
        }
    }
    let told = heard.0.lock().unwrap().clone();
    let count = |line: &str| told.iter().filter(|told| told.contains(line)).count();
    assert_eq!(count("looked"), 2, "{told:?}");
    assert_eq!(
        count("limit what leaves the pods: nothing-leaves"),
        4,
        "{told:?}"
    );
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    assert!(observed.migrations.is_empty());
    let left = ["-n", &namespace, "get", "jobs,pods", "-o", "name"];
    let left = Command::new("kubectl").args(left).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&left.stdout), "");
    let delete = [
        "-n",
        &namespace,
        "delete",
        "networkpolicy",
        "nothing-leaves",
    ];
    assert!(works("kubectl", &delete));
    assert!(works("kubectl", &["delete", "namespace", &namespace]));
}

#[tokio::test]
async fn a_tag_is_never_overwritten() {
    let Some(bench) = Bench::new("tagged") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    bench.fetch(Some("1.0.0")).await.unwrap();
    bench.fetch(None).await.unwrap();
    bench
        .roll_out(&bench.script("exec sleep 600"))
        .await
        .unwrap();
    bench.end().await;
}

#[tokio::test]
async fn what_others_made_is_left_alone() {
    let Some(bench) = Bench::new("foreign") else {
        return;
    };
    let namespace = bench.namespace();
    bench.fetch(Some("1.0.0")).await.unwrap();
    assert!(works("kubectl", &["create", "namespace", &namespace]));
    let create = ["-n", &namespace, "create", "serviceaccount", "adapter-bot"];
    assert!(works("kubectl", &create));
    let error = bench
        .roll_out(&bench.script("exec sleep 600"))
        .await
        .unwrap_err();
    assert!(
        error.message().en.contains("Estiba did not make"),
        "{error}"
    );
    bench.target.forget(&bench.environment).await.unwrap();
    assert!(works(
        "kubectl",
        &["-n", &namespace, "get", "serviceaccount", "adapter-bot"]
    ));
    assert!(works("kubectl", &["get", "namespace", &namespace]));
}

#[tokio::test]
async fn projects_of_a_team_share_a_namespace_until_the_last_one_leaves() {
    let Some(bench) = Bench::new("shared") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let spec = bench.script("exec sleep 600");
    let mut others = bench.script("exec sleep 601");
    others.of.environment.project = name("other");
    let other = others.of.environment.clone();
    bench.roll_out(&spec).await.unwrap();
    bench.roll_out(&others).await.unwrap();
    let get = ["-n", &bench.namespace(), "get", "deployment"];
    let both = [get.as_slice(), &["adapter-bot", "other-bot"]].concat();
    assert!(works("kubectl", &both));

    let (bot, grace) = (name("bot"), Duration::from_secs(1));
    let withdrawn = bench.target.withdraw(&other, &bot, grace);
    withdrawn.await.unwrap();
    bench.target.forget(&other).await.unwrap();
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    assert_eq!(observed.instances.len(), 1);
    assert!(observed.rollouts[&bot].settled);

    // What others have made of it is theirs.
    let namespace = bench.namespace();
    let account = |what| {
        works(
            "kubectl",
            &["-n", &namespace, what, "serviceaccount", "theirs"],
        )
    };
    assert!(account("create"));
    let withdrawn = bench.target.withdraw(&bench.environment, &bot, grace);
    withdrawn.await.unwrap();
    bench.target.forget(&bench.environment).await.unwrap();
    assert!(account("get") && account("delete"));
    bench.end().await;
}

#[tokio::test]
async fn no_secret_is_anywhere_but_in_secrets() {
    let Some(bench) = Bench::new("hidden") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    bench
        .roll_out(&bench.script("exec sleep 600"))
        .await
        .unwrap();
    let kinds = "deployments,replicasets,pods,configmaps,serviceaccounts,networkpolicies,events";
    let seen = Command::new("kubectl")
        .args(["-n", &bench.namespace(), "get", kinds, "-o", "yaml"])
        .output()
        .unwrap();
    let seen = String::from_utf8_lossy(&seen.stdout).into_owned();
    assert!(seen.contains("kind: Deployment"));
    assert!(!seen.contains("s3cr3t") && !seen.contains("czNjcjN0"));
    bench.end().await;
}
