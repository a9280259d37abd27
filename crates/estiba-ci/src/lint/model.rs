//! A pipeline as its files have it: jobs, what they extend, stages, variables
//! (<https://docs.gitlab.com/ci/yaml/>).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use estiba_model::{Diagnostic, Place, has_errors};
use estiba_score::yaml::{Document, join};
use serde_json::{Map, Value};

use super::Repository;
use super::include::{self, Asked};
use super::shape;
use super::unread::unread;

/// Keys of a file that are no jobs.
pub(super) const KEYWORDS: [&str; 11] = [
    "after_script",
    "before_script",
    "cache",
    "default",
    "image",
    "include",
    "services",
    "spec",
    "stages",
    "variables",
    "workflow",
];

/// Where commands of a job are.
pub(super) const SCRIPTS: [&str; 3] = ["before_script", "script", "after_script"];

/// More files than a pipeline is made of.
const MOST_FILES: usize = 50;

/// Deeper than anyone extends.
const MOST_DEPTH: usize = 12;

/// A pipeline.
pub(super) struct Pipeline {
    documents: Vec<(Document, Inputs)>,
    /// Where each is: what counts most first.
    jobs: BTreeMap<String, Vec<(usize, String)>>,
    /// Whether some of it is elsewhere and was not read.
    pub is_partial: bool,
    /// Whether some of it should be here and could not be read, which is told.
    is_torn: bool,
}

/// The values of the inputs of a file.
pub(super) type Inputs = BTreeMap<String, String>;

/// A job, or something that jobs extend.
#[derive(Clone, Copy)]
pub(super) struct Job<'p> {
    pub name: &'p str,
    pub document: &'p Document,
    inputs: &'p Inputs,
    /// Its key in the document.
    pub key: &'p str,
}

/// A command of a job.
pub(super) struct Command<'p> {
    pub text: &'p str,
    pub document: &'p Document,
    pointer: String,
}

impl Command<'_> {
    /// Where a part of it is.
    pub fn place(&self, part: &str) -> Place {
        self.document.place_within(&self.pointer, part)
    }
}

impl Pipeline {
    /// Reads a file and those of the repository that it includes.
    pub fn read(file: &Path, repository: &dyn Repository) -> (Self, Vec<Diagnostic>) {
        let mut pipeline = Self {
            documents: Vec::new(),
            jobs: BTreeMap::new(),
            is_partial: false,
            is_torn: false,
        };
        let mut findings = Vec::new();
        let mut waiting = vec![Asked {
            path: file.to_owned(),
            inputs: Inputs::new(),
            at: None,
        }];
        let mut seen = BTreeSet::new();
        while let Some(asked) = waiting.pop() {
            if !seen.insert(asked.path.clone()) {
                continue;
            }
            if seen.len() > MOST_FILES {
                pipeline.is_partial = true;
                break;
            }
            match repository.text(&asked.path) {
                Ok(text) => {
                    let documents = pipeline.add(&asked.path, &text, asked.inputs, &mut findings);
                    for (document, _) in &pipeline.documents[documents..] {
                        let included = include::included(document, repository);
                        pipeline.is_partial |= included.has_others;
                        waiting.extend(included.files);
                    }
                }
                Err(why) => {
                    pipeline.is_torn = true;
                    findings.push(unread(&asked.path, &why, asked.at));
                }
            }
        }
        (pipeline, findings)
    }

    /// Takes in a file, and gives the number of its first document.
    fn add(
        &mut self,
        path: &Path,
        text: &str,
        mut inputs: Inputs,
        findings: &mut Vec<Diagnostic>,
    ) -> usize {
        let first = self.documents.len();
        let (documents, wrong) = Document::all(path, text);
        let is_reference = |finding: &Diagnostic| {
            finding.code == "bad-tag" && finding.message.en.contains("!reference")
        };
        let wrong = wrong.into_iter().filter(|finding| !is_reference(finding));
        let mut wrong: Vec<Diagnostic> = wrong.collect();
        wrong.extend(shape::of_file(path, &documents, &wrong));
        self.is_torn |= has_errors(&wrong);
        findings.extend(wrong);
        for document in documents {
            if let Some(spec) = document.value.get("spec") {
                let asked = spec.get("inputs").and_then(Value::as_object);
                for (name, input) in asked.into_iter().flatten() {
                    let default = input.get("default").map(text_of);
                    let value = inputs.remove(name).or(default);
                    inputs.extend(value.map(|value| (name.clone(), value)));
                }
                continue;
            }
            let index = self.documents.len();
            let keys = document.value.as_object().into_iter().flat_map(Map::keys);
            for key in keys.filter(|key| !KEYWORDS.contains(&key.as_str())) {
                // What includes a file stands before what is included, and is merged over it.
                let parts = self.jobs.entry(filled(key, &inputs)).or_default();
                parts.push((index, key.clone()));
            }
            self.documents.push((document, inputs.clone()));
        }
        first
    }

    /// Whether all of it was read: only then is what is not found not there.
    pub fn is_whole(&self) -> bool {
        !self.is_partial && !self.is_torn
    }

    /// The documents of its files, with the values of their inputs.
    pub fn documents(&self) -> impl Iterator<Item = (&Document, &Inputs)> {
        self.documents
            .iter()
            .map(|(document, inputs)| (document, inputs))
    }

