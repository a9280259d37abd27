//! Elasticsearch's query language, as far as lines of logs need it, in Estiba's own.
//! <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/query-dsl.html>

mod date_math;
mod texts;

use estiba_logs::{
    Bound, Field, Glob, Node, Piece, Query, Value as Wanted, parse_time, parse_time_up,
};
use estiba_model::{Message, message};
use jiff::Timestamp;
use serde_json::{Map, Value};

use self::texts::{multi_match, text_query, words};
use super::answer::Failure;

/// How deep queries may be in one another.
const DEEPEST: usize = 32;

/// Reads a query. `now` is what `now` means in it.
pub(super) fn query(dsl: &Value, now: Timestamp) -> Result<Query, Failure> {
    let node = Reader { now }.node(dsl, 0)?;
    Ok(Query { node })
}

/// Reads the text of a query string. Between words is `AND`, or `OR` where `any`.
pub(super) fn query_string(text: &str, any: bool) -> Result<Query, Failure> {
    let read = if any {
        Query::parse_any(text)
    } else {
        Query::parse(text)
    };
    read.map_err(|error| {
        let at = text[..error.span.start].chars().count() + 1;
        let place = message!(
            "character {at} of the query",
            "carácter {at} de la consulta"
        );
        Failure::wrong(&place.because(&error.message))
    })
}

struct Reader {
    now: Timestamp,
}

pub(super) type Read = Result<Node, Failure>;

impl Reader {
    fn node(&self, dsl: &Value, depth: usize) -> Read {
        if depth > DEEPEST {
            return Err(Failure::wrong(&message!(
                "queries are nested more than {DEEPEST} deep",
                "hay más de {DEEPEST} consultas anidadas"
            )));
        }
        let map = object(dsl, "query")?;
        if map.is_empty() {
            return Ok(Node::All);
        }
        let (kind, body) = only(map)?;
        match kind {
            "match_all" => Ok(Node::All),
            "match_none" => Ok(none()),
            "bool" => self.boolean(body, depth),
            "constant_score" => self.node(&body["filter"], depth + 1),
            "query_string" => text_query(body, true),
            "simple_query_string" => text_query(body, false),
            "term" => one_field(
                body,
                &["value", "case_insensitive", "boost"],
                |field, value, _| Ok(is(field, value)),
            ),
            "terms" => terms(body),
            "match" => one_field(
                body,
                &["query", "operator", "lenient", "boost", "fuzziness"],
                words,
            ),
            "match_phrase" => one_field(body, &["query", "slop", "boost"], |field, value, _| {
                Ok(is(field, value))
            }),
            "match_phrase_prefix" | "match_bool_prefix" | "prefix" => {
                let known = [
                    "query",
                    "value",
                    "case_insensitive",
                    "max_expansions",
                    "slop",
                    "boost",
                ];
                one_field(body, &known, |field, value, _| {
                    let pieces = [Piece::Text(text_of(value)), Piece::Any];
                    Ok(word(field, Glob::new(pieces)))
                })
            }
            "multi_match" => multi_match(body),
            "wildcard" => {
                let known = ["value", "wildcard", "case_insensitive", "boost"];
                one_field(body, &known, |field, value, _| {
                    Ok(word(field, wildcards(&text_of(value))))
                })
            }
            "exists" => match body["field"].as_str() {
                Some(name) => Ok(Node::Exists { field: field(name) }),
                None => Err(Failure::wrong(&message!(
                    "[exists] must be provided with a [field]",
                    "a [exists] le falta el [field]"
                ))),
            },
            "range" => self.range(body),
            other => Err(unsupported("query", other)),
        }
    }

    fn boolean(&self, body: &Value, depth: usize) -> Read {
        let mut all = Vec::new();
        let mut any = Vec::new();
        let mut least = None;
        for (name, value) in object(body, "bool")? {
            match name.as_str() {
                "must" | "filter" => all.extend(self.nodes(value, depth)?),
                "should" => any = self.nodes(value, depth)?,
                "must_not" => {
                    let nots = self.nodes(value, depth)?.into_iter();
                    all.extend(nots.map(|node| Node::Not(Box::new(node))));
                }
                "minimum_should_match" => least = Some(whole_number(value)?),
                "boost" | "_name" | "adjust_pure_negative" => {}
                other => return Err(unsupported("bool", other)),
            }
        }
        let needs_any = match least {
            Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(unsupported("minimum_should_match", "> 1")),
            None => all.is_empty(),
        };
        if needs_any && !any.is_empty() {
            all.push(one_or(any, Node::Or));
        }
        Ok(match all.len() {
            0 => Node::All,
            _ => one_or(all, Node::And),
        })
    }

    fn nodes(&self, value: &Value, depth: usize) -> Result<Vec<Node>, Failure> {
        match value {
            Value::Array(list) => list.iter().map(|one| self.node(one, depth + 1)).collect(),
            one => Ok(vec![self.node(one, depth + 1)?]),
        }
    }

