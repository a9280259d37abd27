//! What GitLab refuses by its form: files and jobs that are no maps, keys that no job has,
//! and jobs with nothing to do.

use std::path::Path;

use estiba_model::{Diagnostic, Message, Place, has_errors, message};
use estiba_score::suggest;
use estiba_score::yaml::{Document, join};
use serde_json::Value;

use super::model::{Job, KEYWORDS, Pipeline, texts};

/// Keys of a job (<https://docs.gitlab.com/ci/yaml/#job-keywords>), those too that are
/// old or that GitLab's own templates have.
const OF_JOBS: [&str; 39] = [
    "after_script",
    "allow_failure",
    "artifacts",
    "before_script",
    "cache",
    "coverage",
    "dast_configuration",
    "dependencies",
    "environment",
    "except",
    "extends",
    "hooks",
    "id_tokens",
    "identity",
    "image",
    "inherit",
    "inputs",
    "interruptible",
    "manual_confirmation",
    "needs",
    "only",
    "pages",
    "parallel",
    "publish",
    "release",
    "resource_group",
    "retry",
    "rules",
    "run",
    "script",
    "secrets",
    "services",
    "stage",
    "start_in",
    "tags",
    "timeout",
    "trigger",
    "variables",
    "when",
];

/// Keys of `default` (<https://docs.gitlab.com/ci/yaml/#default>).
const OF_DEFAULT: [&str; 13] = [
    "after_script",
    "artifacts",
    "before_script",
    "cache",
    "hooks",
    "id_tokens",
    "identity",
    "image",
    "interruptible",
    "retry",
    "services",
    "tags",
    "timeout",
];

/// Keys that say what a job does.
const WORK: [&str; 3] = ["script", "run", "trigger"];

/// What is wrong with a file as a whole; `wrong` is so already.
pub(super) fn of_file(
    path: &Path,
    documents: &[Document],
    wrong: &[Diagnostic],
) -> Vec<Diagnostic> {
    let hint = message!(
        "begin with a job, such as `build: {{ script: [make] }}`",
        "empiece con un trabajo, como `build: {{ script: [make] }}`"
    );
    if documents.is_empty() && !has_errors(wrong) {
        let empty = Diagnostic::error(
            "empty-file",
            message!("the file is empty", "el archivo está vacío"),
        );
        return vec![empty.hint(hint).at(beginning(path))];
    }
    let others = documents
        .iter()
        .filter(|document| !document.value.is_object());
    others
        .map(|document| {
            Diagnostic::error(
                "not-a-map",
                message!(
                    "a pipeline is a map of keys and values, and this is none",
                    "un pipeline es un mapa de claves y valores, y esto no lo es"
                ),
            )
            .hint(hint.clone())
            .at(document.place(""))
        })
        .collect()
}

fn beginning(path: &Path) -> Place {
    Place {
        file: path.to_owned(),
        line: 1,
        column: 1,
        offset_bytes: 0,
        length_bytes: 0,
    }
}

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = stages(pipeline);
    findings.extend(defaults(pipeline));
    let names = pipeline.names().filter(|name| !name.starts_with('.'));
    let parts = names.flat_map(|name| pipeline.parts(name));
    findings.extend(parts.filter(|job| !job.value().is_object()).map(no_map));
    for job in pipeline.jobs() {
        let chain = pipeline.chain(job);
        let is_idle = pipeline.is_whole() && is_idle(pipeline, &chain);
        if is_idle {
            findings.push(idle(job));
        }
        // What is in a mistyped key of the file is right.
        if !is_idle || suggest::nearest(job.name, &KEYWORDS).is_none() {
            findings.extend(chain.iter().flat_map(|owner| unknown_keys(*owner)));
        }
    }
    findings
}

fn stages(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let all = pipeline.documents();
    let wrong = all.filter(|(document, _)| {
        let stages = document.value.get("stages");
        stages.is_some_and(|stages| !stages.is_array() && !stages.is_null())
    });
    wrong
        .map(|(document, _)| {
            Diagnostic::error(
                "stages-no-list",
                message!("`stages` is no list", "`stages` no es una lista"),
            )
            .hint(message!(
                "write it like `stages: [build, test, deploy]`",
                "escríbala como `stages: [build, test, deploy]`"
            ))
            .at(document.place("/stages"))
        })
        .collect()
}

