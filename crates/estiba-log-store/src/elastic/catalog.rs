//! What clients ask about the cluster, its indices and its set-up.
//!
//! There is one index of all lines, always ready. Set-up that shippers want to make
//! is acknowledged and changes nothing: nothing has to be set up.

use axum::Json;
use axum::extract::{Extension, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use estiba_model::message;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Failure;
use super::filter::{Filter, like};
use super::{Endpoint, Grant};

/// One and the same for as long as it runs; clients only compare it.
const CLUSTER_ID: &str = "estiba0000000000000000";

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    format: Option<String>,
    v: Option<String>,
}

pub(super) async fn root(State(endpoint): State<Endpoint>, filter: Filter) -> Json<Value> {
    let answer = json!({
        "name": "estiba",
        "cluster_name": "estiba",
        "cluster_uuid": CLUSTER_ID,
        "version": {
            "number": endpoint.settings.version,
            "build_flavor": "default",
            "build_type": "docker",
            "build_hash": "0000000000000000000000000000000000000000",
            "build_date": "2025-01-01T00:00:00.000Z",
            "build_snapshot": false,
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    });
    Json(filter.leave(answer))
}

pub(super) async fn license() -> Json<Value> {
    Json(json!({"license": {
        "status": "active",
        "uid": "00000000-0000-0000-0000-000000000000",
        "type": "basic",
        "mode": "basic",
        "issue_date": "2025-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_735_689_600_000_u64,
        "max_nodes": 1000,
        "issued_to": "estiba",
        "issuer": "estiba",
        "start_date_in_millis": -1,
    }}))
}

/// Filebeat 7 asks here whether it may set up lifecycles.
pub(super) async fn xpack() -> Json<Value> {
    Json(json!({
        "build": {"hash": "0", "date": "2025-01-01T00:00:00.000Z"},
        "license": {"uid": "0", "type": "basic", "mode": "basic", "status": "active"},
        "features": {"ilm": {"available": true, "enabled": true}},
        "tagline": "You know, for X",
    }))
}

pub(super) async fn cluster_health(filter: Filter) -> Json<Value> {
    let answer = json!({
        "cluster_name": "estiba",
        "status": "green",
        "timed_out": false,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": 1,
        "active_shards": 1,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    });
    Json(filter.leave(answer))
}

pub(super) async fn cat_health(Query(asked): Query<Asked>) -> Response {
    let now = jiff::Timestamp::now();
    let row = [
        ("epoch", now.as_second().to_string()),
        ("timestamp", now.strftime("%H:%M:%S").to_string()),
        ("cluster", "estiba".into()),
        ("status", "green".into()),
        ("node.total", "1".into()),
        ("node.data", "1".into()),
        ("shards", "1".into()),
        ("pri", "1".into()),
        ("active_shards_percent", "100.0%".into()),
    ];
    table(&asked, &[row])
}

pub(super) async fn cat_indices(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Query(asked): Query<Asked>,
) -> Response {
    let stored = endpoint.store.environments(&grant.read).into_iter();
    let rows: Vec<_> = stored
        .map(|stored| {
            let name = stored.environment.to_string().replace('/', "-");
            [
                ("health", "green".to_owned()),
                ("status", "open".into()),
                ("index", format!("logs-{name}")),
                ("uuid", "-".into()),
                ("pri", "1".into()),
                ("rep", "0".into()),
                ("docs.count", stored.lines.to_string()),
                ("docs.deleted", "0".into()),
                ("store.size", format!("{}b", stored.bytes)),
                ("pri.store.size", format!("{}b", stored.bytes)),
            ]
        })
        .collect();
    table(&asked, &rows)
}

/// Rows as a text with columns, or as JSON.
fn table<const N: usize>(asked: &Asked, rows: &[[(&str, String); N]]) -> Response {
    if asked.format.as_deref() == Some("json") {
        let rows = rows.iter().map(|row| {
            let cells = row
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_str().into()));
            Value::Object(cells.collect())
        });
        return Json(Value::Array(rows.collect())).into_response();
    }
    let mut text = String::new();
    let heads = rows.first().filter(|_| asked.v.is_some());
    let heads = heads.map(|row| row.each_ref().map(|(name, _)| *name).join(" "));
    for line in heads.into_iter().chain(
        rows.iter()
            .map(|row| row.each_ref().map(|(_, value)| value.as_str()).join(" ")),
    ) {
        text.push_str(&line);
        text.push('\n');
    }
    ([(header::CONTENT_TYPE, "text/plain; charset=UTF-8")], text).into_response()
}

