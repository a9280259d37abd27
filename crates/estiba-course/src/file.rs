//! `course.yaml` as people write it: the types that its JSON schema is made of.

use std::collections::BTreeMap;

use estiba_model::{Name, Role};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::Holder;

/// The teams of a course and what each of them gets. In texts, `{team}` stands for
/// the team's name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "course.yaml")]
pub(crate) struct CourseFile {
    /// The course's name.
    pub course: Name,
    /// The folder of the project that each team gets, relative to this file: one
    /// with an `estiba.yaml`, in which each team takes the place of `team`.
    #[serde(default)]
    pub project: Option<String>,
    /// What each workload uses, by name, while there is no `project` yet: for
    /// `estiba course size`.
    #[serde(default)]
    #[schemars(schema_with = "by_name::<WorkloadFile>")]
    pub workloads: BTreeMap<Name, WorkloadFile>,
    /// In place of `registry` of `estiba.yaml`.
    #[serde(default, rename = "registry")]
    #[schemars(with = "String")]
    _registry: Option<Value>,
    /// Put over `targets` of `estiba.yaml`: quotas, namespaces, pull secrets.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    pub targets: BTreeMap<Name, Value>,
    /// Put over `environments` of `estiba.yaml`.
    #[serde(default)]
    #[schemars(schema_with = "anything")]
    pub environments: IndexMap<Name, SketchedEnvironment>,
    /// The file that a team's keys and codes are written to; by default
    /// `keys/{team}.txt`.
    #[serde(default = "usual_keys")]
    pub keys: String,
    /// The tokens that each team gets, by a name of your own.
    #[serde(default)]
    #[schemars(schema_with = "by_name::<TokenFile>")]
    pub tokens: BTreeMap<Name, TokenFile>,
    /// Each member gets a code that links their account of the chat.
    #[serde(default)]
    pub chat: bool,
    /// The file with the secrets of an environment, a `NAME=VALUE` a line, such as
    /// `secrets/{team}.{environment}.env`. Those that are missing are set.
    #[serde(default)]
    pub secrets: Option<String>,
    /// What `estiba course size` reckons with.
    #[serde(default)]
    pub size: SizeFile,
    /// The teams.
    #[schemars(schema_with = "teams")]
    pub teams: IndexMap<Name, TeamFile>,
}

fn usual_keys() -> String {
    "keys/{team}.txt".to_owned()
}

/// A team.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Team")]
pub(crate) struct TeamFile {
    /// Who is in it: logins, and what each of them is.
    #[serde(default)]
    #[schemars(schema_with = "members")]
    pub members: BTreeMap<String, MemberRole>,
    /// The folder of its project, in place of that of the course.
    #[serde(default)]
    pub project: Option<String>,
    /// Environments that it does not have.
    #[serde(default)]
    pub without: Vec<Name>,
}

/// What a member of a team may be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MemberRole {
    /// Sees.
    Viewer,
    /// Does everything with the team's projects.
    Member,
    /// Decides who may do what, too.
    Admin,
}

impl From<MemberRole> for Role {
    fn from(role: MemberRole) -> Self {
        match role {
            MemberRole::Viewer => Self::Viewer,
            MemberRole::Member => Self::Member,
            MemberRole::Admin => Self::Admin,
        }
    }
}

/// A token.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Token")]
pub(crate) struct TokenFile {
    /// What it may at the most.
    #[schemars(schema_with = "token_role")]
    pub role: TokenRole,
    /// After how many days it ends.
    #[schemars(range(min = 1, max = 3650))]
    pub days: u32,
    /// Who it is for: the team's `machine` (the default), or each of its `members`.
    #[serde(default = "machine", rename = "for")]
    #[schemars(schema_with = "holder")]
    pub holder: Holder,
}

fn machine() -> Holder {
    Holder::Machine
}

/// What a token of a team may be.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TokenRole {
    /// Sees.
    Viewer,
    /// Ships.
    Pipeline,
    /// Does everything with the team's projects.
    Member,
}

