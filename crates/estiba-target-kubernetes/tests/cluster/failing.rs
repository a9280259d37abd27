//! What goes wrong, and how it is told.

use std::fs;

use estiba_target::{Target, TargetError};
use serde_json::json;

use crate::bench::{Bench, works};

fn says(error: &TargetError, words: &str) {
    let message = error.message();
    assert!(message.en.contains(words), "{message}: {:?}", error.log());
    assert_ne!(message.en, message.es);
}

#[tokio::test]
async fn a_crash_loop_is_told_with_the_last_lines_and_the_one_before_comes_back() {
    let Some(bench) = Bench::new("crashing") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let good = bench.script("exec sleep 600");
    bench.roll_out(&good).await.unwrap();
    let bad = bench.script("echo no $TOKEN >&2; exit 7");
    let error = bench.roll_out(&bad).await.unwrap_err();
    says(&error, "code 7");
    assert_eq!(error.log(), ["no •••"]);
    bench.roll_out(&good).await.unwrap();
    bench.end().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told() {
    let Some(bench) = Bench::new("programless") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let mut spec = bench.script("");
    spec.of.containers[0].command = vec!["/no/such/program".to_owned()];
    let error = bench.roll_out(&spec).await.unwrap_err();
    says(&error, "no such program");
    bench.end().await;
}

#[tokio::test]
async fn a_full_quota_is_told() {
    let settings = json!({ "quota": { "pods": "0" } });
    let Some(bench) = Bench::with("full", settings.as_object().unwrap()) else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let error = bench
        .roll_out(&bench.script("exec sleep 600"))
        .await
        .unwrap_err();
    says(&error, "quota");
    bench.end().await;
}

#[tokio::test]
async fn no_room_on_any_node_is_told() {
    let Some(bench) = Bench::new("roomless") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let mut spec = bench.script("exec sleep 600");
    spec.of.containers[0].requests.cpu_millis = Some(10_000_000);
    let error = bench.roll_out(&spec).await.unwrap_err();
    says(&error, "no node of the cluster has room");
    bench.end().await;
}

#[tokio::test]
async fn a_namespace_that_is_being_deleted_is_told() {
    let Some(bench) = Bench::new("leaving") else {
        return;
    };
    let namespace = bench.namespace();
    let held = tempfile::NamedTempFile::new().unwrap();
    // A finalizer of somebody else keeps something in it, and so the namespace.
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "held", "namespace": namespace, "finalizers": ["example.edu/held"] },
    });
    fs::write(&held, map.to_string()).unwrap();
    let file = held.path().to_str().unwrap();
    assert!(works("kubectl", &["create", "namespace", &namespace]));
    assert!(works("kubectl", &["create", "-f", file]));
    assert!(works(
        "kubectl",
        &["delete", "namespace", &namespace, "--wait=false"]
    ));
    let error = bench
        .roll_out(&bench.script("exec sleep 600"))
        .await
        .unwrap_err();
    let free = r#"{"metadata":{"finalizers":null}}"#;
    let patch = [
        "-n",
        &namespace,
        "patch",
        "configmap",
        "held",
        "--type=merge",
        "-p",
        free,
    ];
    assert!(works("kubectl", &patch));
    says(&error, "is being deleted");
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{ "name": "x", "cluster": { "server": "http://127.0.0.1:9" } }],
        "contexts": [{ "name": "x", "context": { "cluster": "x", "user": "x" } }],
        "users": [{ "name": "x", "user": {} }],
    });
    fs::write(&file, config.to_string()).unwrap();
    let settings = json!({ "kubeconfig": file });
    let Some(bench) = Bench::with("unreachable", settings.as_object().unwrap()) else {
        return;
    };
    let error = bench.target.observe(&bench.environment).await.unwrap_err();
    says(&error, "can't be reached");
    let checks = bench.target.doctor().await;
    assert!(
        checks
            .iter()
            .any(|check| check.name == "cluster" && !check.ok)
    );
}
