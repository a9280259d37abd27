//! From Estiba's query language to Elasticsearch's, and from a scope to a filter. Pure.
//!
//! What comes out finds at least what [`Query::matches`] does; a reader tests the lines
//! that come back with it. Where a cluster can't tell, a part is left open, and below a
//! negation closed, so that nothing is missed. Counts have no such test: they may be a
//! little high for the few queries that are left open.
//!
//! <https://www.elastic.co/docs/reference/query-languages/querydsl>

use estiba_log_store::{Part, Scope, Selection};
use estiba_logs::{
    Bound, Field, Glob, Level, Node, Origin, Piece, Query, Record, Value as Wanted, parse_time,
};
use estiba_model::{Message, message};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::product::Product;
use crate::template::{LONGEST_VALUE, NUMBER};

/// A part that can't be asked of a cluster, for people.
pub(crate) type Asked = Result<Value, Message>;

/// What a cluster is asked for: lines of the scope, and of these the selection.
pub(crate) fn filter(scope: &Scope, selection: &Selection, product: Product) -> Asked {
    let translator = Translator { product };
    let mut filters = vec![self::scope(scope)];
    filters.extend(translator.time(selection.from, selection.until));
    if selection.query.node != Node::All {
        filters.push(translator.node(&selection.query.node, false)?);
    }
    Ok(json!({"bool": {"filter": filters}}))
}

/// The line of a number that came at a moment.
pub(crate) fn line(scope: &Scope, at: Timestamp, sequence: u64, product: Product) -> Value {
    let translator = Translator { product };
    let filters = [
        self::scope(scope),
        translator.moments(Some(translator.floor(at)), Some(translator.after(at))),
        json!({"term": {crate::document::SEQUENCE: {"value": sequence}}}),
    ];
    json!({"bool": {"filter": filters}})
}

/// Names are compared as they are: nobody sees another's lines for a capital letter.
fn scope(scope: &Scope) -> Value {
    let Some(parts) = scope.parts() else {
        return json!({"match_all": {}});
    };
    any_of(parts.iter().map(part).collect())
}

fn part(part: &Part) -> Value {
    let names = [
        ("team", Some(&part.team)),
        ("project", part.project.as_ref()),
        ("environment", part.environment.as_ref()),
    ];
    let named = names
        .into_iter()
        .filter_map(|(field, name)| Some((field, name?)));
    let filters: Vec<Value> = named
        .map(|(field, name)| match name.as_str() {
            "" => not(&json!({"exists": {"field": field}})),
            name => json!({"term": {field: {"value": name}}}),
        })
        .collect();
    json!({"bool": {"filter": filters}})
}

struct Translator {
    product: Product,
}

impl Translator {
    fn node(&self, node: &Node, negated: bool) -> Asked {
        match node {
            Node::All => Ok(everything()),
            Node::And(parts) => Ok(json!({"bool": {"filter": self.nodes(parts, negated)?}})),
            Node::Or(parts) => Ok(any_of(self.nodes(parts, negated)?)),
            Node::Not(part) => Ok(not(&self.node(part, !negated)?)),
            Node::Is { field, value } => match field.as_str() {
                Field::AT => self.at(value, negated),
                Field::MESSAGE => self.says(value, negated),
                Field::LEVEL => Ok(levels(node)),
                name => Ok(self.is(name, value, negated)),
            },
            Node::Between { field, low, high } => match field.as_str() {
                Field::AT => Ok(self.at_between(low, high, negated)),
                Field::MESSAGE => Err(message!(
                    "a cluster does not compare messages: look for their words",
                    "un clúster no compara mensajes: busque sus palabras"
                )),
                Field::LEVEL => Ok(levels(node)),
                name => Ok(self.between(name, low, high, negated)),
            },
            Node::Exists { field } => Ok(match field.as_str() {
                Field::AT | Field::MESSAGE => everything(),
                name => json!({"exists": {"field": name}}),
            }),
        }
    }

    fn nodes(&self, parts: &[Node], negated: bool) -> Result<Vec<Value>, Message> {
        parts.iter().map(|part| self.node(part, negated)).collect()
    }

