//! Reading lines.

use std::time::Instant;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use estiba_logs::{Field, parse_time};
use estiba_model::message;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{Failure, filtered, like};
use super::body::{self, Packing};
use super::dsl::{self, text_of, unsupported};
use super::{Endpoint, Grant, aggregations};
use crate::{Cursor, Found, Order, Scope, Search, Selection, reads};

/// Longer requests are refused, in bytes.
const LONGEST: usize = 1 << 20;
/// The most searches of one `_msearch`.
const MOST_SEARCHES: usize = 100;

/// What may be in the query of the URL.
#[derive(Debug, Default, Clone, Deserialize)]
pub(super) struct Asked {
    q: Option<String>,
    default_operator: Option<String>,
    size: Option<usize>,
    from: Option<usize>,
    sort: Option<String>,
    filter_path: Option<String>,
}

pub(super) async fn search(
    state: State<Endpoint>,
    grant: Extension<Grant>,
    asked: Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    search_in(state, grant, Path("logs".to_owned()), asked, headers, body).await
}

pub(super) async fn search_in(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Path(index): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body = json_body(&headers, body).await?;
    let request = Request::read(&body, &asked)?;
    let answer = request
        .answer(&endpoint, &grant.read, &shown_index(&index))
        .await?;
    Ok(Json(filtered(answer, asked.filter_path.as_deref())).into_response())
}

/// Pairs of a head, which names an index, and a search, each a line.
pub(super) async fn many(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let started = Instant::now();
    let packing = Packing::of(&headers)?;
    let text = packing.whole(&body::read(body, LONGEST).await?, LONGEST)?;
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
        .collect();
    if lines.len() > 2 * MOST_SEARCHES {
        return Err(unsupported("_msearch", &format!("> {MOST_SEARCHES}")));
    }
    let mut responses = Vec::new();
    for pair in lines.chunks(2) {
        let one = one_of_many(&endpoint, &grant.read, pair).await;
        responses.push(match one {
            Ok(mut answer) => {
                answer["status"] = 200.into();
                answer
            }
            Err(failure) => failure.body(),
        });
    }
    let took = millis(started);
    let answer = json!({"took": took, "responses": responses});
    Ok(Json(filtered(answer, asked.filter_path.as_deref())).into_response())
}

async fn one_of_many(endpoint: &Endpoint, scope: &Scope, pair: &[&[u8]]) -> Result<Value, Failure> {
    let read = |text: &[u8]| serde_json::from_slice::<Value>(text).map_err(|error| no_json(&error));
    let [head, search] = pair else {
        return Err(unsupported("_msearch", "an odd number of lines"));
    };
    let head = read(head)?;
    let index = match &head["index"] {
        Value::Array(list) if list.len() == 1 => text_of(&list[0]),
        Value::String(name) => name.clone(),
        _ => "logs".into(),
    };
    let request = Request::read(&read(search)?, &Asked::default())?;
    request.answer(endpoint, scope, &shown_index(&index)).await
}

pub(super) async fn count(
    State(endpoint): State<Endpoint>,
    Extension(grant): Extension<Grant>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body = json_body(&headers, body).await?;
    let request = Request::read(&body, &asked)?;
    let count = endpoint
        .store
        .count(&grant.read, request.selection())
        .await?;
    let answer = json!({"count": count, "_shards": shards()});
    Ok(Json(filtered(answer, asked.filter_path.as_deref())).into_response())
}

pub(super) async fn json_body(headers: &HeaderMap, body: Body) -> Result<Value, Failure> {
    let packing = Packing::of(headers)?;
    let text = packing.whole(&body::read(body, LONGEST).await?, LONGEST)?;
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    serde_json::from_slice(&text).map_err(|error| no_json(&error))
}

fn no_json(error: &serde_json::Error) -> Failure {
    Failure::wrong(&message!(
        "the body is no JSON: {error}",
        "el cuerpo no es JSON: {error}"
    ))
}

/// The name that hits have: the one that was asked for, or `logs` where it was many.
fn shown_index(asked: &str) -> String {
    let many = asked.contains(['*', ',']) || asked == "_all" || asked.is_empty();
    if many {
        "logs".into()
    } else {
        asked.to_owned()
    }
}

struct Request {
    query: estiba_logs::Query,
    order: Order,
    size: usize,
    from: usize,
    after: Option<Cursor>,
    total: bool,
    source: Source,
    fields: Vec<String>,
    aggregations: Option<Value>,
}

