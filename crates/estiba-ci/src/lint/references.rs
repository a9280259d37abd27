//! `extends` and `!reference` that lead to nothing, or back to themselves.

use estiba_model::{Diagnostic, Message, Place, message};
use estiba_score::suggest;
use estiba_score::yaml::{Document, join};
use serde_json::Value;

use super::circles::{Ways, circles};
use super::model::{Job, Pipeline, filled, is_reference, texts};

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut ways = Ways::new();
    for job in pipeline.names().flat_map(|name| pipeline.parts(name)) {
        for (parent, at) in parents(job) {
            match pipeline.job(&parent) {
                Some(parent) => ways.entry(job.name).or_default().push((parent.name, at)),
                // Another file may have it.
                None if !pipeline.is_whole() || parent.contains('$') => {}
                None => findings.push(unknown(pipeline, job, &parent).at(at)),
            }
        }
    }
    findings.extend(circles(&ways).into_iter().map(|circle| {
        let shown = circle.shown;
        Diagnostic::error(
            "extends-in-a-circle",
            message!(
                "these extend each other: {shown}",
                "estos se extienden entre sí: {shown}"
            ),
        )
        .hint(message!(
            "remove one of these `extends`",
            "quite uno de estos `extends`"
        ))
        .at(circle.at)
    }));
    if pipeline.is_whole() {
        findings.extend(lost(pipeline));
    }
    findings
}

/// What a job extends, and where it says so.
fn parents(job: Job<'_>) -> Vec<(String, Place)> {
    let value = job.value().get("extends");
    let pointer = job.pointer("extends");
    let is_list = value.is_some_and(Value::is_array);
    let parents = texts(value).into_iter().enumerate();
    parents
        .map(|(index, parent)| {
            let place = match is_list {
                true => job.document.place(&join(&pointer, &index.to_string())),
                false => job.document.place(&pointer),
            };
            (job.filled(parent), place)
        })
        .collect()
}

fn unknown(pipeline: &Pipeline, job: Job<'_>, parent: &str) -> Diagnostic {
    let name = job.name;
    let others = pipeline.names().filter(|other| *other != name);
    Diagnostic::error(
        "unknown-template",
        message!(
            "{name} extends \"{parent}\", which is not there",
            "{name} extiende «{parent}», que no existe"
        ),
    )
    .hint(suggest::instead(parent, others))
}

/// The references that lead to nothing.
fn lost(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (document, inputs) in pipeline.documents() {
        let mut found = Vec::new();
        gather(document, &document.value, String::new(), &mut found);
        for (pointer, steps) in found {
            let steps: Vec<String> = steps.iter().map(|step| filled(step, inputs)).collect();
            if steps.iter().any(|step| step.contains('$')) || leads(pipeline, &steps) {
                continue;
            }
            let shown = steps.join(", ");
            let finding = Diagnostic::error(
                "lost-reference",
                message!(
                    "`!reference [{shown}]` leads to nothing",
                    "`!reference [{shown}]` no lleva a nada"
                ),
            );
            let place = document.place(&pointer);
            findings.push(finding.hint(instead(pipeline, &steps)).at(place));
        }
    }
    findings
}

/// The references below a value, by their pointers, and the steps of each.
fn gather<'d>(
    document: &'d Document,
    value: &'d Value,
    pointer: String,
    found: &mut Vec<(String, Vec<&'d str>)>,
) {
    match value {
        Value::Array(_) if is_reference(document, &pointer) => {
            found.push((pointer, texts(Some(value))));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(document, item, join(&pointer, &index.to_string()), found);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                gather(document, field, join(&pointer, key), found);
            }
        }
        _ => {}
    }
}

/// Whether the steps of a reference lead to something: to a key of the files, or of a job
/// with what it extends.
fn leads(pipeline: &Pipeline, steps: &[String]) -> bool {
    let Some((first, rest)) = steps.split_first() else {
        return false;
    };
    if let Some(job) = pipeline.job(first) {
        let mut chain = pipeline.chain(job).into_iter();
        return chain.any(|owner| reaches(owner.document, join("", owner.key), rest));
    }
    let mut documents = pipeline.documents();
    documents.any(|(document, _)| reaches(document, join("", first), rest))
}

fn reaches(document: &Document, mut pointer: String, steps: &[String]) -> bool {
    for step in steps {
        // That one is looked at by itself.
        if is_reference(document, &pointer) {
            return true;
        }
        pointer = join(&pointer, step);
    }
    document
        .value
        .pointer(&pointer)
        .is_some_and(|value| !value.is_null())
}

/// What the first step that leads nowhere may have been meant to be.
fn instead(pipeline: &Pipeline, steps: &[String]) -> Message {
    match (steps, steps.first().and_then(|first| pipeline.job(first))) {
        ([_, key, ..], Some(job)) => {
            let chain = pipeline.chain(job);
            let values = chain.iter().filter_map(|owner| owner.value().as_object());
            let keys = values.flat_map(|map| map.keys().map(String::as_str));
            match chain.iter().any(|owner| owner.value().get(key).is_some()) {
                true => message!(
                    "`{key}` of {} has no such key",
                    "`{key}` de {} no tiene esa clave",
                    job.name
                ),
                false => suggest::instead(key, keys),
            }
        }
        (steps, _) => {
            let first = steps.first().map_or("", String::as_str);
            suggest::instead(first, pipeline.names())
        }
    }
}
