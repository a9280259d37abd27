//! Routes that a router refuses, and certificates that take a while. The cluster has the
//! kinds of OpenShift and of cert-manager while this runs, and the test says what their
//! controllers would say.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use estiba_target::Target;
use serde_json::{Value, json};

use crate::bench::{Bench, Heard, works};

/// How long what was applied may take to be seen.
const LIMIT: Duration = Duration::from_secs(60);

/// A kind of custom object that is known while this lives.
struct Known {
    name: String,
}

impl Known {
    /// None, and said, on a cluster that has it already: there its own controller speaks.
    fn make(group: &str, version: &str, kind: &str) -> Option<Self> {
        let plural = format!("{}s", kind.to_lowercase());
        let name = format!("{plural}.{group}");
        if works("kubectl", &["get", "crd", &name]) {
            eprintln!("skipped: the cluster has {name} of its own");
            return None;
        }
        apply(&json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": name },
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind },
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                    } },
                }],
            },
        }));
        let known = Self { name };
        let established = "--for=condition=Established";
        let crd = format!("crd/{}", known.name);
        assert!(works(
            "kubectl",
            &["wait", established, "--timeout=60s", &crd]
        ));
        Some(known)
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        works("kubectl", &["delete", "crd", &self.name]);
    }
}

fn apply(object: &Value) {
    let mut kubectl = Command::new("kubectl")
        .args(["apply", "-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = kubectl.stdin.take().unwrap();
    input.write_all(object.to_string().as_bytes()).unwrap();
    drop(input);
    assert!(kubectl.wait().unwrap().success(), "{object}");
}

fn await_object(namespace: &str, object: &str) {
    let deadline = Instant::now() + LIMIT;
    while !works("kubectl", &["-n", namespace, "get", object]) {
        assert!(Instant::now() < deadline, "no {object}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn router_says(namespace: &str, host: &str, admitted: &str) {
    let condition = json!({ "type": "Admitted", "status": admitted,
        "reason": "HostAlreadyClaimed", "message": "route web already exposes it" });
    let ingress = json!([{ "host": host, "routerName": "default", "conditions": [condition] }]);
    let patch = json!({ "status": { "ingress": ingress } }).to_string();
    let patch = [
        "patch",
        "route",
        "adapter-bot",
        "--type=merge",
        "-p",
        &patch,
    ];
    assert!(works(
        "kubectl",
        &[&["-n", namespace], patch.as_slice()].concat()
    ));
}

#[tokio::test]
async fn a_route_that_the_router_refuses_replaces_nothing() {
    let settings = json!({
        "ingress": "{workload}-{environment}.apps.test", "ingress-class": "openshift-route",
    });
    let Some(bench) = Bench::with("refused", settings.as_object().unwrap()) else {
        return;
    };
    let Some(_routes) = Known::make("route.openshift.io", "v1", "Route") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let (spec, namespace) = (bench.service("1"), bench.namespace());
    let router = tokio::task::spawn_blocking({
        let namespace = namespace.clone();
        move || {
            await_object(&namespace, "route/adapter-bot");
            router_says(&namespace, "bot-refused.apps.test", "False");
        }
    });
    let rolled_out = bench.roll_out(&spec).await;
    router.await.unwrap();
    let error = rolled_out.unwrap_err();
    let said = &error.message().en;
    let refused = "refuses the host bot-refused.apps.test (HostAlreadyClaimed: ";
    assert!(said.contains(refused), "{said}");
    let observed = bench.target.observe(&bench.environment).await.unwrap();
    assert!(observed.instances.is_empty(), "{observed:?}");

    router_says(&namespace, "bot-refused.apps.test", "True");
    // OpenShift gives instances a user, and this cluster does not: they are made now.
    let error = bench.roll_out(&spec).await.unwrap_err();
    let said = &error.message().en;
    assert!(said.contains("runAsNonRoot"), "{said}");
    bench.end().await;
}

#[tokio::test]
async fn a_certificate_that_takes_a_while_is_waited_for() {
    let settings = json!({
        "ingress": "{workload}-{environment}.apps.test", "tls": "letsencrypt",
    });
    let Some(bench) = Bench::with("issued", settings.as_object().unwrap()) else {
        return;
    };
    let Some(_certificates) = Known::make("cert-manager.io", "v1", "Certificate") else {
        return;
    };
    bench.fetch(Some("1.0.0")).await.unwrap();
    let (spec, namespace) = (bench.service("1"), bench.namespace());
    let certificate = move |ready: &str, reason: &str| {
        apply(&json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": { "name": "adapter-bot-tls", "namespace": namespace },
            "spec": { "dnsNames": ["bot-issued.apps.test"] },
            "status": { "conditions": [
                { "type": "Ready", "status": ready, "reason": reason, "message": "of a test" },
            ] },
        }));
    };
    let (heard, is_issued) = (Arc::new(Heard::default()), Arc::new(AtomicBool::new(false)));
    let manager = tokio::task::spawn_blocking({
        let (namespace, heard) = (bench.namespace(), Arc::clone(&heard));
        let is_issued = Arc::clone(&is_issued);
        move || {
            await_object(&namespace, "ingress/adapter-bot");
            certificate("False", "DoesNotExist");
            let is_told = || {
                let told = heard.0.lock().unwrap();
                told.iter()
                    .any(|line| line.starts_with("certificate adapter-bot-tls: "))
            };
            let deadline = Instant::now() + LIMIT;
            while !is_told() {
                assert!(Instant::now() < deadline, "nobody waits for it");
                std::thread::sleep(Duration::from_millis(100));
            }
            is_issued.store(true, Ordering::SeqCst);
            certificate("True", "Ready");
        }
    });
    bench.roll_out_to(&spec, &heard).await.unwrap();
    assert!(is_issued.load(Ordering::SeqCst), "it was not waited for");
    manager.await.unwrap();
    bench.end().await;
}