    /// The names of all jobs, and of what is only extended.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.jobs.keys().map(String::as_str)
    }

    /// What runs: jobs whose names begin with a dot are only extended.
    pub fn jobs(&self) -> impl Iterator<Item = Job<'_>> {
        let all = self.jobs.keys().filter_map(|name| self.job(name));
        all.filter(|job| !job.name.starts_with('.') && job.value().is_object())
    }

    /// What is only extended.
    pub fn templates(&self) -> impl Iterator<Item = Job<'_>> {
        let all = self.jobs.keys().filter_map(|name| self.job(name));
        all.filter(|job| job.name.starts_with('.'))
    }

    /// A job, or something that jobs extend, as what counts most has it.
    pub fn job(&self, name: &str) -> Option<Job<'_>> {
        self.parts(name).next()
    }

    /// The same in each file that has some of it: what counts most first.
    pub fn parts(&self, name: &str) -> impl Iterator<Item = Job<'_>> {
        let found = self.jobs.get_key_value(name).into_iter();
        found.flat_map(|(name, parts)| {
            parts.iter().filter_map(|(index, key)| {
                let (document, inputs) = self.documents.get(*index)?;
                Some(Job {
                    name,
                    document,
                    inputs,
                    key,
                })
            })
        })
    }

    /// A job and all that it extends, what counts most first.
    pub fn chain<'p>(&'p self, job: Job<'p>) -> Vec<Job<'p>> {
        let mut chain = Vec::new();
        self.extend(job.name, MOST_DEPTH, &mut chain);
        chain
    }

    fn extend<'p>(&'p self, name: &str, depth: usize, chain: &mut Vec<Job<'p>>) {
        if depth == 0 || chain.iter().any(|job| job.name == name) {
            return;
        }
        chain.extend(self.parts(name));
        let mut parts = self.parts(name);
        let extending = parts.find(|part| part.value().get("extends").is_some());
        let Some(job) = extending else { return };
        // The last of several counts most.
        for parent in texts(job.value().get("extends")).into_iter().rev() {
            self.extend(&job.filled(parent), depth - 1, chain);
        }
    }

    /// What a job says of a key itself, or by what it extends, and who says it.
    pub fn said<'p>(&'p self, job: Job<'p>, key: &str) -> Option<(Job<'p>, &'p Value)> {
        let mut chain = self.chain(job).into_iter();
        chain.find_map(|job| Some((job, job.value().get(key)?)))
    }

    /// The stages in their order, and the file that lists them.
    pub fn stages(&self) -> Option<(&Document, Vec<String>)> {
        let mut documents = self.documents.iter();
        documents.find_map(|(document, inputs)| {
            let stages = document.value.get("stages")?.as_array()?;
            let names = stages.iter().map(|stage| filled(&text_of(stage), inputs));
            Some((document, names.collect()))
        })
    }

    /// Keys at the top of the files.
    pub fn top<'p>(&'p self, key: &'p str) -> impl Iterator<Item = (&'p Document, &'p Value)> {
        self.documents.iter().flat_map(move |(document, _)| {
            let default = document.value.get("default").and_then(|d| d.get(key));
            let values = [document.value.get(key), default];
            values
                .into_iter()
                .flatten()
                .map(move |value| (document, value))
        })
    }

    /// The commands of a job as they come to it.
    pub fn commands<'p>(&'p self, job: Job<'p>) -> Vec<Command<'p>> {
        let mut commands = Vec::new();
        for key in SCRIPTS {
            if let Some((owner, value)) = self.said(job, key) {
                let pointer = owner.pointer(key);
                gather(value, pointer, owner.document, &mut commands);
                continue;
            }
            let documents = self.documents.iter().map(|(document, _)| document);
            for document in documents {
                for pointer in [format!("/default/{key}"), format!("/{key}")] {
                    if let Some(value) = document.value.pointer(&pointer) {
                        gather(value, pointer, document, &mut commands);
                    }
                }
            }
        }
        commands
    }
}

impl<'p> Job<'p> {
    pub fn value(&self) -> &'p Value {
        static NOTHING: Value = Value::Null;
        self.document.value.get(self.key).unwrap_or(&NOTHING)
    }

    pub fn pointer(&self, key: &str) -> String {
        join(&join("", self.key), key)
    }

    pub fn place(&self) -> Place {
        self.document.key_place(&join("", self.key))
    }

    /// A text of this job with the values of inputs in it.
    pub fn filled(&self, text: &str) -> String {
        filled(text, self.inputs)
    }
}

/// Each command of a list, of lists in it, or of one text.
fn gather<'p>(
    value: &'p Value,
    pointer: String,
    document: &'p Document,
    commands: &mut Vec<Command<'p>>,
) {
    match value {
        Value::String(text) => commands.push(Command {
            text,
            document,
            pointer,
        }),
        Value::Array(items) => {
            // The words of a `!reference` name a job and a key.
            let is_reference = is_reference(document, &pointer);
            for (index, item) in items.iter().enumerate().filter(|_| !is_reference) {
                gather(item, join(&pointer, &index.to_string()), document, commands);
            }
        }
        _ => {}
    }
}

/// A text, or each of a list of texts.
pub(super) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether the value at a pointer is taken from elsewhere, by the names in it.
pub(super) fn is_reference(document: &Document, pointer: &str) -> bool {
    document.written(pointer).starts_with("!reference")
}

pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `$[[ inputs.name ]]` replaced by the input's value.
pub(super) fn filled(text: &str, inputs: &Inputs) -> String {
    inputs.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("$[[ inputs.{name} ]]"), value)
    })
}