/// Which parts of a document are answered.
enum Source {
    All,
    None,
    Some {
        includes: Vec<String>,
        excludes: Vec<String>,
    },
}

impl Request {
    fn read(body: &Value, asked: &Asked) -> Result<Self, Failure> {
        let mut request = Self {
            query: estiba_logs::Query::all(),
            order: Order::NewestFirst,
            size: asked.size.unwrap_or(10),
            from: asked.from.unwrap_or(0),
            after: None,
            total: true,
            source: Source::All,
            fields: Vec::new(),
            aggregations: None,
        };
        let mut after = None;
        for (name, value) in dsl::object(body, "search")? {
            match name.as_str() {
                "query" => request.query = dsl::query(value, Timestamp::now())?,
                "size" => request.size = count_of(name, value)?,
                "from" => request.from = count_of(name, value)?,
                "sort" => request.order = order(value)?,
                "search_after" => after = Some(value),
                "track_total_hits" => request.total = value != &Value::Bool(false),
                "_source" => request.source = source(value)?,
                "fields" | "docvalue_fields" => request.fields.extend(field_names(value)),
                "aggs" | "aggregations" => {
                    let read = aggregations::request(value)?;
                    request.aggregations = Some(read).filter(|read| read != &json!({}));
                }
                "script_fields" | "runtime_mappings" if value == &json!({}) => {}
                "highlight"
                | "timeout"
                | "version"
                | "stored_fields"
                | "track_scores"
                | "explain"
                | "seq_no_primary_term"
                | "terminate_after"
                | "preference"
                | "profile" => {}
                other => return Err(unsupported("search", other)),
            }
        }
        if let Some(text) = &asked.q {
            let any = asked
                .default_operator
                .as_deref()
                .is_some_and(|name| name.eq_ignore_ascii_case("or"));
            request.query = request.query.and(dsl::query_string(text, any)?);
        }
        if let Some(sort) = &asked.sort {
            let (field, direction) = sort.split_once(':').unwrap_or((sort, "asc"));
            request.order = order(&json!({field: direction}))?;
        }
        request.after = after
            .map(|after| cursor(after, request.order))
            .transpose()?;
        if request.from.saturating_add(request.size) > Search::MOST {
            return Err(Failure::wrong(&message!(
                "from + size is more than {}: page on with search_after",
                "from + size es más que {}: sigue con search_after",
                Search::MOST
            )));
        }
        Ok(request)
    }

    fn selection(&self) -> Selection {
        Selection {
            query: self.query.clone(),
            ..Selection::default()
        }
    }

    async fn answer(
        &self,
        endpoint: &Endpoint,
        scope: &Scope,
        index: &str,
    ) -> Result<Value, Failure> {
        let started = Instant::now();
        let found = if self.size == 0 {
            Found::default()
        } else {
            let search = Search {
                query: self.query.clone(),
                order: self.order,
                limit: self.from + self.size,
                after: self.after,
                ..Search::default()
            };
            endpoint.store.search(scope, search).await?
        };
        let mut total = None;
        let mut aggregated = None;
        if let Some(wanted) = self.aggregations.clone() {
            let (scope, selection) = (scope.clone(), self.selection());
            let read = endpoint
                .store
                .read(move |shared| reads::aggregate(shared, &scope, &selection, &wanted));
            let answer = read.await?;
            total = Some(answer.lines);
            aggregated = Some(aggregations::answer(answer.answer));
        } else if self.total {
            total = Some(endpoint.store.count(scope, self.selection()).await?);
        }
        let hits: Vec<_> = found
            .hits
            .iter()
            .skip(self.from)
            .map(|hit| self.hit(hit, index))
            .collect();
        let mut answer = json!({
            "took": millis(started),
            "timed_out": false,
            "_shards": shards(),
            "hits": {"max_score": null, "hits": hits},
        });
        if let Some(total) = total.filter(|_| self.total) {
            answer["hits"]["total"] = json!({"value": total, "relation": "eq"});
        }
        if let Some(aggregated) = aggregated {
            answer["aggregations"] = aggregated;
        }
        Ok(answer)
    }

