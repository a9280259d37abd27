//! Counting lines without reading them.

use std::collections::BTreeMap;
use std::ops::Bound as Limit;

use estiba_logs::{Field as Name, Origin};
use estiba_model::message;
use serde_json::{Value, json};
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::aggregation::intermediate_agg_result::IntermediateAggregationResults;
use tantivy::aggregation::{
    AggContextParams, AggregationLimitsGuard, DistributedAggregationCollector,
};
use tantivy::query::{BooleanQuery, Query as IndexQuery};
use tantivy::{Searcher, TantivyError};

use super::compile::Compiler;
use super::errors::{Failed, each_partition};
use super::{Selection, Term, Terms, TermsOf};
use crate::partition::{Contents, Fields};
use crate::shared::Shared;
use crate::{Environment, ReadError, Scope};

/// What one question may use, in bytes, and how many buckets it may answer.
const MEMORY_BYTES: u64 = 64 << 20;
const MOST_BUCKETS: u32 = 65_000;
const MOST_TERMS: usize = 1000;

/// The answer to aggregations in Elasticsearch's form, and how many lines they are of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Aggregated {
    pub(crate) lines: u64,
    pub(crate) answer: Value,
}

/// The name in the index of a field that values are listed of; `None` for messages.
pub(crate) fn column(name: &str) -> Option<String> {
    let field = Name::new(name);
    match field.as_str() {
        Name::MESSAGE => None,
        Name::AT => Some(Fields::AT.to_owned()),
        Name::LEVEL => Some(Name::LEVEL.to_owned()),
        name if Origin::FIELDS.contains(&name) => Some(name.to_owned()),
        name => Some(format!("{}.{name}", Fields::ATTRIBUTES)),
    }
}

pub(crate) fn count(
    shared: &Shared,
    scope: &Scope,
    selection: &Selection,
) -> Result<u64, ReadError> {
    let mut lines = 0;
    each_selected(shared, scope, selection, |searcher, query| {
        lines += query.count(searcher)? as u64;
        Ok(())
    })?;
    Ok(lines)
}

/// Answers aggregations in Elasticsearch's form over columns of the index.
pub(crate) fn aggregate(
    shared: &Shared,
    scope: &Scope,
    selection: &Selection,
    aggregations: &Value,
) -> Result<Aggregated, ReadError> {
    let read = |error: serde_json::Error| {
        ReadError::Wrong(message!(
            "the aggregation can't be read: {error}",
            "no se puede leer la agregación: {error}"
        ))
    };
    let request: Aggregations = serde_json::from_value(aggregations.clone()).map_err(read)?;
    let limits = AggregationLimitsGuard::new(Some(MEMORY_BYTES), Some(MOST_BUCKETS));
    let mut merged: Option<IntermediateAggregationResults> = None;
    let mut lines = 0;
    each_selected(shared, scope, selection, |searcher, query| {
        let context = AggContextParams::new(limits.clone(), searcher.index().tokenizers().clone());
        let collector = DistributedAggregationCollector::from_aggs(request.clone(), context);
        let (answer, found) = searcher.search(query, &(collector, tantivy::collector::Count))?;
        lines += found as u64;
        match &mut merged {
            None => merged = Some(answer),
            Some(merged) => merged.merge_fruits(answer)?,
        }
        Ok(())
    })?;
    let answer = merged
        .unwrap_or_default()
        .into_final_result(request, limits)
        .and_then(|answer| {
            serde_json::to_value(answer)
                .map_err(|error| TantivyError::InternalError(error.to_string()))
        })
        .map_err(|error| match Failed::from(error) {
            Failed::Answer(error) => error,
            Failed::Index(error) => ReadError::Index(error.to_string()),
        })?;
    Ok(Aggregated { lines, answer })
}

pub(crate) fn terms(shared: &Shared, scope: &Scope, of: &TermsOf) -> Result<Terms, ReadError> {
    let size = of.limit.clamp(1, MOST_TERMS);
    let request = json!({"terms": {"terms": {"field": listed(&of.field)?, "size": size}}});
    let aggregated = aggregate(shared, scope, &of.selection, &request)?;
    let answer = &aggregated.answer["terms"];
    let terms = buckets(answer).iter().map(|bucket| Term {
        value: shown(bucket),
        lines: lines(bucket),
    });
    Ok(Terms {
        terms: terms.collect(),
        others: answer["sum_other_doc_count"].as_u64().unwrap_or_default(),
    })
}

