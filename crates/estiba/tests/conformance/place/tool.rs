//! Programs that hooks call: `docker`, `podman`, `kubectl`.

use std::process::{Command, Stdio};

/// What a program writes.
///
/// # Panics
/// When it fails.
pub fn output(command: &mut Command) -> String {
    let done = command.stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// Whether a program is there and does what it is told.
pub fn works(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Why this Estiba can't try a kind of target, where it does not have it.
pub fn unknown_kind(kind: &str) -> Option<String> {
    let schema = crate::support::Project::new().run(&["schema"]).ok();
    let known = schema.out.contains(&format!("\"{kind}\""));
    (!known).then(|| format!("this Estiba has no targets of kind {kind}"))
}
