//! `estiba.yaml` as people write it: the types that its JSON schema is made of.

use std::collections::BTreeMap;

use estiba_model::Name;
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::alerts::AlertFile;
use crate::kinds;
use crate::logs::LogsFile;
use crate::outside::OutsideFile;

/// Who ships what, and where it runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "estiba.yaml")]
pub(crate) struct ProjectFile {
    /// The project's name, unique in its team.
    #[schemars(schema_with = "name")]
    pub project: Name,
    /// The team that owns the project.
    #[schemars(schema_with = "name")]
    pub team: Name,
    /// The Score file of each workload, relative to this file.
    #[serde(rename = "workloads")]
    #[schemars(length(min = 1))]
    // Read from the document itself, where each has its place.
    _workloads: Vec<String>,
    /// Where images are pushed, for example `registry.example.edu/tp2`. Not
    /// needed when everything runs on one machine.
    #[serde(default)]
    #[schemars(schema_with = "registry")]
    pub registry: Option<String>,
    /// The container runtimes that environments run on, by a name of your own.
    #[schemars(schema_with = "by_name::<TargetFile>")]
    pub targets: BTreeMap<Name, TargetFile>,
    /// Services that are not the project's own, and that it uses, by a name of your
    /// own: `estiba preflight` tries them from inside an environment.
    #[serde(default)]
    #[schemars(schema_with = "by_name::<OutsideFile>")]
    pub outside: BTreeMap<Name, OutsideFile>,
    /// Where the project runs. `estiba up` deploys to the first.
    #[schemars(schema_with = "environments")]
    pub environments: IndexMap<Name, EnvironmentFile>,
    /// Environments named `preview-…`, which merge requests have for as long as they
    /// are open.
    #[serde(default)]
    pub previews: Option<PreviewsFile>,
    /// Lines of logs that the chats of the team are told of, by a name of your own: what
    /// they are like, how many are too many, and where.
    #[serde(default)]
    #[schemars(schema_with = "crate::alerts::alerts")]
    pub alerts: BTreeMap<Name, AlertFile>,
    /// A cluster (Elasticsearch, OpenSearch or Quickwit) that the server sends all lines of
    /// logs of the project to, and in which they are searched.
    #[serde(default)]
    pub logs: Option<LogsFile>,
}

/// What previews are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Previews")]
pub(crate) struct PreviewsFile {
    /// The environment that they are like: what is not said here is as there, but for
    /// what was set by `estiba config` and `secret`.
    #[schemars(schema_with = "name")]
    pub like: Name,
    /// How many copies of a workload run.
    #[serde(default)]
    #[schemars(schema_with = "replicas")]
    pub replicas: BTreeMap<Name, u32>,
    /// Values in the place of those of the other environment, or beside them.
    #[serde(default)]
    pub config: BTreeMap<String, ConfigValue>,
}

/// A container runtime: its `kind`, and the settings of that kind.
#[derive(Debug, Deserialize)]
pub(crate) struct TargetFile {
    pub kind: String,
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// A place where the project runs, apart from every other.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Environment")]
pub(crate) struct EnvironmentFile {
    /// The target that runs the workloads: one for all, or one for each.
    pub on: On,
    /// Takes only releases that ran with success in this other environment.
    #[serde(default)]
    #[schemars(schema_with = "name")]
    pub after: Option<Name>,
    /// A person other than the author must agree to each deployment.
    #[serde(default)]
    pub approve: bool,
    /// A deployment has to pass the acceptance tests: the containers that Score files
    /// name by the annotation `estiba.dev/acceptance`.
    #[serde(default)]
    pub acceptance: bool,
    /// The databases may be emptied, by `estiba reset`: never where people's data is.
    #[serde(default)]
    pub reset: bool,
    /// How many copies of a workload run; 1 where it is not named.
    #[serde(default)]
    #[schemars(schema_with = "replicas")]
    pub replicas: BTreeMap<Name, u32>,
    /// Values that workloads read through a resource of `type: environment`.
    /// Secrets do not belong here: `estiba secret set` keeps them.
    #[serde(default)]
    pub config: BTreeMap<String, ConfigValue>,
    /// How resources are provided, by their Score type. A setting whose name
    /// ends in `-from` names the secret that holds its value, for example
    /// `postgres: { url-from: PG_ADMIN_URL }`.
    #[serde(default)]
    pub resources: BTreeMap<String, BTreeMap<String, String>>,
    /// What is different here of the services outside, and those that this
    /// environment alone uses.
    #[serde(default)]
    #[schemars(schema_with = "by_name::<OutsideFile>")]
    pub outside: BTreeMap<Name, OutsideFile>,
}

/// The target of every workload, or of each one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum On {
    All(Name),
    Each(BTreeMap<Name, Name>),
}

