//! Finding lines in their order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use estiba_logs::{Field as Name, Glob, Node, Query, Record, Value};
use tantivy::query::EnableScoring;
use tantivy::{DateTime, DocAddress, Searcher, SegmentReader, TantivyDocument};

use super::compile::Compiler;
use super::errors::{Failed, each_partition};
use super::{Cursor, Found, Hit, Order, Search};
use crate::line::stored;
use crate::partition::Fields;
use crate::shared::Shared;
use crate::shelf::Shelf;
use crate::{Environment, ReadError, Scope};

/// With lines around them, there are at most so many hits.
const MOST_WITH_CONTEXT: usize = 100;

pub(crate) fn search(shared: &Shared, scope: &Scope, search: &Search) -> Result<Found, ReadError> {
    let around = search.lines_before > 0 || search.lines_after > 0;
    let most = if around {
        MOST_WITH_CONTEXT
    } else {
        Search::MOST
    };
    let limit = search.limit.min(most);
    let shelves = shared.seen_by(scope);
    let wanted = Wanted {
        query: search.query.clone(),
        from_us: search.from.map(|from| from.as_microsecond()),
        until_us: search.until.map(|until| until.as_microsecond()),
        order: search.order,
        after: search.after,
        limit,
    };
    let mut hits = Vec::new();
    for (cursor, record) in top(shared, &shelves, &wanted)? {
        let mut hit = Hit {
            cursor,
            record,
            before: Vec::new(),
            after: Vec::new(),
        };
        if around {
            let same = Environment::of(&hit.record.origin);
            let mut shelves = shelves.clone();
            shelves.retain(|shelf| shelf.environment == same);
            let near = |order, limit: usize| Wanted {
                query: same_instance(&hit.record),
                from_us: None,
                until_us: None,
                order,
                after: Some(cursor),
                limit: limit.min(Search::MOST_CONTEXT),
            };
            let before = near(Order::NewestFirst, search.lines_before);
            let after = near(Order::OldestFirst, search.lines_after);
            hit.before = records(top(shared, &shelves, &before)?);
            hit.before.reverse();
            hit.after = records(top(shared, &shelves, &after)?);
        }
        hits.push(hit);
    }
    let next = hits
        .last()
        .map(|hit| hit.cursor)
        .filter(|_| hits.len() == limit);
    Ok(Found { hits, next })
}

fn records(found: Vec<(Cursor, Record)>) -> Vec<Record> {
    found.into_iter().map(|(_, record)| record).collect()
}

/// Lines of the same instance, or of none where the line has none.
fn same_instance(record: &Record) -> Query {
    let field = Name::new("instance");
    let node = match &record.origin.instance {
        Some(instance) => Node::Is {
            field,
            value: Value::Word(Glob::literal(instance)),
        },
        None => Node::Not(Box::new(Node::Exists { field })),
    };
    Query { node }
}

struct Wanted {
    query: Query,
    from_us: Option<i64>,
    until_us: Option<i64>,
    order: Order,
    after: Option<Cursor>,
    limit: usize,
}

/// A place in the order in which the first wanted is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(i64, u64);

impl Rank {
    fn new(order: Order, at_us: i64, sequence: u64) -> Self {
        match order {
            Order::NewestFirst => Self(at_us, sequence),
            Order::OldestFirst => Self(at_us.saturating_neg(), u64::MAX - sequence),
        }
    }

    fn cursor(self, order: Order) -> Cursor {
        let Self(at_us, sequence) = Self::new(order, self.0, self.1);
        Cursor { at_us, sequence }
    }
}

struct Best {
    limit: usize,
    /// The worst is on top.
    ranks: BinaryHeap<Reverse<(Rank, usize, DocAddress)>>,
}

impl Best {
    /// Whether lines up to this moment may be among the best.
    fn may_take(&self, best_at: i64) -> bool {
        self.limit > 0
            && (self.ranks.len() < self.limit
                || self
                    .ranks
                    .peek()
                    .is_some_and(|Reverse((worst, ..))| best_at >= worst.0))
    }

    fn take(&mut self, rank: Rank, searcher: usize, address: DocAddress) {
        if self.ranks.len() >= self.limit {
            if self
                .ranks
                .peek()
                .is_none_or(|Reverse((worst, ..))| *worst >= rank)
            {
                return;
            }
            self.ranks.pop();
        }
        self.ranks.push(Reverse((rank, searcher, address)));
    }
}

