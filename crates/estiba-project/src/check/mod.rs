//! The rules that look across a project's files.

mod acceptance;
pub(crate) mod alerts;
mod apps;
pub(crate) mod logs;
mod mail;
mod names;
mod outputs;
mod outside;
pub(crate) mod places;
mod platform;
mod ports;
mod previews;
mod reset;
mod resources;
pub(crate) mod secrets;
mod smoke;
pub(crate) mod sources;
mod targets;
pub(crate) mod words;

use std::collections::BTreeSet;
use std::path::PathBuf;

use estiba_model::{Name, Project};
use serde_json::Value;

use crate::finding::{Findings, Spot};
use crate::kinds::{self, Kind};
use crate::load::{FILE_NAME, Sources, beside};
use crate::{references, values};

/// Every mistake that no file has by itself, in what could be read; `declared`
/// has the names of the rest too.
pub(crate) fn run(project: &Project, declared: &Declared, sources: Sources) -> Findings {
    let mut found = Findings::default();
    let references = references::all(project);
    names::check(project, declared, &mut found);
    previews::check(project, declared, &mut found);
    places::check(&previews::with_one(project), &mut found);
    apps::check(&previews::with_one(project), &mut found);
    resources::check(project, &mut found);
    platform::check(project, &mut found);
    acceptance::check(project, declared, &mut found);
    smoke::check(project, &mut found);
    mail::check(&previews::with_one(project), &mut found);
    reset::check(project, &mut found);
    ports::check(project, declared, &mut found);
    outside::check(project, declared, sources, &mut found);
    outputs::check(&references, &mut found);
    secrets::check(project, &mut found);
    if sources == Sources::Beside {
        sources::check(project, &mut found);
    }
    targets::check(project, &mut found);
    if declared.workloads.is_some() {
        values::unused(project, &references, &mut found);
    }
    found
}

/// The kind of a target, where it is one of this version.
fn kind_of(project: &Project, target: &Name) -> Option<&'static Kind> {
    kinds::find(&project.targets.get(target)?.kind)
}

/// The names that the project's files declare, also of things that could not
/// be read: nobody is told that a broken environment does not exist.
pub(crate) struct Declared {
    pub targets: BTreeSet<String>,
    pub environments: BTreeSet<String>,
    /// The environment that previews are like.
    pub like: Option<String>,
    /// `None` where a Score file could not be read: its name is not known.
    pub workloads: Option<BTreeSet<String>>,
    /// What is said about services outside.
    outside: outside::Written,
}

impl Declared {
    /// What the text of an `estiba.yaml` declares; workloads are not known yet.
    pub fn of(file: &Value) -> Self {
        let keys = |section: &str| {
            let section = file.get(section).and_then(Value::as_object);
            section
                .into_iter()
                .flat_map(|map| map.keys().cloned())
                .collect()
        };
        Self {
            targets: keys("targets"),
            environments: keys("environments"),
            like: file
                .pointer("/previews/like")
                .and_then(Value::as_str)
                .map(str::to_owned),
            workloads: None,
            outside: outside::written(file),
        }
    }

    /// Whether the file has this key of a service outside, or says anything of it.
    fn has_outside(&self, path: &[&str]) -> bool {
        self.outside.keys.iter().any(|key| key == path)
    }
}

/// The project's own file.
pub(crate) fn project_file(project: &Project) -> PathBuf {
    beside(&project.directory, FILE_NAME)
}

/// A part of an environment in `estiba.yaml`.
fn environment_spot(project: &Project, environment: &Name, path: &[&str]) -> Spot {
    if environment.as_str() == previews::SAMPLE {
        return Spot::value(&project_file(project), &["previews", "like"]);
    }
    let path: Vec<&str> = ["environments", environment.as_str()]
        .into_iter()
        .chain(path.iter().copied())
        .collect();
    Spot::value(&project_file(project), &path)
}
