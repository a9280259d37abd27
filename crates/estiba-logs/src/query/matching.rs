//! Whether a single record is found.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;

use serde_json::{Map, Value as Json};

use super::{Bound, Field, Glob, Node, Query, Value};
use crate::{Level, Record, parse_time, whole, words};

impl Query {
    /// Whether the record is found, exactly as a store's index finds it.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let seen = Seen {
            record,
            words: OnceCell::new(),
        };
        seen.matches(&self.node)
    }
}

impl Record {
    /// The values of a field, as JSON has them: those of a list one by one, and
    /// nothing for `null`. An attribute is found under its dotted name or nested.
    pub fn values(&self, field: &Field, each: &mut dyn FnMut(Cow<'_, Json>)) {
        match field.as_str() {
            Field::AT => each(Cow::Owned(format!("{:.6}", self.at).into())),
            Field::MESSAGE => each(Cow::Owned(self.text.as_str().into())),
            Field::LEVEL if self.level.is_some() => {
                each(Cow::Owned(self.level.map(Level::as_str).into()));
            }
            name => match self.origin.get(name) {
                Some(value) => each(Cow::Owned(value.into())),
                None => attribute(&self.attributes, name, each),
            },
        }
    }
}

/// Whether there is a value under this name, or deeper below it.
fn has_below(map: &Map<String, Json>, name: &str) -> bool {
    map.iter().any(|(key, value)| {
        let is_there = key
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let below = name
            .strip_prefix(key.as_str())
            .and_then(|rest| rest.strip_prefix('.'));
        (is_there && has_leaf(value)) || below.is_some_and(|rest| has_below_in(value, rest))
    })
}

fn has_below_in(value: &Json, name: &str) -> bool {
    match value {
        Json::Object(map) => has_below(map, name),
        Json::Array(list) => list.iter().any(|value| has_below_in(value, name)),
        _ => false,
    }
}

fn has_leaf(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Object(map) => map.values().any(has_leaf),
        Json::Array(list) => list.iter().any(has_leaf),
        _ => true,
    }
}

fn attribute(map: &Map<String, Json>, name: &str, each: &mut dyn FnMut(Cow<'_, Json>)) {
    if let Some(value) = map.get(name) {
        leaves(value, each);
    }
    for (dot, _) in name.match_indices('.') {
        match map.get(&name[..dot]) {
            Some(Json::Object(inner)) => attribute(inner, &name[dot + 1..], each),
            Some(Json::Array(list)) => {
                for inner in list.iter().filter_map(Json::as_object) {
                    attribute(inner, &name[dot + 1..], each);
                }
            }
            _ => {}
        }
    }
}

fn leaves(value: &Json, each: &mut dyn FnMut(Cow<'_, Json>)) {
    match value {
        Json::Array(list) => list.iter().for_each(|value| leaves(value, each)),
        Json::Null | Json::Object(_) => {}
        value => each(Cow::Borrowed(value)),
    }
}

struct Seen<'a> {
    record: &'a Record,
    words: OnceCell<Vec<String>>,
}

impl Seen<'_> {
    fn matches(&self, node: &Node) -> bool {
        match node {
            Node::All => true,
            Node::And(parts) => parts.iter().all(|part| self.matches(part)),
            Node::Or(parts) => parts.iter().any(|part| self.matches(part)),
            Node::Not(part) => !self.matches(part),
            Node::Is { field, value } if field.as_str() == Field::MESSAGE => self.says(value),
            Node::Is { field, value } => self.any(field, |found| is(field, found, value)),
            Node::Between {
                field,
                low: Bound::Open,
                high: Bound::Open,
            } => self.has(field),
            Node::Between { field, low, high } => self.any(field, |found| {
                reaches(field, found, low, Ordering::Greater)
                    && reaches(field, found, high, Ordering::Less)
            }),
            Node::Exists { field } => self.has(field),
        }
    }

    /// Whether there is any value of the field; of an object, any in it.
    fn has(&self, field: &Field) -> bool {
        self.any(field, |_| true) || has_below(&self.record.attributes, field.as_str())
    }

    fn any(&self, field: &Field, mut test: impl FnMut(&Json) -> bool) -> bool {
        let mut found = false;
        self.record
            .values(field, &mut |value| found = found || test(&value));
        found
    }

    /// Whether the message has the words one after another. Where there is nothing
    /// but punctuation, it has to be there as it stands.
    fn says(&self, value: &Value) -> bool {
        let wanted = value.words();
        let Some(longest_start) = self.words().len().checked_sub(wanted.len()) else {
            return false;
        };
        if wanted.is_empty() {
            return value
                .as_literal()
                .is_none_or(|text| self.record.text.contains(text));
        }
        (0..=longest_start).any(|start| {
            self.words()[start..]
                .iter()
                .zip(&wanted)
                .all(|(word, wanted)| wanted.matches_lower(word))
        })
    }

    fn words(&self) -> &[String] {
        self.words
            .get_or_init(|| words(&self.record.text).collect())
    }
}