fn defaults(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (document, _) in pipeline.documents() {
        let default = document.value.get("default").and_then(Value::as_object);
        let keys = default.into_iter().flat_map(|default| default.keys());
        for key in keys.filter(|key| !OF_DEFAULT.contains(&key.as_str())) {
            let finding = Diagnostic::error(
                "unknown-key",
                message!(
                    "GitLab knows no key \"{key}\" of `default`",
                    "GitLab no conoce la clave «{key}» de `default`"
                ),
            );
            let hint = match OF_JOBS.contains(&key.as_str()) {
                true => message!(
                    "only jobs have it: write it in each, or in a hidden job that they extend",
                    "solo la tienen los trabajos: escríbala en cada uno, o en uno oculto que extiendan"
                ),
                false => suggest::instead(key, OF_DEFAULT),
            };
            let place = document.key_place(&join("/default", key));
            findings.push(finding.hint(hint).at(place));
        }
    }
    findings
}

fn no_map(job: Job<'_>) -> Diagnostic {
    let name = job.name;
    let finding = Diagnostic::error(
        "job-not-a-map",
        message!(
            "{name} is neither a job, which is a map with `script`, nor a key that GitLab knows",
            "{name} no es un trabajo, que es un mapa con `script`, ni una clave que GitLab conozca"
        ),
    );
    finding.hint(instead_of_job(name)).at(job.place())
}

/// A key at the top of a file that is mistyped is taken for a job.
fn instead_of_job(name: &str) -> Message {
    match suggest::nearest(name, &KEYWORDS) {
        Some(meant) => message!("did you mean \"{meant}\"?", "¿quiso decir «{meant}»?"),
        None => message!(
            "give it `script:`; what is only extended has a name that begins with a dot",
            "dele `script:`; lo que solo se extiende tiene un nombre que empieza con un punto"
        ),
    }
}

fn unknown_keys(owner: Job<'_>) -> Vec<Diagnostic> {
    let name = owner.name;
    keys(owner)
        .filter(|key| !OF_JOBS.contains(key))
        .map(|key| {
            Diagnostic::error(
                "unknown-key",
                message!(
                    "GitLab knows no key \"{key}\" of a job, which {name} has",
                    "GitLab no conoce la clave «{key}» de un trabajo, que {name} tiene"
                ),
            )
            .hint(suggest::instead(key, OF_JOBS))
            .at(owner.document.key_place(&owner.pointer(key)))
        })
        .collect()
}

fn keys(owner: Job<'_>) -> impl Iterator<Item = &str> {
    let map = owner.value().as_object().into_iter();
    map.flat_map(|map| map.keys().map(String::as_str))
}

/// Whether nothing says what a job does; where that is mistyped, or in a template that is
/// not there, it is told already.
fn is_idle(pipeline: &Pipeline, chain: &[Job<'_>]) -> bool {
    let works = |owner: &Job<'_>| {
        let value = owner.value();
        let said = WORK.iter().filter_map(|key| value.get(*key));
        said.into_iter().any(|work| !work.is_null())
    };
    let is_mistyped = |owner: &Job<'_>| {
        let mut unknown = keys(*owner).filter(|key| !OF_JOBS.contains(key));
        unknown.any(|key| suggest::nearest(key, &OF_JOBS).is_some_and(|key| WORK.contains(&key)))
    };
    let lacks_template = |owner: &Job<'_>| {
        let mut parents = texts(owner.value().get("extends")).into_iter();
        parents.any(|parent| pipeline.job(&owner.filled(parent)).is_none())
    };
    !chain
        .iter()
        .any(|owner| works(owner) || is_mistyped(owner) || lacks_template(owner))
}

fn idle(job: Job<'_>) -> Diagnostic {
    let name = job.name;
    Diagnostic::error(
        "job-without-script",
        message!(
            "{name} has nothing to do: neither it nor what it extends has `script`, `run` or `trigger`",
            "{name} no tiene qué hacer: ni el trabajo ni lo que extiende tienen `script`, `run` o `trigger`"
        ),
    )
    .hint(instead_of_job(name))
    .at(job.place())
}
