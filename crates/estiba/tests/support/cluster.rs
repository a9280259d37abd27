//! The cluster that `KUBECONFIG` names.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where the cluster is said to be.
pub fn kubeconfig() -> Option<PathBuf> {
    std::env::var_os("KUBECONFIG").map(PathBuf::from)
}

/// Why it can't be used.
pub fn missing() -> Option<&'static str> {
    let ready = ["get", "--raw=/readyz", "--request-timeout=5s"];
    let done = Command::new("kubectl").args(ready).output();
    let answers = kubeconfig().is_some() && done.is_ok_and(|done| done.status.success());
    (!answers).then_some("KUBECONFIG names no cluster that answers")
}

/// What kubectl says.
///
/// # Panics
/// When it fails.
pub fn kubectl(args: &[&str]) -> String {
    let mut kubectl = Command::new("kubectl");
    let done = kubectl.args(args).stdin(Stdio::null()).output().unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{args:?}: {error}");
    String::from_utf8(done.stdout).unwrap()
}

/// An address of this machine that pods can reach: that of its node.
pub fn node_address() -> String {
    let path = "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}";
    kubectl(&["get", "nodes", "-o", path])
}
