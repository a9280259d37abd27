//! `estiba.yaml`.

use estiba_model::{Message, message};
use estiba_score::yaml::emit;
use serde_json::{Map, Value, json};

use super::comment;
use crate::Options;
use crate::draft::Draft;
use crate::link::Values;

/// The name of the only target.
const TARGET: &str = "local";

pub(super) fn text(draft: &Draft, values: &Values, paths: &[String], options: &Options) -> String {
    let team = draft.team.as_deref().unwrap_or(options.team.as_str());
    let mut environments = Map::new();
    let mut previous: Option<String> = None;
    for name in draft.environments() {
        let environment = environment(draft, values, &name, previous.as_deref());
        environments.insert(name.clone(), environment);
        previous = Some(name);
    }
    let value = json!({
        "project": options.project,
        "team": team,
        "workloads": paths,
        "targets": targets(draft),
        "environments": environments,
    });
    let head = message!(
        "Who ships what, and where. Written by `estiba import`; `estiba check` tells what is wrong.\nSecrets are not here: `estiba secret list --env ENVIRONMENT` shows their names.",
        "Quién entrega qué, y dónde. Lo escribió `estiba import`; `estiba check` dice qué tiene de malo.\nLos secretos no están aquí: `estiba secret list --env AMBIENTE` muestra sus nombres."
    );
    let mut head = head.text(options.lang).to_owned();
    if let Some(kind) = draft.made_for {
        let other = message!(
            "\n`on: {kind}` runs an environment where the source did: see docs/en/project-file.md.",
            "\n`on: {kind}` ejecuta un ambiente donde lo hacía el origen: vea docs/es/project-file.md."
        );
        head.push_str(other.text(options.lang));
    }
    let head = Message::verbatim(head);
    // A truth value to readers of YAML 1.1 alone, and this file has one reader.
    let text = emit(&value).replace("\n    \"on\": ", "\n    on: ");
    comment(&head, options.lang) + &text
}

/// This machine, and what the source was made for.
fn targets(draft: &Draft) -> Value {
    let mut targets = Map::new();
    targets.insert(TARGET.to_owned(), json!({ "kind": "local" }));
    if let Some(kind) = draft.made_for {
        targets.insert(kind.to_owned(), json!({ "kind": kind }));
    }
    targets.into()
}

fn environment(draft: &Draft, values: &Values, name: &str, previous: Option<&str>) -> Value {
    let mut environment = Map::new();
    environment.insert("on".to_owned(), TARGET.into());
    // What production gets has run somewhere before.
    if let Some(previous) = previous.filter(|_| name.starts_with("prod")) {
        environment.insert("after".to_owned(), previous.into());
    }
    let replicas: Map<String, Value> = draft
        .workloads
        .iter()
        .filter_map(|workload| {
            let own = workload.own_replicas.get(name).copied();
            let count = own.or(workload.replicas)?;
            (count != 1).then(|| (workload.name.to_string(), count.min(100).into()))
        })
        .collect();
    if !replicas.is_empty() {
        environment.insert("replicas".to_owned(), replicas.into());
    }
    let config: Map<String, Value> = values
        .config(name)
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    if !config.is_empty() {
        environment.insert("config".to_owned(), config.into());
    }
    environment.into()
}
