//! `.gitlab-ci.yml`, and the component that it includes
//! (<https://docs.gitlab.com/ci/components/>).

use std::collections::BTreeMap;
use std::path::PathBuf;

use estiba_score::yaml::scalar;

use crate::{Builder, File, Kind, Pipeline, Tests, Through, written_by};

/// The component, as a catalogue has it.
const COMPONENT: &str = include_str!("../../../templates/estiba.yml");

/// What ends the head of a component, where its inputs are.
const HEAD_END: &str = "\n---\n";

/// Where the component is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    /// In the repository, with its inputs.
    Local,
    /// In the repository, with the values written in: GitLab before 17.0 has no inputs,
    /// nor have some tools that run pipelines.
    Resolved,
    /// In a catalogue: `gitlab.example.edu/course/estiba/estiba@1.0.0`.
    Component(String),
}

/// The component for a catalogue's project.
#[must_use]
pub fn catalog() -> Vec<File> {
    vec![File {
        path: PathBuf::from("templates/estiba.yml"),
        text: COMPONENT.to_owned(),
        kind: Kind::Whole,
    }]
}

/// A pipeline of GitLab.
#[must_use]
pub fn gitlab(pipeline: &Pipeline, include: &Include) -> Vec<File> {
    let inputs = inputs(pipeline);
    let component = match include {
        Include::Local => Some(COMPONENT.to_owned()),
        Include::Resolved => Some(resolved(&inputs)),
        Include::Component(_) => None,
    };
    let own = File {
        path: PathBuf::from(".gitlab-ci.yml"),
        text: own(pipeline, include, &inputs),
        kind: Kind::Begun,
    };
    let component = component.map(|text| File {
        path: PathBuf::from(".gitlab/estiba.yml"),
        text: written_by("gitlab") + &text,
        kind: Kind::Whole,
    });
    std::iter::once(own).chain(component).collect()
}

/// The value of every input.
fn inputs(pipeline: &Pipeline) -> BTreeMap<&'static str, String> {
    let (through, server) = match &pipeline.through {
        Through::Server(url) => ("server", url.as_str()),
        Through::Runner => ("runner", ""),
    };
    let builder = match pipeline.builder {
        Builder::Machine => "machine",
        Builder::Buildah => "buildah",
    };
    let previews = match pipeline.previews {
        true => "with",
        false => "without",
    };
    BTreeMap::from([
        ("ships", pipeline.on.word().to_owned()),
        ("through", through.to_owned()),
        ("server", server.to_owned()),
        ("builder", builder.to_owned()),
        ("test", pipeline.test.to_string()),
        ("prod", pipeline.prod.to_string()),
        ("previews", previews.to_owned()),
    ])
}

/// The component without its head, and with the values in the place of its inputs.
fn resolved(inputs: &BTreeMap<&'static str, String>) -> String {
    let body = COMPONENT.split_once(HEAD_END);
    let body = body.map_or(COMPONENT, |(_, body)| body).to_owned();
    let filled = inputs.iter().fold(body, |text, (name, value)| {
        text.replace(&format!("$[[ inputs.{name} ]]"), value)
    });
    settled(&filled)
}

/// The same without what inputs decided: rules that never hold, and the jobs that then
/// have none.
fn settled(text: &str) -> String {
    let mut settled = String::new();
    for block in text.split("\n\n") {
        let jobs = with_each_job(block);
        settled.extend(jobs.into_iter().filter_map(|job| with_rules_decided(&job)));
        settled.push('\n');
    }
    while settled.contains("\n\n\n") {
        settled = settled.replace("\n\n\n", "\n\n");
    }
    format!("{}\n", settled.trim_matches('\n'))
}

/// Each key at the left of a text with what is below it, and comments with the key
/// after them.
fn with_each_job(block: &str) -> Vec<String> {
    let mut jobs: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in block.lines() {
        let is_key = !line.starts_with([' ', '#']);
        let begins = line.starts_with('#') || is_key;
        match jobs.last_mut() {
            Some(job) if !begins || !is_open => job.push_str(&format!("{line}\n")),
            _ => jobs.push(format!("{line}\n")),
        }
        is_open = if begins { is_key } else { is_open };
    }
    jobs
}

