//! From a query to what the index of a partition understands.
//!
//! What comes out finds exactly what [`Query::matches`](estiba_logs::Query::matches)
//! does; a property test holds the two together.

use std::fmt::Write;
use std::ops::Bound as Limit;

use estiba_logs::{Bound, Field as Name, Glob, Level, Node, Piece, Value, parse_time, whole};
use tantivy::fastfield::FastValue;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, InvertedIndexRangeQuery, Occur, Query,
    RangeQuery, RegexQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption, Type};
use tantivy::{DateTime, Searcher, Term};

use super::verify::verified;
use crate::Environment;
use crate::line::{FIRST_US, LAST_US};
use crate::partition::Fields;

/// The query of a partition.
pub(super) struct Compiler<'a> {
    pub(super) environment: &'a Environment,
    pub(super) fields: &'a Fields,
    pub(super) searcher: &'a Searcher,
}

type Compiled = tantivy::Result<Box<dyn Query>>;

/// What a name of a query means in the index.
enum Place<'a> {
    At,
    Message,
    Level,
    /// One value for the whole partition.
    Constant(&'a str),
    Keyword(Field),
    Attribute(String),
}

impl Compiler<'_> {
    pub(super) fn compile(&self, node: &Node) -> Compiled {
        match node {
            Node::All => Ok(Box::new(AllQuery)),
            Node::And(parts) => self.all_of(parts),
            Node::Or(parts) => {
                let parts = parts.iter().map(|part| self.compile(part));
                Ok(any_of(parts.collect::<Result<_, _>>()?))
            }
            Node::Not(part) => self.none_of(part),
            Node::Is { field, value } => self.is(node, field, value),
            Node::Between { field, low, high } => self.between(node, field, low, high),
            Node::Exists { field } => Ok(match self.place(field) {
                Place::At | Place::Message => Box::new(AllQuery),
                Place::Level => exists(Name::LEVEL.to_owned()),
                Place::Constant(name) => all_if(!name.is_empty()),
                Place::Keyword(_) => exists(field.as_str().to_owned()),
                Place::Attribute(path) => exists(column(&path)),
            }),
        }
    }

    fn all_of(&self, parts: &[Node]) -> Compiled {
        let mut clauses = Vec::with_capacity(parts.len());
        for part in parts {
            clauses.push(match part {
                Node::Not(part) if is_leaf(part) => (Occur::MustNot, self.compile(part)?),
                part => (Occur::Must, self.compile(part)?),
            });
        }
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// Only leaves are negated: below the negation of a whole, tantivy's ranges may be
    /// asked to go back, which they don't stand.
    fn none_of(&self, part: &Node) -> Compiled {
        let negated = |part: &Node| Node::Not(Box::new(part.clone()));
        match part {
            Node::Not(part) => self.compile(part),
            Node::And(parts) => {
                let parts = parts.iter().map(|part| self.none_of(part));
                Ok(any_of(parts.collect::<Result<_, _>>()?))
            }
            Node::Or(parts) => self.all_of(&parts.iter().map(negated).collect::<Vec<_>>()),
            leaf => self.all_of(&[negated(leaf)]),
        }
    }

    fn place(&self, name: &Name) -> Place<'_> {
        let environment = self.environment;
        match name.as_str() {
            Name::AT => Place::At,
            Name::MESSAGE => Place::Message,
            Name::LEVEL => Place::Level,
            "team" => Place::Constant(&environment.team),
            "project" => Place::Constant(&environment.project),
            "environment" => Place::Constant(&environment.environment),
            "workload" => Place::Keyword(self.fields.places[0]),
            "instance" => Place::Keyword(self.fields.places[1]),
            "release" => Place::Keyword(self.fields.places[2]),
            "container" => Place::Keyword(self.fields.places[3]),
            "stream" => Place::Keyword(self.fields.places[4]),
            other => Place::Attribute(other.replace('\\', "\\\\")),
        }
    }

    fn verify(&self, candidates: Box<dyn Query>, node: &Node) -> Box<dyn Query> {
        verified(candidates, node, self.environment, self.fields)
    }

    fn is(&self, node: &Node, field: &Name, value: &Value) -> Compiled {
        match self.place(field) {
            Place::Message => self.says(node, value),
            Place::At => Ok(match value.as_literal().map(moment) {
                Some(Some(at)) => self.at(Limit::Included(at), Limit::Included(at)),
                Some(None) => Box::new(EmptyQuery),
                None => self.verify(Box::new(AllQuery), node),
            }),
            Place::Constant(name) => Ok(all_if(!name.is_empty() && alike(name, value))),
            Place::Level => match value.as_literal().map(Level::from_name) {
                Some(Some(level)) => Ok(term(self.fields.level, level.as_str())),
                _ => keyword(self.fields.level, value),
            },
            Place::Keyword(field) => keyword(field, value),
            Place::Attribute(path) => self.attribute(node, &path, value),
        }
    }

    fn says(&self, node: &Node, value: &Value) -> Compiled {
        let words = value.words();
        let mut parts = Vec::with_capacity(words.len());
        for word in words.iter().filter(|word| !word.is_any()) {
            parts.push(match word.as_literal() {
                Some(word) => term(self.fields.message, word),
                None => like(self.fields.message, "", word)?,
            });
        }
        if parts.len() == 1 && words.len() == 1 {
            return Ok(parts.remove(0));
        }
        let candidates: Box<dyn Query> = match parts.len() {
            0 => Box::new(AllQuery),
            _ => Box::new(BooleanQuery::intersection(parts)),
        };
        Ok(self.verify(candidates, node))
    }

    fn attribute(&self, node: &Node, path: &str, value: &Value) -> Compiled {
        let attributes = self.fields.attributes;
        let start = || Term::from_field_json_path(attributes, path, true);
        let Some(text) = value.as_literal() else {
            let Value::Word(glob) = value else {
                return Ok(Box::new(EmptyQuery));
            };
            if self.has_other_than_texts(path)? {
                return Ok(self.verify(exists(column(path)), node));
            }
            let mut prefix = start();
            prefix.append_type_and_str("");
            let prefix = String::from_utf8_lossy(prefix.serialized_value_bytes()).into_owned();
            return like(attributes, &prefix, &glob.lower());
        };
        let mut as_text = start();
        as_text.append_type_and_str(&whole(text));
        let mut terms = vec![as_text];
        terms.extend(number(start(), text));
        if let Ok(truth) = whole(text).parse::<bool>() {
            let mut term = start();
            term.append_type_and_fast_value(truth);
            terms.push(term);
        }
        Ok(any_of(terms.into_iter().map(by_term).collect()))
    }

    /// Whether a path of this partition has numbers or truth values, which are not
    /// among the texts that wildcards are looked up in.
    fn has_other_than_texts(&self, path: &str) -> tantivy::Result<bool> {
        for segment in self.searcher.segment_readers() {
            let columns = segment
                .fast_fields()
                .dynamic_column_handles(&column(path))?;
            if columns
                .iter()
                .any(|column| column.column_type() != tantivy::columnar::ColumnType::Str)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn between(&self, node: &Node, field: &Name, low: &Bound, high: &Bound) -> Compiled {
        let ends = [low, high].map(end);
        if ends == [None, None] {
            return self.compile(&Node::Exists {
                field: field.clone(),
            });
        }
        let numbers = ends.map(|end| end.map(|text| text.parse::<f64>().is_ok()));
        let any_number = numbers.contains(&Some(true));
        let any_text = numbers.contains(&Some(false));
        match self.place(field) {
            Place::At => {
                let (low, high) = (limit(low, moment), limit(high, moment));
                Ok(match (low, high) {
                    (Some(low), Some(high)) => self.at(low, high),
                    _ => Box::new(EmptyQuery),
                })
            }
            Place::Message => Ok(self.verify(Box::new(AllQuery), node)),
            Place::Level => self.levels(low, high),
            Place::Constant(_) => {
                let record = estiba_logs::Record {
                    origin: self.environment.origin(),
                    ..estiba_logs::Record::new(jiff::Timestamp::UNIX_EPOCH, "")
                };
                let query = estiba_logs::Query { node: node.clone() };
                Ok(all_if(query.matches(&record)))
            }
            _ if any_number && any_text => Ok(Box::new(EmptyQuery)),
            Place::Keyword(_) if any_number => Ok(Box::new(EmptyQuery)),
            Place::Keyword(field) => {
                let text = |text: &str| Some(Term::from_field_text(field, &whole(text)));
                Ok(match (limit(low, text), limit(high, text)) {
                    (Some(low), Some(high)) => Box::new(InvertedIndexRangeQuery::new(low, high)),
                    _ => Box::new(EmptyQuery),
                })
            }
            Place::Attribute(path) if any_number => {
                let start = || Term::from_field_json_path(self.fields.attributes, &path, true);
                Ok(match numbers_between(&start, low, high) {
                    Some(between) => Box::new(between),
                    None => self.verify(exists(column(&path)), node),
                })
            }
            Place::Attribute(path) => Ok(self.verify(exists(column(&path)), node)),
        }
    }

    /// All levels between two: names of levels by their order, others as texts.
    fn levels(&self, low: &Bound, high: &Bound) -> Compiled {
        let between = Node::Between {
            field: Name::new(Name::LEVEL),
            low: low.clone(),
            high: high.clone(),
        };
        let query = estiba_logs::Query { node: between };
        let mut record = estiba_logs::Record::new(jiff::Timestamp::UNIX_EPOCH, "");
        let mut found = Vec::new();
        for level in Level::ALL {
            record.level = Some(level);
            if query.matches(&record) {
                found.push(term(self.fields.level, level.as_str()));
            }
        }
        Ok(any_of(found))
    }

    /// Lines of a time.
    pub(super) fn at(&self, low: Limit<i64>, high: Limit<i64>) -> Box<dyn Query> {
        let at = |at: i64| {
            let at = DateTime::from_timestamp_micros(at.clamp(FIRST_US, LAST_US));
            Term::from_field_date(self.fields.at, at)
        };
        Box::new(RangeQuery::new(low.map(at), high.map(at)))
    }
}

fn is_leaf(node: &Node) -> bool {
    !matches!(node, Node::And(_) | Node::Or(_) | Node::Not(_))
}

fn any_of(mut parts: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match parts.len() {
        0 => Box::new(EmptyQuery),
        1 => parts.remove(0),
        _ => Box::new(BooleanQuery::union(parts)),
    }
}

fn all_if(all: bool) -> Box<dyn Query> {
    if all {
        Box::new(AllQuery)
    } else {
        Box::new(EmptyQuery)
    }
}

fn exists(column: String) -> Box<dyn Query> {
    Box::new(ExistsQuery::new(column, false))
}

fn column(path: &str) -> String {
    format!("{}.{path}", Fields::ATTRIBUTES)
}

fn term(field: Field, text: &str) -> Box<dyn Query> {
    by_term(Term::from_field_text(field, text))
}

fn by_term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn keyword(field: Field, value: &Value) -> Compiled {
    match (value.as_literal(), value) {
        (Some(text), _) => Ok(term(field, &whole(text))),
        (None, Value::Word(glob)) => like(field, "", &glob.lower()),
        (None, Value::Phrase(_)) => Ok(Box::new(EmptyQuery)),
    }
}

fn alike(name: &str, value: &Value) -> bool {
    match (value.as_literal(), value) {
        (Some(text), _) => whole(text) == whole(name),
        (None, Value::Word(glob)) => glob.lower().matches_lower(&whole(name)),
        (None, Value::Phrase(_)) => false,
    }
}

/// Terms that begin with `prefix` and go on like the glob.
fn like(field: Field, prefix: &str, glob: &Glob) -> Compiled {
    let mut pattern = String::new();
    escape(prefix, &mut pattern);
    for piece in glob.pieces() {
        match piece {
            Piece::Text(text) => escape(text, &mut pattern),
            Piece::Any => pattern.push_str("(?s:.)*"),
            Piece::One => pattern.push_str("(?s:.)"),
        }
    }
    Ok(Box::new(RegexQuery::from_pattern(&pattern, field)?))
}

fn escape(text: &str, pattern: &mut String) {
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            pattern.push(letter);
        } else {
            let _ = write!(pattern, "\\x{{{:x}}}", u32::from(letter));
        }
    }
}