    fn range(&self, body: &Value) -> Read {
        let (name, ends) = only(object(body, "range")?)?;
        let field = field(name);
        let (mut low, mut high) = (Bound::Open, Bound::Open);
        let ends = object(ends, "range")?;
        let included = |name: &str| ends.get(name).and_then(Value::as_bool).unwrap_or(true);
        for (name, value) in ends {
            if value.is_null() {
                continue;
            }
            match name.as_str() {
                "gte" => low = Bound::Including(self.end(&field, value, false)?),
                "gt" => low = Bound::Excluding(self.end(&field, value, true)?),
                "lte" => high = Bound::Including(self.end(&field, value, true)?),
                "lt" => high = Bound::Excluding(self.end(&field, value, false)?),
                "from" if included("include_lower") => {
                    low = Bound::Including(self.end(&field, value, false)?);
                }
                "from" => low = Bound::Excluding(self.end(&field, value, true)?),
                "to" if included("include_upper") => {
                    high = Bound::Including(self.end(&field, value, true)?);
                }
                "to" => high = Bound::Excluding(self.end(&field, value, false)?),
                "format" | "boost" | "include_lower" | "include_upper" | "relation" => {}
                "time_zone" if is_utc(value) => {}
                other => return Err(unsupported("range", other)),
            }
        }
        Ok(Node::Between { field, low, high })
    }

    /// An end as a text; that of a moment may be counted from now.
    fn end(&self, field: &Field, value: &Value, up: bool) -> Result<String, Failure> {
        let text = text_of(value);
        if field.as_str() != Field::AT {
            return Ok(text);
        }
        let parse = if up { parse_time_up } else { parse_time };
        if let Some(at) = date_math::moment(&text, self.now, up).or_else(|| parse(value)) {
            return Ok(format!("{at:.6}"));
        }
        Err(Failure::wrong(&message!(
            "{text} is no moment: write 2026-05-01T12:00:00Z, milliseconds since 1970, or now-15m",
            "{text} no es un momento: escribe 2026-05-01T12:00:00Z, milisegundos desde 1970, o now-15m"
        )))
    }
}

pub(super) fn is_utc(zone: &Value) -> bool {
    matches!(
        zone.as_str(),
        Some("utc" | "UTC" | "Z" | "+00:00" | "Etc/UTC" | "GMT")
    )
}

pub(super) fn unsupported(what: &str, name: &str) -> Failure {
    Failure::wrong(&unsupported_text(what, name))
}

fn unsupported_text(what: &str, name: &str) -> Message {
    message!(
        "[{what}] [{name}] is not supported by this log store",
        "[{what}] [{name}] no está soportado por este almacén de logs"
    )
}

fn terms(body: &Value) -> Read {
    let map = object(body, "terms")?;
    let mut named = map.iter().filter(|(name, _)| *name != "boost");
    let (Some((name, Value::Array(values))), None) = (named.next(), named.next()) else {
        return Err(unsupported("terms", "lookup"));
    };
    let any = values.iter().map(|value| is(field(name), value)).collect();
    Ok(match values.len() {
        0 => none(),
        _ => one_or(any, Node::Or),
    })
}

/// `{field: value}` or `{field: {"value": value, …}}`.
fn one_field(
    body: &Value,
    known: &[&str],
    read: impl FnOnce(Field, &Value, &Map<String, Value>) -> Read,
) -> Read {
    let (name, value) = only(object(body, "query")?)?;
    let none = Map::new();
    let Value::Object(options) = value else {
        return read(field(name), single(name, value)?, &none);
    };
    if let Some(other) = options.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(unsupported("query", other));
    }
    let value = ["query", "value", "wildcard"]
        .iter()
        .find_map(|name| options.get(*name));
    match value {
        Some(value) => read(field(name), single(name, value)?, options),
        None => Err(unsupported("query", name)),
    }
}

/// A value that can be compared with: neither a list, nor an object, nor nothing.
fn single<'a>(name: &str, value: &'a Value) -> Result<&'a Value, Failure> {
    match value {
        Value::Array(_) | Value::Object(_) | Value::Null => Err(Failure::wrong(&message!(
            "[{name}] needs one value, not {value}; for several there is [terms]",
            "[{name}] necesita un valor, no {value}; para varios está [terms]"
        ))),
        one => Ok(one),
    }
}

fn wildcards(text: &str) -> Glob {
    let mut letters = text.chars();
    let mut pieces = Vec::new();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '*' => Piece::Any,
            '?' => Piece::One,
            '\\' => Piece::Text(letters.next().map(String::from).unwrap_or_default()),
            other => Piece::Text(other.into()),
        });
    }
    Glob::new(pieces)
}

fn is(field: Field, value: &Value) -> Node {
    Node::Is {
        field,
        value: Wanted::Phrase(text_of(value)),
    }
}

fn word(field: Field, glob: Glob) -> Node {
    if glob.is_any() {
        return Node::Exists { field };
    }
    Node::Is {
        field,
        value: Wanted::Word(glob),
    }
}

/// Kibana and Grafana name the exact form of a text `.keyword`.
pub(super) fn field(name: &str) -> Field {
    let name = name.split('^').next().unwrap_or(name);
    Field::new(name.strip_suffix(".keyword").unwrap_or(name))
}

fn none() -> Node {
    Node::Not(Box::new(Node::All))
}

fn one_or(mut parts: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}

pub(super) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn whole_number(value: &Value) -> Result<u64, Failure> {
    text_of(value)
        .parse()
        .map_err(|_| unsupported("minimum_should_match", &text_of(value)))
}

pub(super) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Failure> {
    value.as_object().ok_or_else(|| {
        Failure::wrong(&message!(
            "[{what}] has to be an object",
            "[{what}] tiene que ser un objeto"
        ))
    })
}

fn only(map: &Map<String, Value>) -> Result<(&str, &Value), Failure> {
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => Ok((name, value)),
        (Some(_), Some((second, _))) => Err(unsupported("query", second)),
        (None, _) => Err(unsupported("query", "{}")),
    }
}

#[cfg(test)]
mod tests;
