//! A job that deploys to production where what it deploys was not made.

use std::sync::LazyLock;

use estiba_model::{Diagnostic, message};
use regex::Regex;
use serde_json::Value;

use super::model::{Job, Pipeline, texts};

#[expect(clippy::expect_used, reason = "a constant, which tests compile")]
static PRODUCTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:^|[^a-z])prod(?:uction|ucci[oó]n)?(?:$|[^a-z])").expect("a pattern")
});

pub(super) fn check(pipeline: &Pipeline) -> Vec<Diagnostic> {
    let of_whole = pipeline
        .top("workflow")
        .any(|(_, rules)| only_tags(&rules["rules"]));
    let tagged: Vec<&str> = pipeline
        .jobs()
        .filter(|job| is_for_tags(pipeline, *job))
        .map(|job| job.name)
        .collect();
    let Some(first) = tagged.first().filter(|_| !of_whole) else {
        return Vec::new();
    };
    let to_production = pipeline.jobs().filter(|job| is_production(pipeline, *job));
    let untagged = to_production.filter(|job| !is_for_tags(pipeline, *job));
    untagged
        .map(|job| {
            let name = job.name;
            Diagnostic::error(
                "production-without-tag",
                message!(
                    "{name} also runs without a tag, and {first} does not: it would deploy an image that was never pushed",
                    "{name} también corre sin un tag, y {first} no: desplegaría una imagen que nunca se subió"
                ),
            )
            .hint(message!(
                "give it the rule `if: $CI_COMMIT_TAG`, with `when: manual`",
                "dele la regla `if: $CI_COMMIT_TAG`, con `when: manual`"
            ))
            .at(job.place())
        })
        .collect()
}

fn is_production(pipeline: &Pipeline, job: Job<'_>) -> bool {
    let environment = pipeline.said(job, "environment").map(|(owner, value)| {
        let name = value.as_str().or_else(|| value.get("name")?.as_str());
        owner.filled(name.unwrap_or_default())
    });
    let stage = pipeline.said(job, "stage");
    let stage = stage.map(|(owner, value)| owner.filled(value.as_str().unwrap_or_default()));
    let words = [environment, stage, Some(job.name.to_owned())];
    words.iter().flatten().any(|word| PRODUCTION.is_match(word))
}

/// Whether a job runs where there is a tag alone.
fn is_for_tags(pipeline: &Pipeline, job: Job<'_>) -> bool {
    if let Some((owner, rules)) = pipeline.said(job, "rules") {
        let rules: Value =
            serde_json::from_str(&owner.filled(&rules.to_string())).unwrap_or_default();
        return only_tags(&rules);
    }
    let only = pipeline.said(job, "only").map(|(_, only)| only);
    let refs = only.map(|only| texts(only.get("refs").or(Some(only))));
    refs.is_some_and(|refs| {
        !refs.is_empty()
            && refs
                .iter()
                .all(|word| *word == "tags" || word.starts_with("/^v"))
    })
}

/// Whether every rule that lets a job run asks for a tag. Rules that compare two
/// texts, as a component with inputs has them, are taken by what they say.
fn only_tags(rules: &Value) -> bool {
    let rules = rules.as_array().into_iter().flatten();
    let mut letting = rules
        .filter(|rule| rule.get("when") != Some(&Value::from("never")))
        .filter(|rule| !never_holds(condition(rule)))
        .peekable();
    letting.peek().is_some() && letting.all(|rule| condition(rule).contains("CI_COMMIT_TAG"))
}

fn condition(rule: &Value) -> &str {
    rule.get("if").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a condition compares two texts that differ.
fn never_holds(condition: &str) -> bool {
    #[expect(clippy::expect_used, reason = "a constant, which tests compile")]
    static TEXTS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?:^|&&)\s*"([^"$]*)"\s*==\s*"([^"$]*)""#).expect("a pattern")
    });
    TEXTS
        .captures_iter(condition)
        .any(|found| found[1] != found[2])
}
