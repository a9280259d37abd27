//! `estiba ci run`: by gitlab-ci-local, which knows GitLab's language.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use estiba_model::{Message, has_errors, message};
use tokio::process::Command;

use crate::cli::Checked;
use crate::context::Context;
use crate::failure::Failure;

/// The program.
const TOOL: &str = "gitlab-ci-local";

/// A variable of it in the environment, by this and the variable's name: values are not
/// arguments, which others on this machine can see.
const VARIABLE: &str = "GCL_VARIABLE_";

/// What to run.
pub struct Wanted {
    /// Which jobs.
    pub jobs: Vec<String>,
    /// The pipeline, and variables for it.
    pub checked: Checked,
    /// The tag that was pushed, so to say.
    pub tag: Option<String>,
    /// Those that wait for a person, in a run of all.
    pub manual: Vec<String>,
    /// With what they need.
    pub needs: bool,
    /// Though something was found.
    pub anyway: bool,
}

/// Runs jobs of a repository's pipeline.
pub async fn run(context: &Context, wanted: &Wanted) -> Result<(), Failure> {
    let root = context.repository(&wanted.checked.file)?;
    let findings = super::findings(&root, &wanted.checked, true);
    if has_errors(&findings) && !wanted.anyway {
        context.output.failure(&Failure::Findings(findings));
        context.output.remark(&message!(
            "nothing was run; with --anyway it is",
            "no se ejecutó nada; con --anyway se ejecuta"
        ));
        return Err(Failure::Quiet(1));
    }
    context.output.diagnostics(&findings);
    let mut command = tool(&root).await.map_err(Failure::because)?;
    command.current_dir(&root).args(arguments(wanted));
    if answers(Path::new("rsync"), &[]).await {
        command.arg("--shell-isolation");
    } else {
        context.output.remark(&message!(
            "note: without rsync, jobs share this folder, and what they leave in it (`apt-get install rsync`)",
            "nota: sin rsync, los trabajos comparten esta carpeta y lo que dejan en ella (`apt-get install rsync`)"
        ));
    }
    for (name, value) in &wanted.checked.variables {
        let value = match value {
            Some(value) => value.clone(),
            None => std::env::var(name).map_err(|_| not_here(name))?,
        };
        command.env(format!("{VARIABLE}{name}"), value);
    }
    if let Some(tag) = &wanted.tag {
        for name in ["CI_COMMIT_TAG", "CI_COMMIT_REF_NAME"] {
            command.env(format!("{VARIABLE}{name}"), tag);
        }
        // It warns of one that it has itself.
        command.env("GCL_IGNORE_PREDEFINED_VARS", "CI_COMMIT_REF_NAME");
    }
    let status = command.status().await;
    let status = status.map_err(|error| Failure::file(Path::new(TOOL), &error))?;
    match status.success() {
        true => Ok(()),
        false => Err(Failure::Quiet(1)),
    }
}

fn arguments(wanted: &Wanted) -> Vec<String> {
    let mut arguments = vec![
        "--force-shell-executor".to_owned(),
        "--no-artifacts-to-source".to_owned(),
        "--file".to_owned(),
        wanted.checked.file.display().to_string(),
    ];
    if wanted.tag.is_some() {
        arguments.extend(["--unset-variable", "CI_COMMIT_BRANCH"].map(str::to_owned));
    }
    if wanted.needs {
        arguments.push("--needs".to_owned());
    }
    for job in &wanted.manual {
        arguments.extend(["--manual".to_owned(), job.clone()]);
    }
    arguments.extend(wanted.jobs.iter().cloned());
    arguments
}

fn not_here(name: &str) -> Failure {
    Failure::Usage(message!(
        "{name} has no value in this shell; write --variable {name}=VALUE, or export it",
        "{name} no tiene valor en esta terminal; escriba --variable {name}=VALOR, o expórtela"
    ))
}

/// gitlab-ci-local, as it is installed here, or as npm has it.
async fn tool(root: &Path) -> Result<Command, Message> {
    let beside = root.join("node_modules/.bin").join(TOOL);
    let beside = beside.canonicalize().unwrap_or(beside);
    for program in [PathBuf::from(TOOL), beside] {
        if answers(&program, &[]).await {
            return Ok(Command::new(program));
        }
    }
    let offline = ["--offline", "--yes", TOOL];
    if answers(Path::new("npx"), &offline).await {
        let mut command = Command::new("npx");
        command.args(offline);
        return Ok(command);
    }
    Err(match answers(Path::new("npm"), &[]).await {
        true => message!(
            "{TOOL} is not installed: `npm install -g {TOOL}`; it needs Node 20 or newer",
            "{TOOL} no está instalado: `npm install -g {TOOL}`; necesita Node 20 o más nuevo"
        ),
        false => message!(
            "{TOOL} is not installed, nor is npm: install Node 20 or newer (https://nodejs.org, `apt-get install npm`), then `npm install -g {TOOL}`",
            "{TOOL} no está instalado, ni npm: instale Node 20 o más nuevo (https://nodejs.org, `apt-get install npm`), y después `npm install -g {TOOL}`"
        ),
    })
}

async fn answers(program: &Path, words: &[&str]) -> bool {
    let asked = Command::new(program)
        .args(words)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    asked.is_ok_and(|status| status.success())
}
