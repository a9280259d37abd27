//! Which fields lines have.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Failure;
use super::asking::Asking;
use super::filter::{Filter, Patterns};
use super::{Endpoint, Grant};
use crate::{Scope, reads};

type Fields = BTreeMap<String, Vec<&'static str>>;

async fn known(endpoint: &Endpoint, scope: Scope) -> Result<Fields, Failure> {
    let read = endpoint
        .store
        .read(move |shared| reads::fields(shared, &scope));
    Ok(read.await?)
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    fields: Option<String>,
}

/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/search-field-caps.html>
pub(super) async fn capabilities(
    State(endpoint): State<Endpoint>,
    asking: Asking<Wanted>,
) -> Result<Json<Value>, Failure> {
    let body = asking.body()?;
    let named = asking.asked.fields.iter();
    let mut patterns: Vec<_> = named.flat_map(|names| names.split(',')).collect();
    match &body["fields"] {
        Value::String(name) => patterns.push(name),
        Value::Array(list) => patterns.extend(list.iter().filter_map(Value::as_str)),
        _ => {}
    }
    if patterns.is_empty() {
        patterns.push("*");
    }
    let patterns = patterns.into_iter().map(str::to_owned).collect();
    let patterns = Patterns::read("fields", patterns)?;
    let mut fields = json!({});
    for (name, kinds) in known(&endpoint, asking.scope).await? {
        if patterns.name(&name) {
            for kind in kinds {
                fields[&name][kind] = json!({
                    "type": kind,
                    "metadata_field": false,
                    "searchable": true,
                    "aggregatable": kind != "text",
                });
            }
        }
    }
    let answer = json!({"indices": ["logs"], "fields": fields});
    Ok(Json(asking.filter.leave(answer)))
}

/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/indices-get-mapping.html>
pub(super) async fn mapping(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    index: Option<Path<String>>,
    filter: Filter,
) -> Result<Json<Value>, Failure> {
    let index = index.map_or_else(|| "logs".to_owned(), |Path(index)| index);
    let mut properties = json!({});
    for (name, kinds) in known(&endpoint, grant.read).await? {
        insert(
            &mut properties,
            &name,
            kinds.first().copied().unwrap_or("keyword"),
        );
    }
    let answer = json!({index: {"mappings": {"properties": properties}}});
    Ok(Json(filter.leave(answer)))
}

/// Dots are levels. A name that is a value and a level is only a level here.
fn insert(properties: &mut Value, name: &str, kind: &str) {
    match name.split_once('.') {
        Some((first, rest)) => insert(&mut properties[first]["properties"], rest, kind),
        None if properties[name]["properties"].is_null() => {
            properties[name] = json!({"type": kind});
        }
        None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_levels() {
        let mut properties = json!({});
        for (name, kind) in [("a", "long"), ("http", "keyword"), ("http.status", "long")] {
            insert(&mut properties, name, kind);
        }
        assert_eq!(properties["a"], json!({"type": "long"}));
        assert_eq!(
            properties["http"]["properties"]["status"],
            json!({"type": "long"})
        );
    }
}