impl From<TokenRole> for Role {
    fn from(role: TokenRole) -> Self {
        match role {
            TokenRole::Viewer => Self::Viewer,
            TokenRole::Pipeline => Self::Pipeline,
            TokenRole::Member => Self::Member,
        }
    }
}

/// What a course is reckoned with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Size")]
pub(crate) struct SizeFile {
    /// What there is to spend in a month, in the currency of the prices.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub budget: Option<f64>,
    /// The node of each target: its name in the file of prices.
    #[serde(default)]
    #[schemars(schema_with = "by_name::<String>")]
    pub nodes: BTreeMap<Name, String>,
    /// What a database is reckoned with, on targets where each has a server of its
    /// own.
    #[serde(default)]
    pub database: Option<AmountsFile>,
}

/// What a workload uses.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Workload")]
pub(crate) struct WorkloadFile {
    /// How many copies run; 1 where it is not said.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 100))]
    pub copies: u32,
    /// What a copy needs at the least.
    #[serde(default)]
    pub requests: AmountsFile,
    /// What a copy may use at the most.
    #[serde(default)]
    pub limits: AmountsFile,
    /// Whether it has a database.
    #[serde(default)]
    pub database: bool,
}

fn one() -> u32 {
    1
}

/// Amounts of CPU and memory, as Score has them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Amounts")]
pub(crate) struct AmountsFile {
    /// `2`, `0.25` or `250m`.
    #[serde(default)]
    #[schemars(schema_with = "cpu")]
    pub cpu: Option<Value>,
    /// `256Mi`, `1.5G`.
    #[serde(default)]
    #[schemars(schema_with = "memory")]
    pub memory: Option<Value>,
}

/// What of an environment a sketch needs. The rest is the project's to read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SketchedEnvironment {
    #[serde(default)]
    pub on: Value,
    #[serde(default)]
    pub replicas: BTreeMap<Name, u32>,
}

pub(crate) fn cpu(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number"], "pattern": "^([0-9]+(\\.[0-9]+)?|[0-9]+m)$" })
}

pub(crate) fn memory(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "number"],
        "pattern": "^[0-9]+(\\.[0-9]+)?(K|M|G|T|Ki|Mi|Gi|Ti)?$",
    })
}

// Written out where the derived ones say `oneOf` and `patternProperties`: an editor and
// a person get a better message from `enum` and `propertyNames`.

/// The rule of [`Name`], as JSON schema has it.
const NAME_PATTERN: &str = "^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$";

fn by_name<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    let value = generator.subschema_for::<T>();
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": NAME_PATTERN },
        "additionalProperties": value,
    })
}

fn teams(generator: &mut SchemaGenerator) -> Schema {
    let mut teams = by_name::<TeamFile>(generator);
    teams.insert("minProperties".to_owned(), 1.into());
    teams
}

fn members(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": { "minLength": 1, "maxLength": 200 },
        "additionalProperties": { "type": "string", "enum": ["viewer", "member", "admin"] },
    })
}

fn token_role(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["viewer", "pipeline", "member"] })
}

fn holder(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["machine", "members"] })
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    true.into()
}

/// The JSON schema of `course.yaml`, for editors. The repository keeps a copy at
/// `schema/course.schema.json`.
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(CourseFile).to_value();
    tidy(&mut schema);
    take_in(&mut schema, estiba_project::schema());
    schema
}

/// What is an `estiba.yaml`'s is as it is there, but that an environment need not
/// say again where it is.
fn take_in(schema: &mut Value, mut project: Value) {
    for part in ["targets", "environments"] {
        schema["properties"][part] = project["properties"][part].take();
    }
    if let Some(definitions) = project["$defs"].as_object_mut() {
        for (name, definition) in definitions {
            schema["$defs"][name.as_str()] = definition.take();
        }
    }
    if let Some(environment) = schema["$defs"]["Environment"].as_object_mut() {
        environment.shift_remove("required");
    }
    if let Some(environments) = schema["properties"]["environments"].as_object_mut() {
        environments.shift_remove("minProperties");
    }
}

/// What is not there has no value, and names are told by the rule of their keys.
pub(crate) fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|key, value| key != "default" || !value.is_null());
            map.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}
