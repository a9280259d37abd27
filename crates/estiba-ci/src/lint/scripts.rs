//! Scripts of the repository that a pipeline runs and that can't be run.

use std::path::{Component, Path, PathBuf};

use estiba_model::{Diagnostic, message};

use super::Repository;
use super::model::{Command, Job, Pipeline};
use super::shell;

/// Programs that read a script: it needs no right to be run.
const READERS: [&str; 7] = ["sh", "bash", "zsh", "python", "python3", "ruby", "node"];

/// A script of the repository that a job runs.
pub(super) struct Called<'p> {
    /// Its path from the root.
    pub path: PathBuf,
    /// As it is written.
    pub word: &'p str,
    /// The command that does it.
    pub command: usize,
    /// Whether the system has to run it, and no other program reads it.
    pub is_run: bool,
    /// The options of the program that reads it.
    pub options: Vec<&'p str>,
}

pub(super) fn check(pipeline: &Pipeline, repository: &dyn Repository) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        let commands = pipeline.commands(job);
        for called in called(&commands) {
            let may_run = repository.is_executable(&called.path);
            if !called.is_run || may_run != Some(false) {
                continue;
            }
            let (shown, name) = (called.path.display(), job.name);
            findings.push(
                Diagnostic::error(
                    "not-executable",
                    message!(
                        "{name} runs {shown}, which may not be run: it lacks its run bit",
                        "{name} ejecuta {shown}, que no se puede ejecutar: le falta el permiso"
                    ),
                )
                .hint(message!(
                    "`git add --chmod=+x {shown}`, and commit",
                    "`git add --chmod=+x {shown}`, y haga commit"
                ))
                .at(commands[called.command].place(called.word)),
            );
        }
    }
    findings
}

/// The scripts that commands call, which go from folder to folder.
pub(super) fn called<'p>(commands: &[Command<'p>]) -> Vec<Called<'p>> {
    let mut found = Vec::new();
    let mut folder = Some(PathBuf::new());
    for (index, command) in commands.iter().enumerate() {
        for words in shell::programs(command.text) {
            let words: Vec<&str> = words
                .iter()
                .map(|word| word.trim_matches(['"', '\'']))
                .collect();
            if words[0] == "cd" {
                let to = words.get(1).copied().unwrap_or_default();
                folder = folder.and_then(|folder| inside(&folder, to));
                continue;
            }
            let is_read = READERS.contains(&words[0]);
            let options: Vec<&str> = match is_read {
                true => words[1..]
                    .iter()
                    .copied()
                    .take_while(|w| w.starts_with('-'))
                    .collect(),
                false => Vec::new(),
            };
            let word = match is_read {
                true => words.get(1 + options.len()).copied(),
                false => Some(words[0]).filter(|word| word.contains('/')),
            };
            let Some(word) = word else { continue };
            let path = folder.as_deref().and_then(|folder| inside(folder, word));
            found.extend(path.map(|path| Called {
                path,
                word,
                command: index,
                is_run: !is_read,
                options,
            }));
        }
    }
    found
}

/// A path within the repository; `None` for one that is not, or not known.
fn inside(folder: &Path, word: &str) -> Option<PathBuf> {
    if word.is_empty() || word.contains(['$', '*', '~']) {
        return None;
    }
    let mut path = folder.to_owned();
    for part in Path::new(word).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop().then_some(())?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Whether a job reads what should not be shown.
pub(super) fn reads_secrets(job: Job<'_>, pipeline: &Pipeline) -> bool {
    let commands = pipeline.commands(job);
    commands.iter().any(|command| has_secret(command.text))
}

/// Whether a text reads a variable whose name is that of a secret.
pub(super) fn has_secret(text: &str) -> bool {
    const WORDS: [&str; 7] = [
        "TOKEN",
        "PASS",
        "SECRET",
        "KEY",
        "CREDENTIAL",
        "DATABASE_URL",
        "DB_URL",
    ];
    let names = shell::uses(text);
    let is_secret = |name: &str| WORDS.iter().any(|word| name.to_uppercase().contains(word));
    names.iter().any(|used| is_secret(used.name))
}