fn top(
    shared: &Shared,
    shelves: &[Arc<Shelf>],
    wanted: &Wanted,
) -> Result<Vec<(Cursor, Record)>, ReadError> {
    let (_, fields) = Fields::schema();
    let mut best = Best {
        limit: wanted.limit,
        ranks: BinaryHeap::new(),
    };
    let mut searchers: Vec<(Searcher, Environment)> = Vec::new();
    each_partition(shared, shelves, |shelf, partition| {
        let contents = partition.contents();
        if contents.lines == 0 || !wanted.overlaps(contents.from_us, contents.until_us) {
            return Ok(());
        }
        let first = wanted.first_of(contents.from_us, contents.until_us);
        if !best.may_take(first) {
            return Ok(());
        }
        let searcher = partition.searcher()?;
        let number = searchers.len();
        let kept = best.ranks.clone();
        let found = in_partition(
            &searcher,
            &shelf.environment,
            &fields,
            wanted,
            number,
            &mut best,
        );
        if found.is_err() {
            // It may be read once more.
            best.ranks = kept;
        }
        searchers.push((searcher, shelf.environment.clone()));
        found
    })?;
    let mut lines = Vec::with_capacity(best.ranks.len());
    for Reverse((rank, searcher, address)) in best.ranks.into_sorted_vec() {
        let (searcher, environment) = &searchers[searcher];
        let document: TantivyDocument = searcher
            .doc(address)
            .map_err(|error| ReadError::Index(error.to_string()))?;
        if let Some(line) = stored(&document, fields.line) {
            lines.push((rank.cursor(wanted.order), line.into_record(environment)));
        }
    }
    Ok(lines)
}

impl Wanted {
    fn overlaps(&self, first_us: i64, last_us: i64) -> bool {
        self.from_us.is_none_or(|from| last_us >= from)
            && self.until_us.is_none_or(|until| first_us < until)
    }

    /// The rank's moment of the best line between two.
    fn first_of(&self, first_us: i64, last_us: i64) -> i64 {
        match self.order {
            Order::NewestFirst => last_us,
            Order::OldestFirst => first_us.saturating_neg(),
        }
    }
}

fn in_partition(
    searcher: &Searcher,
    environment: &Environment,
    fields: &Fields,
    wanted: &Wanted,
    number: usize,
    best: &mut Best,
) -> Result<(), Failed> {
    let compiler = Compiler {
        environment,
        fields,
        searcher,
    };
    let query = compiler.compile(&wanted.query.node)?;
    let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
    let mut segments = Vec::new();
    for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
        let at = segment.fast_fields().date(Fields::AT)?;
        let micros = |at: DateTime| at.into_timestamp_micros();
        let (first, last) = (micros(at.min_value()), micros(at.max_value()));
        if segment.max_doc() > 0 && wanted.overlaps(first, last) {
            segments.push((wanted.first_of(first, last), ordinal, segment, at));
        }
    }
    segments.sort_by_key(|(first, ..)| Reverse(*first));
    for (first, ordinal, segment, at) in segments {
        if !best.may_take(first) {
            break;
        }
        in_segment(segment, &at, weight.as_ref(), wanted, &mut |rank, doc| {
            best.take(rank, number, DocAddress::new(ordinal, doc));
        })?;
    }
    Ok(())
}

fn in_segment(
    segment: &SegmentReader,
    at: &tantivy::columnar::Column<DateTime>,
    weight: &dyn tantivy::query::Weight,
    wanted: &Wanted,
    take: &mut dyn FnMut(Rank, u32),
) -> Result<(), Failed> {
    let sequence = segment.fast_fields().u64(Fields::SEQUENCE)?;
    let from = wanted.from_us.unwrap_or(i64::MIN);
    let until = wanted.until_us.unwrap_or(i64::MAX);
    let after = wanted
        .after
        .map(|after| Rank::new(wanted.order, after.at_us, after.sequence));
    let mut moments = Vec::new();
    weight.for_each_no_score(segment, &mut |docs| {
        moments.resize(docs.len(), DateTime::from_timestamp_micros(0));
        at.values.get_vals(docs, &mut moments);
        for (doc, moment) in docs.iter().zip(&moments) {
            let at_us = moment.into_timestamp_micros();
            if at_us < from || at_us >= until {
                continue;
            }
            let rank = Rank::new(wanted.order, at_us, sequence.values.get_val(*doc));
            if after.is_none_or(|after| rank < after) {
                take(rank, *doc);
            }
        }
    })?;
    Ok(())
}
