//! Finding by the stored line what the index alone can't tell.
//!
//! The index says which lines may be meant; [`Query::matches`] says which are. What
//! is found is exact that way, at the cost of reading the lines that may be meant.

use std::fmt;
use std::sync::Arc;

use estiba_logs::{Node, Query};
use tantivy::query::doc_predicate_query::{
    ConstOrVariableSegmentPredicate, DocPredicate, DocPredicateQuery, SegmentDocPredicate,
};
use tantivy::query::{EnableScoring, Query as IndexQuery};
use tantivy::store::StoreReader;
use tantivy::{DocId, SegmentReader, TantivyDocument};

use crate::Environment;
use crate::line::stored;
use crate::partition::Fields;

/// Blocks of stored lines that are kept unpacked; lines are read in their order.
const BLOCKS: usize = 2;

/// Those of the candidates that really are like `node`.
pub(super) fn verified(
    candidates: Box<dyn IndexQuery>,
    node: &Node,
    environment: &Environment,
    fields: &Fields,
) -> Box<dyn IndexQuery> {
    Box::new(DocPredicateQuery::from(Stored {
        candidates,
        query: Arc::new(Query { node: node.clone() }),
        environment: Arc::new(environment.clone()),
        line: fields.line,
    }))
}

struct Stored {
    candidates: Box<dyn IndexQuery>,
    query: Arc<Query>,
    environment: Arc<Environment>,
    line: tantivy::schema::Field,
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stored({})", self.query)
    }
}

impl DocPredicate for Stored {
    type SegmentDocPredicate = StoredInSegment;

    fn doc_predicate(
        &self,
        segment: &SegmentReader,
    ) -> tantivy::Result<ConstOrVariableSegmentPredicate<StoredInSegment>> {
        let weight = self
            .candidates
            .weight(EnableScoring::disabled_from_schema(segment.schema()))?;
        Ok(ConstOrVariableSegmentPredicate::Variable {
            predicate: StoredInSegment {
                lines: segment.get_store_reader(BLOCKS)?,
                query: Arc::clone(&self.query),
                environment: Arc::clone(&self.environment),
                line: self.line,
            },
            necessary_condition: weight.scorer(segment, 1.0)?,
        })
    }
}

struct StoredInSegment {
    lines: StoreReader,
    query: Arc<Query>,
    environment: Arc<Environment>,
    line: tantivy::schema::Field,
}

impl SegmentDocPredicate for StoredInSegment {
    fn eval(&mut self, doc: DocId) -> bool {
        let Ok(document) = self.lines.get::<TantivyDocument>(doc) else {
            return false;
        };
        stored(&document, self.line)
            .is_some_and(|line| self.query.matches(&line.into_record(&self.environment)))
    }

    fn cost(&self) -> u64 {
        5000
    }
}
