//! Objects with expressions of Helm's templates in place of values.

use estiba_target_kubernetes::manifests::label;
use serde_json::{Value, json};

use super::image_key;
use crate::Export;

/// Around an expression within a text; private use characters, which no object
/// has.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';
/// Around an expression that is a whole value, and writes its own quotes.
const OPEN_WHOLE: char = '\u{E002}';
const CLOSE_WHOLE: char = '\u{E003}';

/// An expression within a text.
pub(super) fn expression(code: &str) -> String {
    format!("{OPEN}{code}{CLOSE}")
}

/// An expression that is a whole value.
pub(super) fn whole(code: &str) -> String {
    format!("{OPEN_WHOLE}{code}{CLOSE_WHOLE}")
}

/// YAML with the marks of expressions as a template: braces of the text itself
/// stay braces.
pub(super) fn rendered(yaml: &str) -> String {
    let mut text = String::with_capacity(yaml.len());
    let mut rest = yaml;
    loop {
        let next = rest.find([OPEN, OPEN_WHOLE]);
        let plain = next.map_or(rest, |at| &rest[..at]);
        let is_whole = next.is_some_and(|at| rest[at..].starts_with(OPEN_WHOLE));
        let plain = if is_whole {
            plain.strip_suffix('"').unwrap_or(plain)
        } else {
            plain
        };
        // Helm writes these braces out.
        text.push_str(&plain.replace("{{", "{{ \"{{\" }}"));
        let Some(at) = next else { return text };
        let (open, close) = if is_whole {
            (OPEN_WHOLE, CLOSE_WHOLE)
        } else {
            (OPEN, CLOSE)
        };
        let inner = &rest[at + open.len_utf8()..];
        let Some((code, after)) = inner.split_once(close) else {
            return text;
        };
        // Written into a YAML text, the quotes of the code were escaped.
        let code = code.replace("\\\"", "\"");
        text.push_str(&format!("{{{{ {code} }}}}"));
        rest = if is_whole {
            after.strip_prefix('"').unwrap_or(after)
        } else {
            after
        };
    }
}

/// An object with its image, copies and host taken from values, and the
/// condition under which it is there.
pub(super) fn object(export: &Export, object: &Value) -> (Value, Option<String>) {
    let mut object = object.clone();
    if let Some(metadata) = object["metadata"].as_object_mut() {
        // The release's own namespace.
        metadata.shift_remove("namespace");
    }
    let workload = workload_of(&object);
    let mut condition = None;
    match object["kind"].as_str() {
        Some("Deployment") => {
            let code = format!("int (index .Values.replicas {workload:?})");
            object["spec"]["replicas"] = whole(&code).into();
            // Other values in clear have to reach pods that run.
            object["spec"]["template"]["metadata"]["annotations"]["checksum/config"] =
                whole(".Values.config | toJson | sha256sum | quote").into();
        }
        Some("Job") => job(export, &mut object, &workload),
        Some("Ingress") => {
            condition = Some(".Values.ingress.enabled".to_owned());
            ingress(&mut object, &workload);
        }
        Some("PodDisruptionBudget") => {
            condition = Some(format!("gt (int (index .Values.replicas {workload:?})) 1"));
        }
        _ => {}
    }
    for list in ["initContainers", "containers"] {
        let containers = object.pointer_mut(&format!("/spec/template/spec/{list}"));
        for container in containers
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let image = container["image"].as_str().unwrap_or_default().to_owned();
            let name = container["name"].as_str().unwrap_or_default();
            let key = image_key(export, &workload, name, &image);
            let separator = if image.contains('@') { '@' } else { ':' };
            let part = |part: &str| expression(&format!("(index .Values.images {key:?}).{part}"));
            let text = format!("{}{separator}{}", part("repository"), part("tag"));
            container["image"] = text.into();
        }
    }
    (object, condition)
}

/// A `Job` can't be changed, so it has another name for each migration. One that
/// holds nothing back by itself is a hook.
fn job(export: &Export, object: &mut Value, workload: &str) {
    let holds = object
        .pointer("/spec/template/spec/initContainers")
        .is_some();
    if holds && let Some(released) = export.workloads.get(workload) {
        let mark = expression(&super::migration(released));
        object["metadata"]["name"] = format!("{workload}-migrate-{mark}").into();
    } else {
        // Its volumes are part of the release: they are there only after.
        object["metadata"]["annotations"]["helm.sh/hook"] = "post-install,pre-upgrade".into();
        object["metadata"]["annotations"]["helm.sh/hook-delete-policy"] =
            "before-hook-creation".into();
    }
}

fn ingress(object: &mut Value, workload: &str) {
    let class = whole(".Values.ingress.className | quote");
    object["spec"]["ingressClassName"] = class.into();
    let rules = object
        .pointer_mut("/spec/rules")
        .and_then(Value::as_array_mut);
    for (number, rule) in rules.into_iter().flatten().enumerate() {
        if number == 0 {
            let host = whole(&format!("index .Values.ingress.hosts {workload:?} | quote"));
            rule["host"] = host.into();
        }
    }
    let hosts = object.pointer_mut("/spec/tls/0/hosts");
    if let Some(hosts) = hosts {
        let host = whole(&format!("index .Values.ingress.hosts {workload:?} | quote"));
        *hosts = json!([host]);
    }
}

/// The workload that an object belongs to.
fn workload_of(object: &Value) -> String {
    let labels = &object["metadata"]["labels"];
    let own = labels[label::WORKLOAD].as_str();
    own.or_else(|| object["metadata"]["name"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// Each container of an object, with the workload that it belongs to.
pub(super) fn each_container(object: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    let workload = workload_of(object);
    for list in ["initContainers", "containers"] {
        let containers = object.pointer(&format!("/spec/template/spec/{list}"));
        for container in containers.and_then(Value::as_array).into_iter().flatten() {
            visit(&workload, container);
        }
    }
}

#[cfg(test)]
mod tests;
