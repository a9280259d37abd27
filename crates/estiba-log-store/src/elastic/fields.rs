//! Which fields lines have.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Failure;
use super::filter::Patterns;
use super::search::json_body;
use super::{Endpoint, Grant};
use crate::reads;

type Fields = BTreeMap<String, Vec<&'static str>>;

async fn known(endpoint: &Endpoint, grant: Grant) -> Result<Fields, Failure> {
    let scope = grant.read;
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
    Extension(grant): Extension<Grant>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Failure> {
    let body = json_body(&endpoint, &headers, body).await?;
    let mut patterns: Vec<_> = wanted
        .fields
        .iter()
        .flat_map(|names| names.split(','))
        .collect();
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
    for (name, kinds) in known(&endpoint, grant).await? {
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
    Ok(Json(json!({"indices": ["logs"], "fields": fields})))
}

pub(super) async fn mapping(
    endpoint: State<Endpoint>,
    grant: Extension<Grant>,
) -> Result<Json<Value>, Failure> {
    mapping_of(endpoint, grant, Path("logs".into())).await
}

/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/indices-get-mapping.html>
pub(super) async fn mapping_of(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Path(index): Path<String>,
) -> Result<Json<Value>, Failure> {
    let mut properties = json!({});
    for (name, kinds) in known(&endpoint, grant).await? {
        insert(
            &mut properties,
            &name,
            kinds.first().copied().unwrap_or("keyword"),
        );
    }
    Ok(Json(
        json!({index: {"mappings": {"properties": properties}}}),
    ))
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
