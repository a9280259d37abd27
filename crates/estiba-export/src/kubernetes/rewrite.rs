//! From objects that hold values to objects that refer to them: a person fills
//! in the secrets, and reads the rest.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::Name;
use serde_json::{Map, Value, json};

use super::build::Values;
use crate::parts::Part;

/// Where values are in the cluster.
pub(crate) struct Stores {
    /// The ConfigMap with values in clear.
    pub config: String,
    /// The Secret to fill in.
    pub secrets: String,
}

/// What the containers of some objects refer to.
#[derive(Debug, Default)]
pub(crate) struct Referred {
    pub config: BTreeSet<String>,
    pub secrets: BTreeSet<String>,
}

impl Stores {
    /// Has the pod of a `Deployment` or `Job` refer to values; gives the files
    /// that the object named `values` is to have, by key.
    pub fn pod(
        &self,
        object: &mut Value,
        values: &[Values],
        referred: &mut Referred,
    ) -> BTreeMap<String, Vec<Part>> {
        let mut files = BTreeMap::new();
        for list in ["initContainers", "containers"] {
            let containers = object.pointer_mut(&format!("/spec/template/spec/{list}"));
            let Some(Value::Array(containers)) = containers else {
                continue;
            };
            for container in containers {
                let name = container["name"].as_str().unwrap_or_default().to_owned();
                let own = values.iter().find(|own| own.container.as_str() == name);
                let Some(own) = own else { continue };
                container["image"] = own.image.as_str().into();
                let kept = container["env"].take();
                container["env"] = self.variables(kept, own, referred).into();
                for (index, parts) in own.files.iter().enumerate() {
                    files.insert(file_key(&own.container, index), parts.clone());
                }
            }
        }
        files
    }

    /// Values that texts refer to come first; then the texts, and what Estiba
    /// gives, which is kept.
    fn variables(&self, kept: Value, own: &Values, referred: &mut Referred) -> Vec<Value> {
        let mut names: BTreeMap<String, Part> = BTreeMap::new();
        for (variable, parts) in &own.variables {
            for part in parts {
                let (Part::Config(name) | Part::Secret(name)) = part else {
                    continue;
                };
                match part {
                    Part::Config(_) => referred.config.insert(name.clone()),
                    _ => referred.secrets.insert(name.clone()),
                };
                if alone(parts) != Some(name) || variable != name {
                    names.insert(name.clone(), part.clone());
                }
            }
        }
        // A variable that is a value under another name needs none beside it.
        let whole: BTreeMap<&String, &Part> = own
            .variables
            .iter()
            .filter_map(|(name, parts)| {
                alone(parts)?;
                Some((name, parts.first()?))
            })
            .collect();
        let within = |name: &String| {
            let mut texts = own
                .variables
                .values()
                .filter(|parts| alone(parts).is_none());
            texts.any(|parts| parts.iter().any(|part| named(part) == Some(name)))
        };
        let mut variables = Vec::new();
        for (name, part) in &names {
            if within(name) && whole.get(name).is_none_or(|whole| *whole != part) {
                variables.push(self.reference(&self.helper(name, own), part));
            }
        }
        for (name, part) in &whole {
            variables.push(self.reference(name, part));
        }
        for (name, parts) in &own.variables {
            if whole.contains_key(name) {
                continue;
            }
            let text: String = parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.replace("$(", "$$("),
                    Part::Config(value) | Part::Secret(value) => {
                        let same = whole.get(value).is_some_and(|whole| *whole == part);
                        let helper = if same {
                            value.clone()
                        } else {
                            self.helper(value, own)
                        };
                        format!("$({helper})")
                    }
                })
                .collect();
            variables.push(json!({ "name": name, "value": text }));
        }
        let Value::Array(kept) = kept else {
            return variables;
        };
        for variable in kept {
            let name = variable["name"].as_str().unwrap_or_default();
            let rewritten = own.variables.contains_key(name);
            let by_estiba = variable.pointer("/valueFrom/secretKeyRef").is_none();
            if by_estiba {
                // As with Estiba, what it gives wins.
                variables.retain(|known| known["name"] != name);
            }
            if by_estiba || !rewritten {
                variables.push(variable);
            }
        }
        variables
    }

    /// The variable that holds a value for texts around it.
    fn helper(&self, name: &str, own: &Values) -> String {
        if own.variables.contains_key(name) {
            format!("VALUE_{name}")
        } else {
            name.to_owned()
        }
    }

    fn reference(&self, variable: &str, part: &Part) -> Value {
        let (kind, store, key) = match part {
            Part::Config(key) => ("configMapKeyRef", &self.config, key),
            Part::Secret(key) => ("secretKeyRef", &self.secrets, key),
            Part::Text(text) => return json!({ "name": variable, "value": text }),
        };
        json!({ "name": variable, "valueFrom": { kind: { "name": store, "key": key } } })
    }

    /// Has whatever reads `key` of the secret `from` read `to` of the one that is
    /// filled in.
    pub fn redirect(&self, object: &mut Value, from: &str, key: &str, to: &str) {
        match object {
            Value::Object(map) => {
                let reference = map.get_mut("secretKeyRef");
                if let Some(reference) = reference
                    && reference["name"] == from
                    && reference["key"] == key
                {
                    *reference = json!({ "name": self.secrets, "key": to });
                    return;
                }
                map.values_mut()
                    .for_each(|value| self.redirect(value, from, key, to));
            }
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.redirect(item, from, key, to)),
            _ => {}
        }
    }
}

/// The value that a text is and nothing more.
fn alone(parts: &[Part]) -> Option<&String> {
    match parts {
        [part] => named(part),
        _ => None,
    }
}

fn named(part: &Part) -> Option<&String> {
    match part {
        Part::Config(name) | Part::Secret(name) => Some(name),
        Part::Text(_) => None,
    }
}

/// The key of a file in the object with a workload's values, as the target
/// names it.
fn file_key(container: &Name, index: usize) -> String {
    format!("{container}.file.{index}")
}

/// Leaves only files in the object with a workload's values, as texts;
/// `None` where there are none.
pub(crate) fn files_only(
    mut object: Value,
    files: &BTreeMap<String, Vec<Part>>,
    text_of: &dyn Fn(&Part) -> String,
) -> Option<Value> {
    if files.is_empty() {
        return None;
    }
    let mut texts = Map::new();
    let mut bytes = Map::new();
    for (key, parts) in files {
        match parts.as_slice() {
            // Bytes are there already.
            [] => {
                let value = object.pointer(&format!("/data/{key}")).cloned();
                bytes.insert(key.clone(), value.unwrap_or_default());
            }
            parts => {
                let text: String = parts.iter().map(text_of).collect();
                texts.insert(key.clone(), text.into());
            }
        }
    }
    let map = object.as_object_mut()?;
    map.shift_remove("data");
    if !bytes.is_empty() {
        map.insert("data".to_owned(), bytes.into());
    }
    if !texts.is_empty() {
        map.insert("stringData".to_owned(), texts.into());
    }
    Some(object)
}