/// A value of `config`: a text, or a number or truth value taken as text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ConfigValue {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl ConfigValue {
    /// The value as text; `written` is how the file has it, which for a version
    /// such as 1.10 is not how the number prints.
    pub fn into_text(self, written: &str) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(_) if written.parse::<f64>().is_ok() => written.to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

// The schemas below are written out where the derived ones say `anyOf`: an
// editor and a person get a better message from `type` and `propertyNames`.

impl JsonSchema for On {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "On".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The target that runs the workloads: its name, or a map from each workload to a target.",
            "type": ["string", "object"],
            "pattern": NAME_PATTERN,
            "propertyNames": { "pattern": NAME_PATTERN },
            "additionalProperties": name(generator),
        })
    }
}

impl JsonSchema for ConfigValue {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConfigValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl JsonSchema for TargetFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Target".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = kinds::ALL.iter().map(|kind| kind.name).collect();
        let branches: Vec<Value> = kinds::ALL
            .iter()
            .map(|kind| {
                let mut settings = (kind.schema)(generator);
                if let Some(Value::Object(properties)) = settings.get_mut("properties") {
                    properties.insert("kind".to_owned(), Value::Bool(true));
                }
                serde_json::json!({
                    "if": { "properties": { "kind": { "const": kind.name } } },
                    "then": settings,
                })
            })
            .collect();
        json_schema!({
            "description": "A container runtime and how to reach it.",
            "type": "object",
            "required": ["kind"],
            "properties": {
                "kind": { "description": "Which container runtime.", "type": "string", "enum": names },
            },
            "allOf": branches,
        })
    }
}

/// The rule of [`Name`], as JSON schema has it.
const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$";

pub(crate) fn name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": NAME_PATTERN })
}

pub(crate) fn by_name<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let value = generator.subschema_for::<T>();
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": NAME_PATTERN },
        "additionalProperties": value,
    })
}

/// A registry's host and path, without scheme or tag
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).
pub(crate) const REGISTRY_PATTERN: &str =
    "^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$";

fn registry(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": REGISTRY_PATTERN })
}

/// More copies than anyone means to run; a typing error otherwise starts them.
const MOST_REPLICAS: u32 = 100;

fn replicas(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = by_name::<u32>(generator);
    let count = serde_json::json!({ "type": "integer", "minimum": 0, "maximum": MOST_REPLICAS });
    schema.insert("additionalProperties".to_owned(), count);
    schema
}

fn environments(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = by_name::<EnvironmentFile>(generator);
    schema.insert("minProperties".to_owned(), 1.into());
    schema
}

/// The JSON schema of `estiba.yaml`, for editors. The repository keeps a copy
/// at `schema/estiba.schema.json`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(ProjectFile).to_value();
    drop_null_defaults(&mut schema);
    schema
}

/// What is not there has no value; `null` would even break the schema.
fn drop_null_defaults(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| key != "default" || !value.is_null());
            map.values_mut().for_each(drop_null_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null_defaults),
        _ => {}
    }
}

/// The schema that files are checked against: it leaves to `check::words` what
/// a person should read a better sentence about.
pub(crate) fn checking_schema() -> Value {
    let mut schema = schema();
    let left = [
        "/$defs/Target/properties/kind",
        "/$defs/Alert/properties/over",
        "/$defs/Alert/properties/pause",
        "/properties/registry",
        "/$defs/Logs/properties/to",
        "/$defs/Logs/properties/index",
    ];
    for left in left {
        if let Some(word) = schema.pointer_mut(left) {
            *word = serde_json::json!({ "type": "string" });
        }
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_pattern_of_names_is_the_rule_of_names(text in "[a-zA-Z0-9_-]{0,70}|[a-z0-9][a-z0-9-]{1,80}") {
            let pattern = regex::Regex::new(NAME_PATTERN).unwrap();
            prop_assert_eq!(pattern.is_match(&text), text.parse::<Name>().is_ok());
        }
    }
}
