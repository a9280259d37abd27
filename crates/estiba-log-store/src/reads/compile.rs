//! From a query to what the index of a partition understands.
//!
//! What comes out finds exactly what [`Query::matches`](estiba_logs::Query::matches)
//! does; a property test holds the two together.

mod attributes;
mod between;
mod terms;

use std::ops::Bound as Limit;

use estiba_logs::{Field as Name, Level, Node, Value};
use tantivy::Searcher;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, ExistsQuery, Occur, Query};
use tantivy::schema::Field;

use self::attributes::column;
use self::between::moment;
use self::terms::{alike, keyword, like, term};
use super::verify::verified;
use crate::Environment;
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
                // Of an object, what is in it.
                Place::Attribute(path) => Box::new(ExistsQuery::new(column(&path), true)),
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
