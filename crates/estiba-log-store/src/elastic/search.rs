//! Reading lines.

use std::time::Instant;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::answer::Failure;
use super::asking::{Asking, json_of};
use super::dsl::{self, text_of, unsupported};
use super::filter::Patterns;
use super::request::{Asked, Request, Source};
use super::{Endpoint, aggregations};
use crate::{Found, Scope, Search, reads};

/// The name of the one index that there is.
const LOGS: &str = "logs";
/// The most searches of one `_msearch`.
const MOST_SEARCHES: usize = 100;

pub(super) async fn search(
    State(endpoint): State<Endpoint>,
    index: Option<Path<String>>,
    asking: Asking,
) -> Result<Response, Failure> {
    let request = Request::read(&asking.body()?, &asking.asked)?;
    let index = index.map_or_else(|| LOGS.to_owned(), |Path(index)| shown_index(&index));
    let answer = request.answer(&endpoint, &asking.scope, &index).await?;
    Ok(Json(asking.filter.leave(answer)).into_response())
}

/// Pairs of a head, which names an index, and a search, each a line.
pub(super) async fn many(
    State(endpoint): State<Endpoint>,
    asking: Asking,
) -> Result<Response, Failure> {
    let started = Instant::now();
    let text = &asking.text;
    let lines: Vec<_> = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
        .collect();
    if lines.len() > 2 * MOST_SEARCHES {
        return Err(unsupported("_msearch", &format!("> {MOST_SEARCHES}")));
    }
    let mut responses = Vec::new();
    for pair in lines.chunks(2) {
        let one = one_of_many(&endpoint, &asking.scope, pair).await;
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
    Ok(Json(asking.filter.leave(answer)).into_response())
}

async fn one_of_many(endpoint: &Endpoint, scope: &Scope, pair: &[&[u8]]) -> Result<Value, Failure> {
    let [head, search] = pair else {
        return Err(unsupported("_msearch", "an odd number of lines"));
    };
    let head = json_of(head)?;
    let index = match &head["index"] {
        Value::Array(list) if list.len() == 1 => text_of(&list[0]),
        Value::String(name) => name.clone(),
        _ => LOGS.into(),
    };
    let request = Request::read(&json_of(search)?, &Asked::default())?;
    request.answer(endpoint, scope, &shown_index(&index)).await
}

pub(super) async fn count(
    State(endpoint): State<Endpoint>,
    asking: Asking,
) -> Result<Response, Failure> {
    let request = Request::read(&asking.body()?, &asking.asked)?;
    let counted = endpoint.store.count(&asking.scope, request.selection());
    let answer = json!({"count": counted.await?, "_shards": shards()});
    Ok(Json(asking.filter.leave(answer)).into_response())
}

/// The name that hits have: the one that was asked for, or [`LOGS`] where it was many.
fn shown_index(asked: &str) -> String {
    let many = asked.contains(['*', ',']) || asked == "_all" || asked.is_empty();
    if many { LOGS.into() } else { asked.to_owned() }
}

impl Request {
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
        if let Some(wanted) = &self.aggregations {
            let asked = wanted.clone();
            let (scope, selection) = (scope.clone(), self.selection());
            let read = endpoint
                .store
                .read(move |shared| reads::aggregate(shared, &scope, &selection, &asked));
            let answer = read.await?;
            total = Some(answer.lines);
            aggregated = Some(aggregations::answer(answer.answer, wanted));
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
                let kept: Map<_, _> = document
                    .into_iter()
                    .filter(|(name, _)| includes.is_empty() || includes.name(name))
                    .filter(|(name, _)| !excludes.name(name))
                    .collect();
                answer["_source"] = kept.into();
            }
        }
        answer
    }
}

/// The values of fields, each as a list; a pattern stands for names at the top.
fn fields(record: &estiba_logs::Record, document: &Map<String, Value>, wanted: &Patterns) -> Value {
    let mut found = Map::new();
    let matching = document.keys().filter(|name| wanted.name(name));
    for name in matching.chain(wanted.whole()) {
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

pub(super) fn shards() -> Value {
    json!({"total": 1, "successful": 1, "skipped": 0, "failed": 0})
}

fn millis(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