impl Value {
    /// The words of a message that this means, in lower case.
    #[must_use]
    pub fn words(&self) -> Vec<Glob> {
        match self {
            Self::Word(glob) if glob.as_literal().is_none() => glob.words(),
            _ => words(self.as_literal().unwrap_or_default())
                .map(Glob::literal)
                .collect(),
        }
    }

    /// The text, where there are no wildcards.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        match self {
            Self::Word(glob) => glob.as_literal(),
            Self::Phrase(text) => Some(text),
        }
    }
}

fn is(field: &Field, found: &Json, value: &Value) -> bool {
    let Some(wanted) = value.as_literal() else {
        let Value::Word(glob) = value else {
            return false;
        };
        return glob.lower().matches_lower(&whole(&text_of(found)));
    };
    match field.as_str() {
        Field::LEVEL => match Level::from_name(wanted) {
            Some(level) => level_of(found) == Some(level),
            None => same_text(&text_of(found), wanted),
        },
        Field::AT => moment(found).is_some_and(|at| moment(&wanted.into()) == Some(at)),
        _ => match found {
            Json::Number(number) => {
                compare_numbers(&number.to_string(), wanted) == Some(Ordering::Equal)
            }
            found => same_text(&text_of(found), wanted),
        },
    }
}

/// Whether a value is on the wanted side of an end, or on it if it belongs.
fn reaches(field: &Field, found: &Json, end: &Bound, wanted: Ordering) -> bool {
    let (text, included) = match end {
        Bound::Open => return true,
        Bound::Including(text) => (text, true),
        Bound::Excluding(text) => (text, false),
    };
    match compare(field, found, text) {
        Some(Ordering::Equal) => included,
        Some(order) => order == wanted,
        None => false,
    }
}

/// A number is compared with numbers alone, and a text with texts that are none.
fn compare(field: &Field, found: &Json, with: &str) -> Option<Ordering> {
    match field.as_str() {
        Field::AT => Some(moment(found)?.cmp(&moment(&with.into())?)),
        Field::LEVEL if Level::from_name(with).is_some() => {
            Some(level_of(found)?.cmp(&Level::from_name(with)?))
        }
        _ => match found {
            Json::Number(number) => compare_numbers(&number.to_string(), with),
            Json::String(_) if with.parse::<f64>().is_ok() => None,
            Json::String(text) => Some(whole(text).cmp(&whole(with))),
            _ => None,
        },
    }
}

fn compare_numbers(one: &str, other: &str) -> Option<Ordering> {
    match (one.parse::<i128>(), other.parse::<i128>()) {
        (Ok(one), Ok(other)) => Some(one.cmp(&other)),
        _ => one.parse::<f64>().ok()?.partial_cmp(&other.parse().ok()?),
    }
}

fn same_text(one: &str, other: &str) -> bool {
    one == other || whole(one) == whole(other)
}

fn text_of(value: &Json) -> Cow<'_, str> {
    match value {
        Json::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn level_of(value: &Json) -> Option<Level> {
    value.as_str().and_then(Level::from_name)
}

fn moment(value: &Json) -> Option<jiff::Timestamp> {
    parse_time(value)
}
