//! What is put over an `estiba.yaml` that is not one team's: the template of a
//! course.

use estiba_model::Name;
use estiba_score::yaml::{Document, join};
use serde_json::Value;

use crate::file::ConfigValue;

/// What stands for the team's name.
const TEAM: &str = "{team}";
/// What of a course belongs to a project.
const PARTS: [&str; 3] = ["registry", "targets", "environments"];

/// What a course says about the project of one of its teams.
#[derive(Debug, Clone, Copy)]
pub struct Over<'c> {
    /// The course: its `registry`, `targets` and `environments` are put over those
    /// of `estiba.yaml`, a key at a time. In their texts `{team}` is the team.
    pub document: &'c Document,
    /// The team, in place of that of `estiba.yaml`.
    pub team: &'c Name,
    /// Environments that the team does not have.
    pub without: &'c [Name],
}

impl Over<'_> {
    /// What `estiba.yaml` is for the team.
    pub(crate) fn put_over(&self, project: &Document) -> Value {
        let mut value = project.value.clone();
        let Value::Object(map) = &mut value else {
            return value;
        };
        // As the file has them: a version such as 1.10 is no number.
        if let Some(environments) = map.get_mut("environments") {
            write_out_config(environments, project);
        }
        for part in PARTS {
            let Some(said) = self.document.value.get(part) else {
                continue;
            };
            let mut said = said.clone();
            if part == "environments" {
                write_out_config(&mut said, self.document);
            }
            self.name_team(&mut said);
            merge(map.entry(part).or_insert(Value::Null), said);
        }
        map.insert("team".to_owned(), self.team.as_str().into());
        if let Some(Value::Object(environments)) = map.get_mut("environments") {
            for name in self.without {
                environments.shift_remove(name.as_str());
            }
        }
        value
    }

    fn name_team(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains(TEAM) => {
                *text = text.replace(TEAM, self.team.as_str());
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.name_team(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.name_team(item)),
            _ => {}
        }
    }
}

/// Maps are put together key by key, all else is replaced.
fn merge(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                merge(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

/// Makes the numbers and truth values of each environment's `config` the texts
/// that they are written as.
fn write_out_config(environments: &mut Value, document: &Document) {
    let Value::Object(environments) = environments else {
        return;
    };
    for (name, environment) in environments {
        let Some(config) = environment.get_mut("config").and_then(Value::as_object_mut) else {
            continue;
        };
        let place = join(&join("/environments", name), "config");
        for (key, value) in config {
            let written = document.written(&join(&place, key));
            if let Ok(read) = serde_json::from_value::<ConfigValue>(value.clone()) {
                *value = read.into_text(written).into();
            }
        }
    }
}
