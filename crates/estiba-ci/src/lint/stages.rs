//! Jobs whose stage is not listed, and stages that no job is in.

use std::collections::BTreeSet;

use estiba_model::{Diagnostic, message};
use estiba_score::suggest;
use estiba_score::yaml::join;
use serde_json::Value;

use super::model::Pipeline;

/// The stages of a pipeline that lists none.
const DEFAULTS: [&str; 3] = ["build", "test", "deploy"];

/// Those that every pipeline has.
const ALWAYS: [&str; 2] = [".pre", ".post"];

/// The stage of a job that names none.
const DEFAULT: &str = "test";

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let listed = pipeline.stages();
    // Another file may list them, or what lists them is told of already.
    let is_listed = pipeline.top("stages").any(|(_, stages)| !stages.is_null());
    if listed.is_none() && (!pipeline.is_whole() || is_listed) {
        return findings;
    }
    let stages: Vec<String> = match &listed {
        Some((_, stages)) => stages.clone(),
        None => DEFAULTS.map(str::to_owned).to_vec(),
    };
    let mut used = BTreeSet::new();
    let mut has_references = false;
    for job in pipeline.jobs() {
        let said = pipeline.said(job, "stage");
        let stage = match &said {
            Some((_, value)) if value.is_array() => {
                has_references = true;
                continue;
            }
            Some((owner, value)) => owner.filled(value.as_str().unwrap_or_default()),
            None => DEFAULT.to_owned(),
        };
        let is_known = stages.contains(&stage) || ALWAYS.contains(&stage.as_str());
        used.insert(stage.clone());
        if is_known {
            continue;
        }
        let name = job.name;
        let names = stages.iter().map(String::as_str);
        findings.push(match said {
            Some((owner, _)) => Diagnostic::error(
                "unknown-stage",
                message!(
                    "{name} is in the stage \"{stage}\", which `stages` does not list",
                    "{name} está en la etapa «{stage}», que `stages` no tiene"
                ),
            )
            .hint(suggest::instead(&stage, names))
            .at(owner.document.place(&owner.pointer("stage"))),
            None => Diagnostic::error(
                "job-without-stage",
                message!(
                    "{name} names no stage, and `stages` does not list \"{DEFAULT}\", where it would be",
                    "{name} no nombra una etapa, y `stages` no tiene «{DEFAULT}», donde estaría"
                ),
            )
            .hint(message!(
                "add `stage:` with one of: {}",
                "agregue `stage:` con una de estas: {}",
                stages.join(", ")
            ))
            .at(job.place()),
        });
    }
    let Some((document, stages)) = listed.filter(|_| !pipeline.is_partial && !has_references)
    else {
        return findings;
    };
    // Where a template has a stage, jobs that extend it are to come.
    for template in pipeline.templates() {
        let stage = template.value().get("stage").and_then(Value::as_str);
        used.extend(stage.map(|stage| template.filled(stage)));
    }
    let unused = stages.iter().enumerate();
    for (index, stage) in unused.filter(|(_, stage)| !used.contains(*stage)) {
        findings.push(
            Diagnostic::warning(
                "stage-without-job",
                message!(
                    "no job is in the stage \"{stage}\"",
                    "ningún trabajo está en la etapa «{stage}»"
                ),
            )
            .hint(message!(
                "remove it, or name it in the `stage:` of a job",
                "quítela, o nómbrela en el `stage:` de un trabajo"
            ))
            .at(document.place(&join("/stages", &index.to_string()))),
        );
    }
    findings
}
