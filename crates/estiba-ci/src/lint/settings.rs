//! Variables that are defined nowhere, in what the runner and GitLab read before any
//! shell does: images, services and the names of environments.

use estiba_model::{Diagnostic, Place};
use estiba_score::yaml::{Document, join};
use serde_json::Value;

use super::Known;
use super::model::{Job, Pipeline};
use super::shell;
use super::variables::Scope;

/// A text in which variables are put.
struct Setting<'p> {
    text: &'p str,
    document: &'p Document,
    pointer: String,
}

impl Setting<'_> {
    fn place(&self, part: &str) -> Place {
        self.document.place_within(&self.pointer, part)
    }
}

pub(super) fn check(pipeline: &Pipeline, known: &Known) -> Vec<Diagnostic> {
    // A run on this machine needs no image: it does not fail by what GitLab's settings have.
    let known = Known {
        is_all: false,
        ..known.clone()
    };
    let scope = Scope::of(pipeline, &known);
    let mut findings = Vec::new();
    for job in pipeline.jobs() {
        let defined = scope.of_job(job);
        for setting in settings(pipeline, job) {
            for used in shell::uses(setting.text) {
                let place = setting.place(used.written);
                findings.extend(scope.missing(used.name, &defined).map(|f| f.at(place)));
            }
        }
    }
    findings
}

fn settings<'p>(pipeline: &'p Pipeline, job: Job<'p>) -> Vec<Setting<'p>> {
    let mut found = Vec::new();
    // No runner takes a job that triggers.
    let has_defaults = ["trigger", "inherit"]
        .iter()
        .all(|key| pipeline.said(job, key).is_none());
    for key in ["image", "services", "environment"] {
        match pipeline.said(job, key) {
            Some((owner, value)) => gather(owner.document, owner.pointer(key), value, &mut found),
            None if has_defaults => defaults(pipeline, key, &mut found),
            None => {}
        }
    }
    found
}

/// What all jobs have that say nothing else.
fn defaults<'p>(pipeline: &'p Pipeline, key: &str, found: &mut Vec<Setting<'p>>) {
    for (document, _) in pipeline.documents() {
        for pointer in [format!("/default/{key}"), format!("/{key}")] {
            if let Some(value) = document.value.pointer(&pointer) {
                gather(document, pointer, value, found);
            }
        }
    }
}

/// A text, the `name` of a map, or those of a list.
fn gather<'p>(
    document: &'p Document,
    pointer: String,
    value: &'p Value,
    found: &mut Vec<Setting<'p>>,
) {
    match value {
        Value::String(text) => found.push(Setting {
            text,
            document,
            pointer,
        }),
        Value::Object(map) => {
            if let Some(name) = map.get("name") {
                gather(document, join(&pointer, "name"), name, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(document, join(&pointer, &index.to_string()), item, found);
            }
        }
        _ => {}
    }
}
