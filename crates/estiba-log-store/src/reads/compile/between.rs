//! Values between two ends.

use std::ops::Bound as Limit;

use estiba_logs::{Bound, Field as Name, Level, Node, parse_time, whole};
use tantivy::query::{AllQuery, EmptyQuery, InvertedIndexRangeQuery, Query, RangeQuery};
use tantivy::{DateTime, Term};

use super::attributes::{column, numbers_between};
use super::terms::term;
use super::{Compiled, Compiler, Place, all_if, any_of, exists};
use crate::line::{FIRST_US, LAST_US};

impl Compiler<'_> {
    pub(super) fn between(&self, node: &Node, field: &Name, low: &Bound, high: &Bound) -> Compiled {
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
    pub(in crate::reads) fn at(&self, low: Limit<i64>, high: Limit<i64>) -> Box<dyn Query> {
        let at = |at: i64| {
            let at = DateTime::from_timestamp_micros(at.clamp(FIRST_US, LAST_US));
            Term::from_field_date(self.fields.at, at)
        };
        Box::new(RangeQuery::new(low.map(at), high.map(at)))
    }
}

fn end(bound: &Bound) -> Option<&str> {
    match bound {
        Bound::Open => None,
        Bound::Including(text) | Bound::Excluding(text) => Some(text),
    }
}

/// `None` where the end is no value of the kind.
pub(super) fn limit<T>(bound: &Bound, read: impl Fn(&str) -> Option<T>) -> Option<Limit<T>> {
    Some(match bound {
        Bound::Open => Limit::Unbounded,
        Bound::Including(text) => Limit::Included(read(text)?),
        Bound::Excluding(text) => Limit::Excluded(read(text)?),
    })
}

pub(super) fn moment(text: &str) -> Option<i64> {
    Some(parse_time(&text.into())?.as_microsecond())
}
