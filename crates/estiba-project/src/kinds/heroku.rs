//! Heroku: an app for each workload of an environment.

use estiba_model::{Message, Name, ProjectId, message};
use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{Kind, MAIL_SETTINGS, Mistake, provided};

pub(super) const HEROKU: Kind = Kind {
    name: "heroku",
    schema: settings,
    resources: &[
        provided("dns", &[]),
        provided("environment", &[]),
        provided("postgres", &["plan", "url"]),
        provided("route", &[]),
        provided("service-port", &[]),
        provided("smtp", MAIL_SETTINGS),
    ],
    capabilities: &[Capability::Postgres],
    newer: &[],
    place: |project, environment| format!("heroku/{project}/{environment}"),
    runtime: |settings| {
        let api = text(settings, "api").unwrap_or_default();
        format!("heroku:{}:{}", api.trim_end_matches('/'), pattern(settings))
    },
    network: "heroku",
    address: |_| None,
    gives_addresses: |_| true,
    needs_registry: false,
    mistakes,
    app: Some(app),
};

pub(super) const USUAL_PATTERNS: &[(&str, &str)] = &[("app", PATTERN)];

const PATTERN: &str = "{team}-{workload}-{environment}";
/// <https://github.com/heroku/platform-api/blob/main/schema.json>: `app.name`.
const LONGEST: usize = 30;

fn text<'s>(settings: &'s Map<String, Value>, key: &str) -> Option<&'s str> {
    settings.get(key).and_then(Value::as_str)
}

fn pattern(settings: &Map<String, Value>) -> &str {
    text(settings, "app").unwrap_or(PATTERN)
}

fn settings(_: &mut SchemaGenerator) -> Schema {
    let text = |description: &str| serde_json::json!({ "description": description, "type": "string", "minLength": 1 });
    json_schema!({
        "type": "object",
        "properties": {
            "app": text("The name of a workload's app, with {team}, {project}, {environment} and {workload}; by default {team}-{workload}-{environment}. At most 30 characters."),
            "size": text("The size of dynos, such as eco, basic or standard-1x; by default the smallest that has the memory of the workload's limits."),
            "team": text("The Heroku team that the apps belong to; by default they are yours."),
            "space": text("The private space in which apps are made."),
            "region": text("The region in which apps are made: us (Heroku's default), eu, ..."),
            "adopt": {
                "description": "Whether apps are taken over that run something which Estiba did not deploy.",
                "type": "boolean",
            },
            "api": text("The address of the Platform API; by default https://api.heroku.com."),
            "registry": text("The host of the container registry; by default registry.heroku.com."),
        },
        "additionalProperties": false,
    })
}

fn mistakes(settings: &Map<String, Value>) -> Vec<Mistake> {
    let pattern = pattern(settings);
    let same_app = (!pattern.contains("{environment}")).then(|| Mistake {
        key: "app",
        what: message!(
            "\"{pattern}\" is the same app for every environment",
            "«{pattern}» es la misma aplicación para todos los ambientes"
        ),
        hint: message!("put {{environment}} into it", "agregue {{environment}}"),
    });
    same_app.into_iter().chain(open_api(settings)).collect()
}

fn open_api(settings: &Map<String, Value>) -> Option<Mistake> {
    let api = text(settings, "api")?;
    let is_here = ["http://127.", "http://localhost", "http://[::1]"];
    let is_safe = api.starts_with("https://") || is_here.iter().any(|here| api.starts_with(here));
    (!is_safe).then(|| Mistake {
        key: "api",
        what: message!(
            "\"{api}\" would be sent your Heroku key in the clear",
            "a «{api}» se le enviaría su clave de Heroku sin cifrar"
        ),
        hint: message!(
            "write https://HOST; http is taken for this machine alone",
            "escriba https://HOST; http solo se acepta para esta máquina"
        ),
    })
}

/// The name of a workload's app, or why Heroku would not take it.
fn app(
    settings: &Map<String, Value>,
    project: &ProjectId,
    environment: &Name,
    workload: &Name,
) -> Result<String, Message> {
    let name = pattern(settings)
        .replace("{team}", project.team.as_str())
        .replace("{project}", project.project.as_str())
        .replace("{environment}", environment.as_str())
        .replace("{workload}", workload.as_str());
    let length = name.len();
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_fine = (3..=LONGEST).contains(&length)
        && name.bytes().all(is_word)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-');
    if is_fine {
        return Ok(name);
    }
    Err(message!(
        "\"{name}\" ({length} characters), for {workload} in {environment}, can't be the name of an app on Heroku",
        "«{name}» ({length} caracteres), de {workload} en {environment}, no puede ser el nombre de una aplicación en Heroku"
    ))
}