    fn time(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Option<Value> {
        (from.is_some() || until.is_some()).then(|| {
            let from = from.map(|from| self.floor(from));
            self.moments(from, until.map(|until| self.ceil(until)))
        })
    }

    fn moments(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Value {
        let mut ends = serde_json::Map::new();
        ends.extend(from.map(|at| ("gte".to_owned(), format!("{at:.6}").into())));
        ends.extend(until.map(|at| ("lt".to_owned(), format!("{at:.6}").into())));
        json!({"range": {Field::AT: ends}})
    }

    /// The moment as the cluster has it.
    fn floor(&self, at: Timestamp) -> Timestamp {
        let unit = self.product.moment_us();
        at_us(at.as_microsecond().div_euclid(unit).saturating_mul(unit))
    }

    /// The first moment of the cluster that is not before this one.
    fn ceil(&self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        if floor == at { at } else { self.after(at) }
    }

    /// The first moment of the cluster that is after this one.
    fn after(&self, at: Timestamp) -> Timestamp {
        at_us(
            self.floor(at)
                .as_microsecond()
                .saturating_add(self.product.moment_us()),
        )
    }

    fn at(&self, value: &Wanted, negated: bool) -> Asked {
        let Some(text) = value.as_literal() else {
            return Err(message!(
                "a cluster does not look for moments by wildcards: write a range, `@timestamp:[2026-05-01 TO 2026-05-02]`",
                "un clúster no busca momentos con comodines: escriba un rango, `@timestamp:[2026-05-01 TO 2026-05-02]`"
            ));
        };
        let Some(at) = parse_time(&text.into()) else {
            return Ok(nothing());
        };
        let wide = self.moments(Some(self.floor(at)), Some(self.after(at)));
        Ok(self.at_least(wide, negated))
    }

    fn at_between(&self, low: &Bound, high: &Bound, negated: bool) -> Value {
        let moment = |text: &str| parse_time(&text.into());
        let (low, high) = match (end(low).map(moment), end(high).map(moment)) {
            (Some(None), _) | (_, Some(None)) => return nothing(),
            (from, until) => (from.flatten(), (high, until.flatten())),
        };
        let until = match high {
            (Bound::Excluding(_), until) => until.map(|until| self.ceil(until)),
            (_, until) => until.map(|until| self.after(until)),
        };
        let wide = self.moments(low.map(|low| self.floor(low)), until);
        self.at_least(wide, negated)
    }

    /// A part that finds what is wanted and perhaps more.
    fn at_least(&self, wide: Value, negated: bool) -> Value {
        if negated { nothing() } else { wide }
    }

    fn says(&self, value: &Wanted, negated: bool) -> Asked {
        let words = value.words();
        if let Some(text) = value.as_literal() {
            return match (words.is_empty(), text.is_empty()) {
                (false, _) => Ok(json!({"match_phrase": {Field::MESSAGE: text}})),
                (true, true) => Ok(everything()),
                (true, false) => Err(message!(
                    "a cluster finds words: \"{text}\" has none",
                    "un clúster encuentra palabras: «{text}» no tiene ninguna"
                )),
            };
        }
        let parts: Vec<Value> = words
            .iter()
            .filter(|word| !word.is_any())
            .map(|word| match word.as_literal() {
                Some(word) => json!({"match_phrase": {Field::MESSAGE: word}}),
                None => json!({"wildcard": {Field::MESSAGE: {"value": pattern(word)}}}),
            })
            .collect();
        // One word alone is exact; that several follow one another, a reader sees.
        match (words.len(), parts.into_iter().collect::<Vec<_>>()) {
            (1, mut parts) if parts.len() == 1 => Ok(parts.remove(0)),
            (_, parts) => Ok(self.at_least(json!({"bool": {"filter": parts}}), negated)),
        }
    }

    fn is(&self, field: &str, value: &Wanted, negated: bool) -> Value {
        let Some(text) = value.as_literal() else {
            let Wanted::Word(glob) = value else {
                return nothing();
            };
            return json!({"wildcard": {field: {"value": pattern(glob), "case_insensitive": true}}});
        };
        if text.chars().count() > LONGEST_VALUE {
            return nothing();
        }
        if text.is_ascii() || !self.product.is_lucene() {
            let term = json!({"term": {field: {"value": text, "case_insensitive": true}}});
            return match number(text).filter(|_| self.has_numbers_apart(field)) {
                Some(number) => {
                    let term_of_number =
                        json!({"term": {format!("{field}.{NUMBER}"): {"value": number}}});
                    any_of(vec![term, term_of_number])
                }
                None => term,
            };
        }
        // Lucene knows the other case of ASCII letters alone.
        let pieces = text.chars().map(|letter| match letter {
            letter if letter.is_ascii() => Piece::Text(letter.into()),
            _ => Piece::One,
        });
        let like = pattern(&Glob::new(pieces));
        self.at_least(
            json!({"wildcard": {field: {"value": like, "case_insensitive": true}}}),
            negated,
        )
    }

    fn between(&self, field: &str, low: &Bound, high: &Bound, negated: bool) -> Value {
        let ends = [end(low), end(high)];
        let numbers = ends
            .iter()
            .flatten()
            .filter(|text| number(text).is_some())
            .count();
        let texts = ends.iter().flatten().count() - numbers;
        // A number is compared with numbers alone, and a text with texts.
        match (numbers, texts) {
            (0, 0) => json!({"exists": {"field": field}}),
            (_, 0) if self.has_numbers_apart(field) => {
                range(&format!("{field}.{NUMBER}"), low, high)
            }
            (_, 0) => range(field, low, high),
            (0, _) => self.at_least(range(field, low, high), negated),
            _ => nothing(),
        }
    }

    /// Whether numbers of a field are in a field of their own.
    fn has_numbers_apart(&self, field: &str) -> bool {
        self.product.is_lucene() && !Origin::FIELDS.contains(&field)
    }
}

/// Those of the levels that are meant: there are so few that each is tried.
fn levels(node: &Node) -> Value {
    let query = Query { node: node.clone() };
    let is_meant = |level: &Level| {
        let mut record = Record::new(Timestamp::UNIX_EPOCH, "");
        record.level = Some(*level);
        query.matches(&record)
    };
    let meant: Vec<&str> = Level::ALL
        .into_iter()
        .filter(is_meant)
        .map(Level::as_str)
        .collect();
    json!({"terms": {Field::LEVEL: meant}})
}

fn range(field: &str, low: &Bound, high: &Bound) -> Value {
    let mut ends = serde_json::Map::new();
    let value = |text: &str| number(text).unwrap_or_else(|| text.into());
    match low {
        Bound::Open => {}
        Bound::Including(text) => drop(ends.insert("gte".into(), value(text))),
        Bound::Excluding(text) => drop(ends.insert("gt".into(), value(text))),
    }
    match high {
        Bound::Open => {}
        Bound::Including(text) => drop(ends.insert("lte".into(), value(text))),
        Bound::Excluding(text) => drop(ends.insert("lt".into(), value(text))),
    }
    json!({"range": {field: ends}})
}

fn end(bound: &Bound) -> Option<&str> {
    match bound {
        Bound::Open => None,
        Bound::Including(text) | Bound::Excluding(text) => Some(text),
    }
}

/// A text that is a number, as JSON has it.
fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    let number = text.parse::<f64>().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// A glob in Lucene's words, in lower case
/// (<https://www.elastic.co/docs/reference/query-languages/query-dsl/query-dsl-wildcard-query>).
fn pattern(glob: &Glob) -> String {
    let mut pattern = String::new();
    for piece in glob.lower().pieces() {
        match piece {
            Piece::Any => pattern.push('*'),
            Piece::One => pattern.push('?'),
            Piece::Text(text) => {
                for letter in text.chars() {
                    if matches!(letter, '*' | '?' | '\\') {
                        pattern.push('\\');
                    }
                    pattern.push(letter);
                }
            }
        }
    }
    pattern
}

fn at_us(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap_or(if us < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn everything() -> Value {
    json!({"match_all": {}})
}

fn nothing() -> Value {
    json!({"match_none": {}})
}

fn not(part: &Value) -> Value {
    json!({"bool": {"must_not": [part]}})
}

fn any_of(mut parts: Vec<Value>) -> Value {
    match parts.len() {
        0 => nothing(),
        1 => parts.remove(0),
        _ => json!({"bool": {"should": parts, "minimum_should_match": 1}}),
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
