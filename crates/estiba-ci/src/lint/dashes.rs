//! Long dashes where a program wants hyphens: word processors and chats write them.

use std::sync::LazyLock;

use estiba_model::{Diagnostic, message};
use regex::Regex;

use super::model::Pipeline;

/// A word that begins with a dash that is no hyphen.
#[expect(clippy::expect_used, reason = "a constant, which tests compile")]
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|\s)([\u{2010}-\u{2015}\u{2212}]+)([A-Za-z][\w-]*)").expect("a pattern")
});

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        for command in pipeline.commands(job) {
            for found in OPTION.captures_iter(command.text) {
                let (dash, word) = (&found[1], &found[2]);
                let meant = match word.chars().count() {
                    1 => format!("-{word}"),
                    _ => format!("--{word}"),
                };
                let written = format!("{dash}{word}");
                findings.push(
                    Diagnostic::error(
                        "dash-for-hyphens",
                        message!(
                            "{written} begins with a long dash, which programs take for a name",
                            "{written} empieza con una raya, que los programas toman por un nombre"
                        ),
                    )
                    .hint(message!("write {meant}", "escriba {meant}"))
                    .at(command.place(&written)),
                );
            }
        }
    }
    findings
}
