//! Queries whose texts fall into words.

use estiba_logs::{Field, Glob, Node, Query};
use serde_json::{Map, Value};

use super::{Read, field, is, none, object, one_or, query_string, text_of, unsupported, word};

pub(super) fn text_query(body: &Value, strict: bool) -> Read {
    let kind = if strict {
        "query_string"
    } else {
        "simple_query_string"
    };
    let mut any = false;
    let mut fields: Vec<&str> = Vec::new();
    for (name, value) in object(body, kind)? {
        match name.as_str() {
            "default_operator" => {
                any = value
                    .as_str()
                    .is_some_and(|name| name.eq_ignore_ascii_case("or"));
            }
            "default_field" => fields.extend(value.as_str()),
            "fields" => fields.extend(
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str),
            ),
            "query"
            | "analyze_wildcard"
            | "allow_leading_wildcard"
            | "lenient"
            | "boost"
            | "flags"
            | "analyzer"
            | "time_zone"
            | "type"
            | "quote_field_suffix" => {}
            other => return Err(unsupported(kind, other)),
        }
    }
    if let Some(other) = fields
        .into_iter()
        .find(|name| !matches!(*name, "*" | Field::MESSAGE))
    {
        return Err(unsupported("fields", other));
    }
    let text = body["query"].as_str().unwrap_or_default();
    let read = if strict {
        query_string(text, any)
    } else {
        // Its operators are + | - " * ( ), and it never fails: what can't be read is
        // taken word by word.
        let text = text.replace('|', " OR ");
        query_string(&text, any).or_else(|_| {
            Ok(Query {
                node: all_words(&text, any),
            })
        })
    };
    read.map(|query| query.node)
}

fn all_words(text: &str, any: bool) -> Node {
    let words: Vec<_> = text
        .split_whitespace()
        .map(|text| word(Field::message(), Glob::literal(text)))
        .collect();
    match words.len() {
        0 => Node::All,
        _ => one_or(words, if any { Node::Or } else { Node::And }),
    }
}

pub(super) fn multi_match(body: &Value) -> Read {
    let body = object(body, "multi_match")?;
    let mut fields = Vec::new();
    for (name, value) in body {
        match name.as_str() {
            "fields" => fields.extend(
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str),
            ),
            "query" | "operator" | "type" | "lenient" | "boost" => {}
            other => return Err(unsupported("multi_match", other)),
        }
    }
    let wanted = body.get("query").unwrap_or(&Value::Null);
    let phrase = body
        .get("type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.starts_with("phrase"));
    if fields.is_empty() {
        fields.push(Field::MESSAGE);
    }
    let any: Result<Vec<_>, _> = fields
        .into_iter()
        .map(|name| match phrase {
            true => Ok(is(field(name), wanted)),
            false => words(field(name), wanted, body),
        })
        .collect();
    Ok(one_or(any?, Node::Or))
}

pub(super) fn words(field: Field, value: &Value, options: &Map<String, Value>) -> Read {
    if field.as_str() != Field::MESSAGE {
        return Ok(is(field, value));
    }
    let all = options
        .get("operator")
        .and_then(Value::as_str)
        .is_some_and(|operator| operator.eq_ignore_ascii_case("and"));
    let node = all_words(&text_of(value), !all);
    Ok(if node == Node::All { none() } else { node })
}