/// A job without the rules that never hold; nothing where none is left.
fn with_rules_decided(job: &str) -> Option<String> {
    let mut kept = String::new();
    let (mut skips, mut in_rules, mut rules) = (false, false, None);
    for line in job.lines() {
        if line.starts_with("    - ") {
            let (condition, holds) = decided(line);
            skips = !holds;
            if holds {
                kept.push_str(&format!("{condition}\n"));
                rules = rules.map(|count: usize| count + usize::from(in_rules));
            }
            continue;
        }
        // What is deeper belongs to the rule.
        skips = skips && line.starts_with("      ");
        if skips {
            continue;
        }
        kept.push_str(&format!("{line}\n"));
        if !line.starts_with("   ") {
            in_rules = line == "  rules:";
            rules = if in_rules { Some(0) } else { rules };
        }
    }
    (rules != Some(0)).then_some(kept)
}

/// A line without the comparison of two texts at its end, and how that ends.
fn decided(line: &str) -> (&str, bool) {
    let sides = line
        .rsplit_once(" && \"")
        .and_then(|(condition, compared)| {
            let (left, right) = compared.strip_suffix('"')?.split_once("\" == \"")?;
            Some((condition, left == right))
        });
    sides.unwrap_or((line, true))
}

/// The team's file: what differs from the defaults, and the tests.
fn own(pipeline: &Pipeline, include: &Include, inputs: &BTreeMap<&str, String>) -> String {
    let mut text = String::from(
        "# From a tag to production; see `estiba ci gitlab --help`. Jobs of your own go below.\ninclude:\n",
    );
    let mut with_inputs = true;
    match include {
        Include::Component(address) => {
            text.push_str(&format!("  - component: {}\n", scalar(address)));
        }
        Include::Local => text.push_str("  - local: .gitlab/estiba.yml\n"),
        Include::Resolved => {
            text.push_str("  - local: .gitlab/estiba.yml\n");
            with_inputs = false;
        }
    }
    if with_inputs {
        text.push_str("    inputs:\n");
        for name in shown(pipeline) {
            text.push_str(&format!("      {name}: {}\n", scalar(&inputs[name])));
        }
    }
    let tags: Vec<_> = pipeline.runners.iter().map(|tag| scalar(tag)).collect();
    if pipeline.image.is_some() || !tags.is_empty() {
        text.push_str("default:\n");
    }
    if let Some(image) = &pipeline.image {
        text.push_str(&format!("  image: {}\n", scalar(image)));
    }
    if !tags.is_empty() {
        text.push_str(&format!("  tags: [{}]\n", tags.join(", ")));
    }
    for tests in &pipeline.tests {
        text.push_str(&test_job(tests, pipeline.image.is_some()));
    }
    text
}

/// The inputs that a team reads: the defaults are left out.
fn shown(pipeline: &Pipeline) -> Vec<&'static str> {
    let of_server = matches!(pipeline.through, Through::Server(_));
    let all = [
        ("ships", true),
        ("server", of_server),
        ("through", !of_server),
        ("builder", pipeline.builder == Builder::Buildah),
        ("test", pipeline.test.as_str() != "test"),
        ("prod", pipeline.prod.as_str() != "prod"),
        ("previews", pipeline.previews),
    ];
    let shown = all.into_iter().filter(|(_, is_shown)| *is_shown);
    shown.map(|(name, _)| name).collect()
}

fn test_job(tests: &Tests, in_images: bool) -> String {
    let (workload, language) = (&tests.workload, tests.language);
    let mut job = format!(
        "test-{workload}:\n  extends: .estiba-test-{}\n",
        language.word()
    );
    if in_images {
        job.push_str(&format!("  image: {}\n", language.image()));
    }
    if !tests.folder.is_empty() {
        job.push_str(&format!(
            "  variables: {{ FOLDER: {} }}\n",
            scalar(&tests.folder)
        ));
    }
    job
}

#[cfg(test)]
mod tests_of_the_component {
    use super::*;

    #[test]
    fn every_input_has_a_value_and_every_use_an_input() {
        let (head, _) = COMPONENT.split_once(HEAD_END).unwrap();
        let pipeline = Pipeline {
            on: crate::Trigger::Tags,
            through: Through::Runner,
            builder: Builder::Machine,
            test: "test".parse().unwrap(),
            prod: "prod".parse().unwrap(),
            previews: false,
            tests: Vec::new(),
            image: None,
            runners: Vec::new(),
        };
        let inputs = inputs(&pipeline);
        for name in inputs.keys() {
            // GitLab's YAML is 1.1, where some words are truth values.
            assert_eq!(scalar(name), *name);
            assert!(head.contains(&format!("\n    {name}:\n")), "{name}");
        }
        let resolved = resolved(&inputs);
        assert!(!resolved.contains("$[["), "{resolved}");
        assert!(!resolved.contains("spec:"));
    }
}
