//! What goes wrong, and how it is told.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use estiba_model::InstanceState;
use estiba_target::{FileContent, FileSpec, Target, TargetError};
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
async fn a_quota_of_somebody_else_leaves_the_old_instance_serving() {
    let Some(bench) = Bench::new("crowded") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let (good, better) = (bench.service("1"), bench.service("2"));
    bench.roll_out(&good).await.unwrap();
    let namespace = bench.namespace();
    let kubectl = |args: &[&str]| works("kubectl", &[&["-n", namespace.as_str()], args].concat());
    assert!(kubectl(&["create", "quota", "others", "--hard=pods=1"]));
    let error = bench.roll_out(&better).await.unwrap_err();
    says(&error, "the quota of the namespace is used up (others, ");
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    let serving: Vec<_> = observed
        .instances
        .iter()
        .filter(|one| one.state == InstanceState::Ready)
        .map(|one| &one.fingerprint)
        .collect();
    assert_eq!(serving, [&good.of.fingerprint]);
    assert!(kubectl(&["delete", "quota", "others"]));
    bench.roll_out(&better).await.unwrap();
    bench.end().await;
}

#[tokio::test]
async fn a_program_for_another_processor_is_told() {
    let Some(bench) = Bench::new("foreignarch") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let mut spec = bench.script("");
    let program = "/opt/program";
    // `e_machine` of elf(5): a number that no processor has.
    let mut elf = fs::read("/proc/self/exe").unwrap();
    elf.truncate(4096);
    elf[18..20].copy_from_slice(&[0xfe, 0xfe]);
    spec.of.containers[0].files.push(FileSpec {
        path: program.to_owned(),
        content: FileContent(elf),
        mode: Some(0o755),
    });
    spec.of.containers[0].command = vec![program.to_owned()];
    let error = bench.roll_out(&spec).await.unwrap_err();
    says(&error, "another processor");
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

/// A kubeconfig for a server that is not there, or not as it should be.
fn kubeconfig_for(server: &str, file: &Path) {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [{ "name": "x", "cluster": { "server": server } }],
        "contexts": [{ "name": "x", "context": { "cluster": "x", "user": "x" } }],
        "users": [{ "name": "x", "user": {} }],
    });
    fs::write(file, config.to_string()).unwrap();
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kubeconfig");
    let settings = json!({ "kubeconfig": file });
    let Some(bench) = Bench::with("unreachable", settings.as_object().unwrap()) else {
        return;
    };
    kubeconfig_for("http://127.0.0.1:9", &file);
    let error = bench.target.observe(&bench.environment).await.unwrap_err();
    says(&error, "can't be reached (Connection refused");
    // One that takes connections, and says nothing.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    kubeconfig_for(&format!("http://{}", silent.local_addr().unwrap()), &file);
    let error = bench.target.observe(&bench.environment).await.unwrap_err();
    says(&error, "can't be reached (no answer in 30 s)");
    let checks = bench.target.doctor().await;
    assert!(
        checks
            .iter()
            .any(|check| check.name == "cluster" && !check.ok)
    );
}