/// Numbers between two ends of one kind: tantivy panics where they are of two. `None`
/// where both can't be of one kind without a loss.
fn numbers_between(start: &dyn Fn() -> Term, low: &Bound, high: &Bound) -> Option<RangeQuery> {
    fn all<T: FastValue>(
        start: &dyn Fn() -> Term,
        ends: [&Bound; 2],
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<RangeQuery> {
        let term = |text: &str| {
            let mut term = start();
            term.append_type_and_fast_value(read(text)?);
            Some(term)
        };
        Some(RangeQuery::new(
            limit(ends[0], term)?,
            limit(ends[1], term)?,
        ))
    }
    /// Whole numbers up to here are floats without a loss.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let ends = [low, high];
    all(start, ends, |text| text.parse::<i64>().ok())
        .or_else(|| all(start, ends, |text| text.parse::<u64>().ok()))
        .or_else(|| {
            all(start, ends, |text| {
                text.parse::<f64>()
                    .ok()
                    .filter(|number| number.abs() < EXACT)
            })
        })
}

/// The number of a text as the index has it: whole where it can be.
fn number(mut term: Term, text: &str) -> Option<Term> {
    if let Ok(number) = text.parse::<i64>() {
        term.append_type_and_fast_value(number);
    } else if let Ok(number) = text.parse::<u64>() {
        term.append_type_and_fast_value(number);
    } else {
        let number = text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is compared with what it was"
        )]
        #[expect(
            clippy::cast_precision_loss,
            reason = "it is compared with what it was"
        )]
        #[expect(clippy::float_cmp, reason = "whole numbers are exact")]
        if (number as i64) as f64 == number {
            term.append_type_and_fast_value(number as i64);
        } else {
            term.append_type_and_fast_value(number);
        }
    }
    debug_assert_eq!(term.typ(), Type::Json);
    Some(term)
}

fn end(bound: &Bound) -> Option<&str> {
    match bound {
        Bound::Open => None,
        Bound::Including(text) | Bound::Excluding(text) => Some(text),
    }
}

/// `None` where the end is no value of the kind.
fn limit<T>(bound: &Bound, read: impl Fn(&str) -> Option<T>) -> Option<Limit<T>> {
    Some(match bound {
        Bound::Open => Limit::Unbounded,
        Bound::Including(text) => Limit::Included(read(text)?),
        Bound::Excluding(text) => Limit::Excluded(read(text)?),
    })
}

fn moment(text: &str) -> Option<i64> {
    Some(parse_time(&text.into())?.as_microsecond())
}
