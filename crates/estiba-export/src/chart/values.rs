//! `values.yaml` and its schema.

use estiba_model::{Name, message};
use estiba_score::yaml::emit;
use serde_json::{Map, Value, json};

use super::images;
use crate::Export;
use crate::kubernetes::Objects;
use crate::source::comment;

/// The class of ingress where nothing says another.
const INGRESS_CLASS: &str = "nginx";

pub(super) fn values(export: &Export, objects: &Objects) -> String {
    let parts = [
        (
            message!(
                "The image of each workload.",
                "La imagen de cada componente."
            ),
            json!({ "images": images(export, objects) }),
        ),
        (
            message!(
                "How many copies of each workload run.",
                "Cuántas copias de cada componente corren."
            ),
            json!({ "replicas": replicas(export) }),
        ),
        (
            message!("Values in clear.", "Valores a la vista."),
            json!({ "config": config(export, objects) }),
        ),
        (
            message!(
                "Secrets: give them in a file of your own (`-f secrets.yaml`), not here.",
                "Secretos: délos en un archivo propio (`-f secrets.yaml`), no aquí."
            ),
            json!({ "secrets": secrets(objects), "existingSecret": "" }),
        ),
        (
            message!(
                "How workloads are reached from outside of the cluster.",
                "Cómo se llega a los componentes desde fuera del clúster."
            ),
            json!({ "ingress": ingress(objects) }),
        ),
    ];
    let parts = parts.iter().map(|(about, value)| {
        let about = comment(about, export.explain.unwrap_or(export.lang));
        about + &emit(value)
    });
    parts.collect::<Vec<_>>().join("\n")
}

fn replicas(export: &Export) -> Map<String, Value> {
    let copies = |name: &Name| export.replicas.get(name).copied().unwrap_or(1);
    let names = export.workloads.keys();
    names
        .map(|name| (name.to_string(), copies(name).into()))
        .collect()
}

fn config(export: &Export, objects: &Objects) -> Map<String, Value> {
    let names = objects.referred.config.iter();
    names
        .filter_map(|name| Some((name.clone(), export.config.get(name)?.clone().into())))
        .collect()
}

fn secrets(objects: &Objects) -> Map<String, Value> {
    let names = objects.referred.secrets.iter();
    names.map(|name| (name.clone(), "".into())).collect()
}

fn ingress(objects: &Objects) -> Value {
    let mut hosts = Map::new();
    let mut class = INGRESS_CLASS.to_owned();
    for object in objects.groups.iter().flat_map(|group| &group.objects) {
        if object["kind"] != "Ingress" {
            continue;
        }
        if let Some(own) = object["spec"]["ingressClassName"].as_str() {
            class = own.to_owned();
        }
        let host = object.pointer("/spec/rules/0/host").cloned();
        let labels = &object["metadata"]["labels"];
        let workload = labels[estiba_target_kubernetes::manifests::label::WORKLOAD].as_str();
        if let (Some(workload), Some(host)) = (workload, host) {
            hosts.insert(workload.to_owned(), host);
        }
    }
    json!({ "enabled": !hosts.is_empty(), "className": class, "hosts": hosts })
}

/// The JSON schema of the values, which Helm checks before anything is done
/// (<https://helm.sh/docs/topics/charts/#schema-files>).
pub(super) fn schema(export: &Export, objects: &Objects) -> Value {
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let fixed = |names: Vec<String>, of: &Value| {
        let names = names.into_iter().map(|name| (name, of.clone()));
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": names.collect::<Map<_, _>>(),
        })
    };
    let image = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["repository", "tag"],
        "properties": {
            "repository": { "type": "string", "minLength": 1 },
            "tag": { "type": "string", "minLength": 1 },
        },
    });
    let keys = |map: Map<String, Value>| map.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let count = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
    let value = json!({ "type": ["string", "number", "boolean"] });
    let text = json!({ "type": "string" });
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            // What Helm gives to every chart within another.
            "global": { "type": "object" },
            "images": fixed(keys(images(export, objects)), &image),
            "replicas": fixed(keys(replicas(export)), &count),
            "config": fixed(objects.referred.config.iter().cloned().collect(), &value),
            "secrets": fixed(objects.referred.secrets.iter().cloned().collect(), &text),
            "existingSecret": { "type": "string" },
            "ingress": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                    "enabled": { "type": "boolean" },
                    "className": { "type": "string" },
                    "hosts": texts,
                },
            },
        },
    })
}
