//! Packages of npm that tests run with Node.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the packages ask for.
const OLDEST: u32 = 20;

/// The packages of `source`, a folder of this crate with a package.json, and these
/// files of it, in a folder of their own; `None` and a word about it where they can't
/// be had.
pub fn folder(source: &str, files: &[&str]) -> Option<PathBuf> {
    let version = Command::new("node").arg("--version").output().ok();
    let version = version.and_then(|told| String::from_utf8(told.stdout).ok());
    let major = version.as_deref().and_then(|version| {
        let major = version.trim().strip_prefix('v')?.split('.').next()?;
        major.parse::<u32>().ok()
    });
    if major.is_none_or(|major| major < OLDEST) {
        eprintln!("skipped: there is no Node {OLDEST} or newer");
        return None;
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(source);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    fs::create_dir_all(&folder).unwrap();
    // Two tests are not to install at once.
    let lock = File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    for file in files.iter().chain(&["package.json"]) {
        fs::copy(source.join(file), folder.join(file)).unwrap();
    }
    // npm writes it last.
    let ready = folder.join("node_modules/.package-lock.json");
    if !ready.is_file() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund"])
            .current_dir(&folder);
        npm.stdout(Stdio::null());
        if !npm.status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: npm, or a package of it, can't be had");
            return None;
        }
    }
    Some(folder)
}
