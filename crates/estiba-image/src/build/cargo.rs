//! The program of a Cargo package.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use crate::ImageError;
use crate::run::{BUILD_LIMIT, Stream, ask, run};
use crate::store::parse_json;

/// <https://doc.rust-lang.org/cargo/commands/cargo-metadata.html#json-format>
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_default_members: Vec<String>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>
#[derive(Deserialize)]
struct Artifact {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

/// Builds the package in `dir` in release mode and gives its program's path.
pub(super) async fn build(
    dir: &Path,
    wanted: Option<&str>,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<PathBuf, ImageError> {
    let mut question = cargo(dir);
    question.args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Metadata =
        parse_json(ask("cargo", question).await?.as_bytes(), "cargo metadata")?;
    let program = choose(dir, &metadata, wanted)?;

    let mut command = cargo(dir);
    command.args([
        "build",
        "--release",
        "--message-format=json-render-diagnostics",
    ]);
    command.args(["--bin", &program]);
    if metadata.workspace_root.join("Cargo.lock").is_file() {
        command.arg("--locked");
    }
    let mut executable = None;
    let mut look = |stream, line: &str| {
        if stream == Stream::Err {
            on_line(line);
            return true;
        }
        if let Ok(artifact) = serde_json::from_str::<Artifact>(line)
            && artifact.reason == "compiler-artifact"
            && artifact
                .target
                .is_some_and(|target| target.is_program() && target.name == program)
        {
            executable = artifact.executable;
        }
        false
    };
    run("cargo build", command, BUILD_LIMIT, &mut look).await?;
    executable.ok_or_else(|| ImageError::NoProgram {
        dir: dir.to_owned(),
        wanted: Some(program.clone()),
        found: Vec::new(),
    })
}

impl Target {
    fn is_program(&self) -> bool {
        self.kind.iter().any(|kind| kind == "bin")
    }
}

fn choose(dir: &Path, metadata: &Metadata, wanted: Option<&str>) -> Result<String, ImageError> {
    let manifest = dir.join("Cargo.toml");
    let own: Vec<&Package> = match metadata
        .packages
        .iter()
        .find(|p| p.manifest_path == manifest)
    {
        Some(package) => vec![package],
        // A workspace without a package of its own: what `cargo build` builds.
        None => {
            let members = &metadata.workspace_default_members;
            metadata
                .packages
                .iter()
                .filter(|p| members.contains(&p.id))
                .collect()
        }
    };
    let mut programs: Vec<String> = own
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is_program())
        .map(|target| target.name.clone())
        .collect();
    programs.sort();
    let wanted = match own.as_slice() {
        [package] => wanted.or(package.default_run.as_deref()),
        _ => wanted,
    };
    let chosen = match (wanted, programs.as_slice()) {
        (Some(wanted), _) => programs.iter().find(|name| *name == wanted),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    chosen.cloned().ok_or_else(|| ImageError::NoProgram {
        dir: dir.to_owned(),
        wanted: wanted.map(str::to_owned),
        found: programs,
    })
}

/// Cargo as the user would run it in `dir`: `cargo run` gives its child
/// variables about another package, and the toolchain of another directory.
fn cargo(dir: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(dir);
    if std::env::var_os("CARGO_MANIFEST_DIR").is_some() {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let about_package = [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|start| text.starts_with(start));
            if about_package || matches!(&*text, "CARGO" | "RUSTUP_TOOLCHAIN" | "OUT_DIR") {
                command.env_remove(&name);
            }
        }
    }
    command
}
