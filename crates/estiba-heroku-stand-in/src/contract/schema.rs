//! Heroku's public hyper-schema: which requests there are, and what they carry.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

const PUBLISHED: &str = include_str!("../../schema/platform-api.json");
const ADDITIONS: &str = include_str!("../../schema/additions.json");

/// A kind of request.
#[derive(Debug)]
pub(super) struct Link {
    method: String,
    /// Segments of its path; none stands for any.
    path: Vec<Option<String>>,
    pub(super) title: String,
    pub(super) request: Option<Value>,
    pub(super) answer: Option<Value>,
}

/// The schema and what of it has been needed so far.
#[derive(Debug)]
pub(super) struct Schema {
    links: Vec<Link>,
    strict: Value,
    lax: Value,
    validators: Mutex<HashMap<(bool, String), Arc<Validator>>>,
}

impl Schema {
    pub(super) fn read() -> Result<Self> {
        let mut whole: Value = serde_json::from_str(PUBLISHED)?;
        let additions: Vec<Value> = serde_json::from_str(ADDITIONS)?;
        for addition in &additions {
            add(&mut whole, addition)?;
        }
        let links = links(&whole);
        let mut lax = whole.clone();
        make_strict(&mut whole);
        open(&mut lax);
        Ok(Self {
            links,
            strict: whole["definitions"].take(),
            lax: lax["definitions"].take(),
            validators: Mutex::default(),
        })
    }

    /// The kinds of request that a method and a path may be.
    pub(super) fn find(&self, method: &str, path: &str) -> Vec<&Link> {
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        let fits = |link: &&Link| {
            link.method == method
                && link.path.len() == parts.len()
                && link
                    .path
                    .iter()
                    .zip(&parts)
                    .all(|(wanted, part)| wanted.as_ref().is_none_or(|wanted| wanted == part))
        };
        let mut found: Vec<_> = self.links.iter().filter(fits).collect();
        // `/teams/apps` is no team of that name.
        let named = |link: &Link| link.path.iter().flatten().count();
        let most = found.iter().map(|link| named(link)).max();
        found.retain(|link| Some(named(link)) == most);
        found
    }

    /// What is wrong with a value. `lax`: it may have more than the schema knows.
    pub(super) fn check(&self, schema: &Value, lax: bool, value: &Value) -> Vec<String> {
        match self.validator(schema, lax) {
            Err(error) => vec![format!("the schema can't be used: {error:#}")],
            Ok(validator) => validator
                .iter_errors(value)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect(),
        }
    }

    fn validator(&self, schema: &Value, lax: bool) -> Result<Arc<Validator>> {
        let key = (lax, schema.to_string());
        let mut known = self
            .validators
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(validator) = known.get(&key) {
            return Ok(Arc::clone(validator));
        }
        let mut schema = schema.clone();
        if lax {
            open(&mut schema);
        } else {
            make_strict(&mut schema);
        }
        let definitions = if lax { &self.lax } else { &self.strict };
        let whole = json!({ "allOf": [schema], "definitions": definitions });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft7)
            .should_validate_formats(true)
            .build(&whole)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let validator = Arc::new(validator);
        known.insert(key, Arc::clone(&validator));
        Ok(validator)
    }
}

/// Puts one of our additions where it belongs.
fn add(whole: &mut Value, addition: &Value) -> Result<()> {
    let at = addition["at"].as_str().context("an addition says where")?;
    let place = whole
        .pointer_mut(at)
        .with_context(|| format!("there is no {at}"))?;
    let place = place
        .as_object_mut()
        .with_context(|| format!("{at} is no object"))?;
    let merged = addition["merge"]
        .as_object()
        .context("an addition says what")?;
    place.extend(merged.clone());
    Ok(())
}

fn links(whole: &Value) -> Vec<Link> {
    let definitions = whole["definitions"].as_object().into_iter().flatten();
    let of = |definition: &Value| definition["links"].as_array().cloned().unwrap_or_default();
    definitions
        .flat_map(|(_, definition)| of(definition))
        .filter_map(|link| {
            let href = link["href"].as_str()?;
            let segment = |part: &str| (!part.starts_with('{')).then(|| part.to_owned());
            Some(Link {
                method: link["method"].as_str()?.to_owned(),
                path: href.trim_matches('/').split('/').map(segment).collect(),
                title: link["title"].as_str().unwrap_or_default().to_owned(),
                request: link.get("schema").cloned(),
                answer: link.get("targetSchema").cloned(),
            })
        })
        .collect()
}

/// `strictProperties` is a word of Heroku's tools: all properties, and no others.
fn make_strict(value: &mut Value) {
    walk(value, &mut |object| {
        if object.get("strictProperties") == Some(&json!(true)) {
            let names = object.get("properties").and_then(Value::as_object);
            let names: Vec<_> = names
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect();
            if !names.is_empty() {
                object.insert("required".to_owned(), json!(names));
                object.insert("additionalProperties".to_owned(), json!(false));
            }
        }
    });
}

/// Lets objects have more properties than those that are named.
fn open(value: &mut Value) {
    walk(value, &mut |object| {
        object.shift_remove("additionalProperties");
    });
}

fn walk(value: &mut Value, change: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|one| walk(one, change));
        }
        Value::Array(list) => list.iter_mut().for_each(|one| walk(one, change)),
        _ => {}
    }
}