/// Who sniffs replaces its addresses by those of the nodes. Where there are none, Logstash
/// keeps what it has; a node without one would leave it with none at all.
pub(super) async fn nodes_to_reach() -> Json<Value> {
    Json(json!({
        "_nodes": {"total": 0, "successful": 0, "failed": 0},
        "cluster_name": "estiba",
        "nodes": {},
    }))
}

pub(super) async fn nodes(State(endpoint): State<Endpoint>) -> Json<Value> {
    Json(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": "estiba",
        "nodes": {"estiba": {
            "name": "estiba",
            "version": endpoint.settings.version,
            "roles": ["data", "ingest", "master"],
            // Filebeat's modules ask for them. Nothing is parsed here.
            "ingest": {"processors": [{"type": "user_agent"}, {"type": "geoip"}]},
        }},
    }))
}

pub(super) async fn nothing() -> Json<Value> {
    Json(json!({"persistent": {}, "transient": {}}))
}

pub(super) async fn acknowledge() -> Json<Value> {
    Json(json!({"acknowledged": true}))
}

pub(super) async fn named(Path(name): Path<String>) -> Json<Value> {
    Json(json!({name: {}}))
}

pub(super) async fn ilm_policy(Path(name): Path<String>) -> Json<Value> {
    let policy = json!({"version": 1, "policy": {"phases": {}}});
    Json(json!({name: policy}))
}

pub(super) async fn index_template(Path(name): Path<String>) -> Json<Value> {
    let template = json!({"index_patterns": [format!("{name}*")], "data_stream": {}});
    Json(json!({"index_templates": [{"name": name, "index_template": template}]}))
}

pub(super) async fn component_template(Path(name): Path<String>) -> Json<Value> {
    let template = json!({"template": {}});
    Json(json!({"component_templates": [{"name": name, "component_template": template}]}))
}

pub(super) async fn data_stream(Path(name): Path<String>) -> Json<Value> {
    Json(json!({"data_streams": [{
        "name": name,
        "timestamp_field": {"name": "@timestamp"},
        "indices": [],
        "generation": 1,
        "status": "GREEN",
    }]}))
}

pub(super) async fn alias(Path(name): Path<String>) -> Json<Value> {
    Json(json!({"logs": {"aliases": {name: {}}}}))
}

pub(super) async fn resolve(Path(name): Path<String>) -> Json<Value> {
    let shown = if like(&name, "logs") { "logs" } else { &name };
    let index = json!({"name": shown, "attributes": ["open"]});
    Json(json!({"indices": [index], "aliases": [], "data_streams": []}))
}

pub(super) async fn index(Path(name): Path<String>, request: Request) -> Response {
    if is_of_elastic(&name) {
        return unknown(request).await;
    }
    Json(json!({name: {"aliases": {}, "mappings": {}, "settings": {}}})).into_response()
}

pub(super) async fn index_made(Path(name): Path<String>, request: Request) -> Response {
    if is_of_elastic(&name) {
        return unknown(request).await;
    }
    Json(json!({"acknowledged": true, "shards_acknowledged": true, "index": name})).into_response()
}

/// No index may be called so: it is something that Elasticsearch has, and this store has not.
fn is_of_elastic(name: &str) -> bool {
    name.starts_with('_')
}

/// Lines are found as soon as they can be.
pub(super) async fn refreshed() -> Json<Value> {
    Json(json!({"_shards": super::search::shards()}))
}

pub(super) async fn unknown(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    Failure::new(
        StatusCode::BAD_REQUEST,
        "illegal_argument_exception",
        &message!(
            "{method} {path} is not supported by this log store",
            "{method} {path} no está soportado por este almacén de logs"
        ),
    )
    .into_response()
}
