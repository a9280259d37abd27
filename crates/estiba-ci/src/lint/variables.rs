//! Variables that are defined nowhere.

use std::collections::BTreeSet;

use estiba_model::{Diagnostic, message};
use estiba_score::suggest;
use serde_json::Value;

use super::Known;
use super::model::{Job, Pipeline};
use super::predefined::{OF_GITLAB, OF_SHELLS};
use super::shell;

/// What is defined for all jobs of a pipeline.
pub(super) struct Scope<'p> {
    pipeline: &'p Pipeline,
    known: &'p Known,
    names: BTreeSet<&'p str>,
}

impl<'p> Scope<'p> {
    /// The scope of a pipeline.
    pub fn of(pipeline: &'p Pipeline, known: &'p Known) -> Self {
        let mut names: BTreeSet<&str> = known.names.iter().map(String::as_str).collect();
        for (_, variables) in pipeline.top("variables") {
            names.extend(keys(variables));
        }
        for (_, workflow) in pipeline.top("workflow") {
            names.extend(in_rules(workflow));
        }
        names.extend(handed_on(pipeline));
        Self {
            pipeline,
            known,
            names,
        }
    }

    /// What is defined for a job before its commands run.
    pub fn of_job(&self, job: Job<'p>) -> BTreeSet<&'p str> {
        let mut defined = self.names.clone();
        for owner in self.pipeline.chain(job) {
            defined.extend(variables_of(owner));
        }
        defined
    }

    /// What is wrong with a name that is read where others are defined, if anything.
    pub fn missing(&self, name: &str, defined: &BTreeSet<&str>) -> Option<Diagnostic> {
        let is_missing = !is_defined(name, defined);
        is_missing.then(|| undefined(name, defined, self.pipeline, self.known))
    }
}

pub(super) fn check(pipeline: &Pipeline, known: &Known) -> Vec<Diagnostic> {
    let scope = Scope::of(pipeline, known);
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        let commands = pipeline.commands(job);
        if commands.iter().any(|command| shell::sources(command.text)) {
            continue;
        }
        let mut defined = scope.of_job(job);
        for command in &commands {
            defined.extend(shell::assigned(command.text));
        }
        for command in &commands {
            for used in shell::uses(command.text) {
                let finding = scope.missing(used.name, &defined);
                findings.extend(finding.map(|f| f.at(command.place(used.written))));
            }
        }
    }
    findings
}

/// What jobs may hand to others by a dotenv report.
fn handed_on(pipeline: &Pipeline) -> BTreeSet<&str> {
    let hands_on = |job: &Job<'_>| {
        let artifacts = pipeline.said(*job, "artifacts");
        artifacts.is_some_and(|(_, value)| value.pointer("/reports/dotenv").is_some())
    };
    let commands = pipeline.jobs().filter(hands_on);
    let commands = commands.flat_map(|job| pipeline.commands(job));
    commands
        .flat_map(|command| shell::assigned(command.text).collect::<Vec<_>>())
        .collect()
}

/// What a job defines, by its variables, its identity tokens, its secrets and rules.
fn variables_of<'p>(job: Job<'p>) -> BTreeSet<&'p str> {
    let value = job.value();
    let mut names: BTreeSet<&str> = ["variables", "id_tokens", "secrets"]
        .iter()
        .filter_map(|key| value.get(*key))
        .flat_map(keys)
        .collect();
    names.extend(in_rules(value));
    let matrix = value.pointer("/parallel/matrix").and_then(Value::as_array);
    names.extend(matrix.into_iter().flatten().flat_map(keys));
    names
}

fn in_rules(value: &Value) -> impl Iterator<Item = &str> {
    let rules = value.get("rules").and_then(Value::as_array);
    let rules = rules.into_iter().flatten();
    rules
        .filter_map(|rule| rule.get("variables"))
        .flat_map(keys)
}

fn keys(map: &Value) -> impl Iterator<Item = &str> {
    let map = map.as_object().into_iter();
    map.flat_map(|map| map.keys().map(String::as_str))
}

fn is_defined(name: &str, defined: &BTreeSet<&str>) -> bool {
    defined.contains(name)
        || OF_GITLAB.contains(&name)
        || OF_SHELLS.contains(&name)
        || name.starts_with("BASH_")
}

/// Whether one name is the other mistyped: names of variables are often alike and
/// mean different things (`API_URL`, `API_KEY`), and the shortest are one slip from each
/// other whatever they are (`x`, `a`).
fn is_slip(name: &str, meant: &str) -> bool {
    let most = match name.len().min(meant.len()) {
        0..4 => 0,
        4..7 => 1,
        _ => 2,
    };
    strsim::osa_distance(name, meant) <= most
}

fn undefined(
    name: &str,
    defined: &BTreeSet<&str>,
    pipeline: &Pipeline,
    known: &Known,
) -> Diagnostic {
    let is_gitlabs = name.starts_with("CI_") || name.starts_with("GITLAB_");
    let candidates: Vec<&str> = match is_gitlabs {
        true => OF_GITLAB.to_vec(),
        false => defined.iter().copied().collect(),
    };
    let meant = suggest::nearest(name, &candidates).filter(|meant| is_slip(name, meant));
    let message = match is_gitlabs {
        true => message!(
            "GitLab sets no variable {name}",
            "GitLab no define la variable {name}"
        ),
        false => message!(
            "nothing here defines the variable {name}",
            "nada define aquí la variable {name}"
        ),
    };
    let is_certain = is_gitlabs || meant.is_some() || known.is_all;
    let finding = match is_certain && !pipeline.is_partial {
        true => Diagnostic::error("undefined-variable", message),
        false => Diagnostic::warning("undefined-variable", message),
    };
    finding.hint(match meant {
        Some(meant) => message!("did you mean {meant}?", "¿quiso decir {meant}?"),
        None => message!(
            "define it under `variables:`; if it is in Settings > CI/CD > Variables, say `--variable {name}`",
            "defínala en `variables:`; si está en Settings > CI/CD > Variables, diga `--variable {name}`"
        ),
    })
}
