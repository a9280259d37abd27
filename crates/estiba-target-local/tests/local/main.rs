//! The local target with real containers, as whoever runs the tests; root does
//! it all again as an unprivileged user.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod containers;
mod fixture;
mod lifecycle;
mod logs;
mod migrations;
mod traffic;

use std::os::unix::process::CommandExt;
use std::process::Command;

/// User and group "nobody".
const NOBODY: u32 = 65_534;

#[test]
fn everything_without_root() {
    if !fixture::is_root() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(directory.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let copy = |from: std::path::PathBuf, name| {
        let to = directory.path().join(name);
        std::fs::copy(from, &to).unwrap();
        to
    };
    let tests = copy(std::env::current_exe().unwrap(), "tests");
    let app = copy(fixture::app(), "local-test-app");
    let output = Command::new(tests)
        .env(fixture::APP_VARIABLE, app)
        .env("TMPDIR", directory.path())
        .env_remove("XDG_RUNTIME_DIR")
        .current_dir(directory.path())
        .uid(NOBODY)
        .gid(NOBODY)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}\n{errors}");
}
