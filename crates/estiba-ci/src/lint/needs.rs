//! Jobs that wait for others which there are not, or for themselves.

use estiba_model::{Diagnostic, Place, message};
use estiba_score::suggest;
use estiba_score::yaml::join;
use serde_json::Value;

use super::circles::{Ways, circles};
use super::model::{Job, Pipeline, is_reference};

/// Where jobs name others.
const KEYS: [&str; 2] = ["needs", "dependencies"];

/// A job that another names.
struct Need<'p> {
    name: String,
    /// Who says so: the job, or what it extends.
    owner: Job<'p>,
    at: Place,
    is_optional: bool,
}

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut ways = Ways::new();
    for job in pipeline.jobs() {
        for key in KEYS {
            for need in needs(pipeline, job, key) {
                match found(pipeline, &need.name) {
                    Some(other) if key == "needs" => {
                        let from_here = ways.entry(job.name).or_default();
                        from_here.push((other.name, need.at));
                    }
                    Some(_) => {}
                    // Another file may have it.
                    None if need.is_optional || !pipeline.is_whole() => {}
                    None => findings.push(unknown(pipeline, &need, key)),
                }
            }
        }
    }
    findings.extend(circles(&ways).into_iter().map(|circle| {
        let shown = circle.shown;
        Diagnostic::error(
            "needs-in-a-circle",
            message!(
                "these jobs wait for each other: {shown}",
                "estos trabajos se esperan entre sí: {shown}"
            ),
        )
        .hint(message!(
            "remove one of these `needs`",
            "quite uno de estos `needs`"
        ))
        .at(circle.at)
    }));
    findings
}

/// The jobs of this pipeline that a job names, by itself or by what it extends.
fn needs<'p>(pipeline: &'p Pipeline, job: Job<'p>, key: &str) -> Vec<Need<'p>> {
    let Some((owner, Value::Array(items))) = pipeline.said(job, key) else {
        return Vec::new();
    };
    let pointer = owner.pointer(key);
    if is_reference(owner.document, &pointer) {
        return Vec::new();
    }
    let items = items.iter().enumerate();
    items
        .filter_map(|(index, item)| {
            let pointer = join(&pointer, &index.to_string());
            let (name, pointer) = match item {
                Value::String(name) => (name.as_str(), pointer),
                // The jobs of other pipelines are not seen from here.
                _ if item.get("pipeline").is_some() || item.get("project").is_some() => {
                    return None;
                }
                _ => (item.get("job")?.as_str()?, join(&pointer, "job")),
            };
            Some(Need {
                name: owner.filled(name),
                owner,
                at: owner.document.place(&pointer),
                is_optional: item.get("optional") == Some(&Value::Bool(true)),
            })
        })
        .filter(|need| !need.name.contains('$'))
        .collect()
}

/// A job that runs, by its name, or by that of one of those that `parallel` makes of it:
/// `test 1/2`, `test: [a, b]`.
fn found<'p>(pipeline: &'p Pipeline, name: &str) -> Option<Job<'p>> {
    let running = |name: &str| pipeline.job(name).filter(|job| !job.name.starts_with('.'));
    running(name).or_else(|| {
        let of_matrix = name
            .strip_suffix(']')
            .and_then(|name| name.split_once(": ["));
        let of_number = name
            .rsplit_once(' ')
            .filter(|(_, part)| part.chars().all(|c| c == '/' || c.is_ascii_digit()));
        let (whole, _) = of_matrix.or(of_number)?;
        running(whole).filter(|job| pipeline.said(*job, "parallel").is_some())
    })
}

fn unknown(pipeline: &Pipeline, need: &Need<'_>, key: &str) -> Diagnostic {
    let (job, name) = (need.owner.name, &need.name);
    let others = pipeline.jobs().map(|other| other.name);
    let others = others.filter(|other| *other != job);
    Diagnostic::error(
        "unknown-job",
        message!(
            "`{key}` of {job} names \"{name}\", and there is no such job",
            "`{key}` de {job} nombra «{name}», y no existe ese trabajo"
        ),
    )
    .hint(suggest::instead(name, others))
    .at(need.at.clone())
}