    fn hit(&self, hit: &crate::Hit, index: &str) -> Value {
        let mut answer = json!({
            "_index": index,
            "_id": hit.cursor.to_string(),
            "_score": null,
            "sort": [hit.cursor.at_us, hit.cursor.sequence],
        });
        let document = hit.record.to_document();
        if !self.fields.is_empty() {
            answer["fields"] = fields(&hit.record, &document, &self.fields);
        }
        match &self.source {
            Source::None => {}
            Source::All => answer["_source"] = document.into(),
            Source::Some { includes, excludes } => {
                let named = |patterns: &[String], name: &str| {
                    patterns.iter().any(|pattern| like(pattern, name))
                };
                let kept: Map<_, _> = document
                    .into_iter()
                    .filter(|(name, _)| includes.is_empty() || named(includes, name))
                    .filter(|(name, _)| !named(excludes, name))
                    .collect();
                answer["_source"] = kept.into();
            }
        }
        answer
    }
}

/// The values of fields, each as a list; a pattern stands for names at the top.
fn fields(record: &estiba_logs::Record, document: &Map<String, Value>, wanted: &[String]) -> Value {
    let mut found = Map::new();
    let matching = document
        .keys()
        .filter(|name| wanted.iter().any(|pattern| like(pattern, name)));
    let named = wanted.iter().filter(|name| !name.contains('*'));
    for name in matching.chain(named) {
        let mut values = Vec::new();
        record.values(&dsl::field(name), &mut |value| {
            values.push(value.into_owned());
        });
        if !values.is_empty() {
            found.insert(name.clone(), values.into());
        }
    }
    found.into()
}

fn order(sort: &Value) -> Result<Order, Failure> {
    let first = match sort {
        Value::Array(list) => list,
        one => std::slice::from_ref(one),
    };
    for sort in first {
        let (name, how) = match sort {
            Value::String(name) => (name.clone(), Value::Null),
            Value::Object(map) => match map.iter().next() {
                Some((name, how)) => (name.clone(), how.clone()),
                None => continue,
            },
            _ => return Err(unsupported("sort", &sort.to_string())),
        };
        let direction = how
            .get("order")
            .unwrap_or(&how)
            .as_str()
            .map(str::to_ascii_lowercase);
        match dsl::field(&name).as_str() {
            Field::AT if direction.as_deref() == Some("desc") => return Ok(Order::NewestFirst),
            Field::AT => return Ok(Order::OldestFirst),
            "_doc" | "_score" | "_shard_doc" => {}
            other => return Err(unsupported("sort", other)),
        }
    }
    Ok(Order::NewestFirst)
}

/// A place from the values of `sort`; where the second is missing, all lines of the
/// moment lie before it.
fn cursor(after: &Value, order: Order) -> Result<Cursor, Failure> {
    let at = after.get(0).and_then(parse_time);
    let at = at.ok_or_else(|| unsupported("search_after", &after.to_string()))?;
    let past_all = match order {
        Order::NewestFirst => 0,
        Order::OldestFirst => u64::MAX,
    };
    Ok(Cursor {
        at_us: at.as_microsecond(),
        sequence: after
            .get(1)
            .and_then(|sequence| text_of(sequence).parse().ok())
            .unwrap_or(past_all),
    })
}

fn source(value: &Value) -> Result<Source, Failure> {
    let names = |value: &Value| match value {
        Value::String(name) => vec![name.clone()],
        Value::Array(list) => list.iter().map(text_of).collect(),
        _ => Vec::new(),
    };
    Ok(match value {
        Value::Bool(true) => Source::All,
        Value::Bool(false) => Source::None,
        Value::String(_) | Value::Array(_) => Source::Some {
            includes: names(value),
            excludes: Vec::new(),
        },
        Value::Object(map) => Source::Some {
            includes: map
                .get("includes")
                .or(map.get("include"))
                .map(names)
                .unwrap_or_default(),
            excludes: map
                .get("excludes")
                .or(map.get("exclude"))
                .map(names)
                .unwrap_or_default(),
        },
        other => return Err(unsupported("_source", &other.to_string())),
    })
}

fn field_names(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|one| one.as_str().or_else(|| one["field"].as_str()))
        .map(str::to_owned)
        .collect()
}

fn count_of(name: &str, value: &Value) -> Result<usize, Failure> {
    text_of(value)
        .parse()
        .map_err(|_| unsupported(name, &text_of(value)))
}

pub(super) fn shards() -> Value {
    json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0})
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
