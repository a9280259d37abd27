//! Commands that YAML takes for something else than a text.

use estiba_model::{Diagnostic, message};
use estiba_score::yaml::join;
use serde_json::Value;

use super::model::{Pipeline, SCRIPTS};

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        for key in SCRIPTS {
            let Some((owner, Value::Array(commands))) = pipeline.said(job, key) else {
                continue;
            };
            for (index, command) in commands.iter().enumerate() {
                if !command.is_object() {
                    continue;
                }
                let pointer = join(&owner.pointer(key), &index.to_string());
                findings.push(
                    Diagnostic::error(
                        "command-is-a-map",
                        message!(
                            "a colon and a space make this command a key and a value",
                            "dos puntos y un espacio hacen de este comando una clave y un valor"
                        ),
                    )
                    .hint(message!(
                        "put single quotes around the whole command",
                        "ponga todo el comando entre comillas simples"
                    ))
                    .at(owner.document.place(&pointer)),
                );
            }
        }
    }
    findings
}