/// The fields that lines have, each with its types in Elasticsearch's words.
pub(crate) fn fields(
    shared: &Shared,
    scope: &Scope,
) -> Result<BTreeMap<String, Vec<&'static str>>, ReadError> {
    use tantivy::schema::Type;
    let mut fields: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    fields.insert(Name::AT.into(), vec!["date"]);
    fields.insert(Name::MESSAGE.into(), vec!["text"]);
    for name in Origin::FIELDS.into_iter().chain([Name::LEVEL]) {
        fields.insert(name.into(), vec!["keyword"]);
    }
    let prefix = format!("{}.", Fields::ATTRIBUTES);
    each_partition(shared, &shared.seen_by(scope), |_, partition| {
        if partition.contents().lines == 0 {
            return Ok(());
        }
        for field in partition.searcher()?.index().fields_metadata()? {
            let name = field.field_name.to_string();
            let Some(name) = name.strip_prefix(&prefix) else {
                continue;
            };
            let kind = match field.typ {
                Type::I64 | Type::U64 => "long",
                Type::F64 => "double",
                Type::Bool => "boolean",
                _ => "keyword",
            };
            let kinds = fields.entry(name.to_owned()).or_default();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(())
    })?;
    Ok(fields)
}

pub(super) fn listed(name: &str) -> Result<String, ReadError> {
    column(name).ok_or_else(|| {
        ReadError::Wrong(message!(
            "{name}: messages are all different; choose another field",
            "{name}: los mensajes son todos distintos; elige otro campo"
        ))
    })
}

fn each_selected(
    shared: &Shared,
    scope: &Scope,
    selection: &Selection,
    mut read: impl FnMut(&Searcher, &dyn IndexQuery) -> Result<(), Failed>,
) -> Result<(), ReadError> {
    let (_, fields) = Fields::schema();
    let (from, until) = ends(selection);
    each_partition(shared, &shared.seen_by(scope), |shelf, partition| {
        let contents = partition.contents();
        let outside = contents.until_us < from || contents.from_us >= until;
        if contents.lines == 0 || outside {
            return Ok(());
        }
        let searcher = partition.searcher()?;
        let query = selected(&searcher, &shelf.environment, &fields, selection, contents)?;
        read(&searcher, query.as_ref())
    })
}

pub(super) fn ends(selection: &Selection) -> (i64, i64) {
    (
        selection
            .from
            .map_or(i64::MIN, |from| from.as_microsecond()),
        selection
            .until
            .map_or(i64::MAX, |until| until.as_microsecond()),
    )
}

fn selected(
    searcher: &Searcher,
    environment: &Environment,
    fields: &Fields,
    selection: &Selection,
    contents: Contents,
) -> tantivy::Result<Box<dyn IndexQuery>> {
    let compiler = Compiler {
        environment,
        fields,
        searcher,
    };
    let query = compiler.compile(&selection.query.node)?;
    let (from, until) = ends(selection);
    if from <= contents.from_us && contents.until_us < until {
        return Ok(query);
    }
    let limit = |at: i64, limit: fn(i64) -> Limit<i64>| match at {
        i64::MIN | i64::MAX => Limit::Unbounded,
        at => limit(at),
    };
    let time = compiler.at(limit(from, Limit::Included), limit(until, Limit::Excluded));
    Ok(Box::new(BooleanQuery::intersection(vec![query, time])))
}

pub(super) fn buckets(answer: &Value) -> &[Value] {
    answer["buckets"].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn lines(bucket: &Value) -> u64 {
    bucket["doc_count"].as_u64().unwrap_or_default()
}

pub(super) fn shown(bucket: &Value) -> String {
    let name = bucket.get("key_as_string").unwrap_or(&bucket["key"]);
    name.as_str()
        .map_or_else(|| name.to_string(), str::to_owned)
}
