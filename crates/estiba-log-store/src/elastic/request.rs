//! A request for lines, as it comes.

use estiba_logs::{Field, parse_time};
use estiba_model::message;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::aggregations;
use super::answer::Failure;
use super::dsl::{self, text_of, unsupported};
use super::filter::Patterns;
use crate::{Cursor, Order, Search, Selection};

/// What may be in the query of the URL.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    pub(super) q: Option<String>,
    pub(super) default_operator: Option<String>,
    pub(super) size: Option<usize>,
    pub(super) from: Option<usize>,
    pub(super) sort: Option<String>,
    scroll: Option<String>,
}

/// What is wanted.
pub(super) struct Request {
    pub(super) query: estiba_logs::Query,
    pub(super) order: Order,
    pub(super) size: usize,
    pub(super) from: usize,
    pub(super) after: Option<Cursor>,
    pub(super) total: bool,
    pub(super) source: Source,
    pub(super) fields: Patterns,
    pub(super) aggregations: Option<Value>,
}

/// Which parts of a document are answered.
pub(super) enum Source {
    All,
    None,
    Some {
        includes: Patterns,
        excludes: Patterns,
    },
}

impl Request {
    pub(super) fn read(body: &Value, asked: &Asked) -> Result<Self, Failure> {
        let mut request = Self {
            query: estiba_logs::Query::all(),
            order: Order::NewestFirst,
            size: asked.size.unwrap_or(10),
            from: asked.from.unwrap_or(0),
            after: None,
            total: true,
            source: Source::All,
            fields: Patterns::default(),
            aggregations: None,
        };
        if asked.scroll.is_some() {
            return Err(Failure::wrong(&message!(
                "[scroll] is not supported by this log store: page on with search_after",
                "[scroll] no está soportado por este almacén de logs: sigue con search_after"
            )));
        }
        let (mut after, mut fields) = (None, Vec::new());
        for (name, value) in dsl::object(body, "search")? {
            match name.as_str() {
                "query" => request.query = dsl::query(value, Timestamp::now())?,
                "size" => request.size = count_of(name, value)?,
                "from" => request.from = count_of(name, value)?,
                "sort" => request.order = order(value)?,
                "search_after" => after = Some(value),
                "track_total_hits" => request.total = value != &Value::Bool(false),
                "_source" => request.source = source(value)?,
                "fields" | "docvalue_fields" => fields.extend(field_names(value)),
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
        request.fields = Patterns::read("fields", fields)?;
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

    pub(super) fn selection(&self) -> Selection {
        Selection {
            query: self.query.clone(),
            ..Selection::default()
        }
    }
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
    let (includes, excludes) = match value {
        Value::Bool(true) => return Ok(Source::All),
        Value::Bool(false) => return Ok(Source::None),
        Value::String(_) | Value::Array(_) => (Some(value), None),
        Value::Object(map) => (
            map.get("includes").or(map.get("include")),
            map.get("excludes").or(map.get("exclude")),
        ),
        other => return Err(unsupported("_source", &other.to_string())),
    };
    let patterns = |list: Option<&Value>| {
        let names = match list {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(list)) => list.iter().map(text_of).collect(),
            _ => Vec::new(),
        };
        Patterns::read("_source", names)
    };
    Ok(Source::Some {
        includes: patterns(includes)?,
        excludes: patterns(excludes)?,
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
