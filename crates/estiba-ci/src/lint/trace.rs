//! Traces of a shell, which print the values of secrets into the job's log.

use std::path::Path;
use std::sync::LazyLock;

use estiba_model::{Diagnostic, Message, Place, Severity, message};
use estiba_score::yaml::join;
use regex::Regex;
use serde_json::Value;

use super::Repository;
use super::model::Pipeline;
use super::scripts::{called, has_secret, reads_secrets};

#[expect(clippy::expect_used, reason = "a constant, which tests compile")]
static TRACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)(?:^|[\s;&|])(set\s+-(?:[a-z]*x[a-z]*|o\s+xtrace)|(?:ba)?sh\s+-[a-z]*x[a-z]*)\b|\A#!.*\s(-[a-z]*x[a-z]*)\s*$")
        .expect("a pattern")
});

pub(super) fn check(pipeline: &Pipeline, repository: &dyn Repository) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        let commands = pipeline.commands(job);
        let has_secrets = reads_secrets(job, pipeline);
        for command in &commands {
            for traced in traces(command.text) {
                findings.push(finding(traced, has_secrets).at(command.place(traced)));
            }
        }
        for called in called(&commands) {
            let Ok(text) = repository.text(&called.path) else {
                continue;
            };
            let has_secrets = has_secret(&text);
            for traced in traces(&text) {
                let place = place(&called.path, &text, traced);
                findings.push(finding(traced, has_secrets).at(place));
            }
            let is_traced = |option: &&&str| option.contains('x') && !option.starts_with("--");
            if let Some(option) = called.options.iter().find(is_traced) {
                let place = commands[called.command].place(option);
                findings.push(finding(option, has_secrets).at(place));
            }
        }
        findings.extend(debugged(job.value().get("variables"), |key| {
            job.document
                .key_place(&join(&job.pointer("variables"), key))
        }));
    }
    for (document, variables) in pipeline.top("variables") {
        findings.extend(debugged(Some(variables), |key| {
            document.key_place(&join("/variables", key))
        }));
    }
    findings
}

fn traces(text: &str) -> impl Iterator<Item = &str> {
    let found = TRACE.captures_iter(text);
    found.filter_map(|found| {
        found
            .iter()
            .skip(1)
            .flatten()
            .next()
            .map(|part| part.as_str())
    })
}

fn finding(traced: &str, has_secrets: bool) -> Diagnostic {
    let hint = message!(
        "remove it; `set -eu` stops at mistakes and prints nothing",
        "quítelo; `set -eu` se detiene ante un error y no imprime nada"
    );
    let (severity, message) = match has_secrets {
        true => (
            Severity::Error,
            message!(
                "{traced} prints every command with its values, tokens and passwords too, into the job's log",
                "{traced} imprime cada comando con sus valores, también tokens y contraseñas, en el registro del trabajo"
            ),
        ),
        false => (
            Severity::Warning,
            message!(
                "{traced} prints every command with its values into the job's log",
                "{traced} imprime cada comando con sus valores en el registro del trabajo"
            ),
        ),
    };
    told(severity, message).hint(hint)
}

/// `CI_DEBUG_TRACE` prints all variables, masked ones too.
fn debugged(variables: Option<&Value>, place: impl Fn(&str) -> Place) -> Option<Diagnostic> {
    const NAME: &str = "CI_DEBUG_TRACE";
    let value = variables?.get(NAME)?;
    let is_on = value == true || value == "true" || value == "1";
    is_on.then(|| {
        told(
            Severity::Error,
            message!(
                "{NAME} prints the values of all variables into the job's log",
                "{NAME} imprime los valores de todas las variables en el registro del trabajo"
            ),
        )
        .hint(message!("remove it", "quítela"))
        .at(place(NAME))
    })
}

fn told(severity: Severity, message: Message) -> Diagnostic {
    match severity {
        Severity::Error => Diagnostic::error("trace-prints-secrets", message),
        Severity::Warning => Diagnostic::warning("trace-prints-secrets", message),
    }
}

/// Where a part of a file's text is; `part` is a slice of `text`.
fn place(file: &Path, text: &str, part: &str) -> Place {
    let offset_bytes = part.as_ptr() as usize - text.as_ptr() as usize;
    let before = &text[..offset_bytes];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        offset_bytes,
        length_bytes: part.len(),
    }
}
