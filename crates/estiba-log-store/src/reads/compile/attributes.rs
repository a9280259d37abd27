//! Attributes: any path may have texts, numbers and truth values.

use estiba_logs::{Bound, Node, Value, whole};
use tantivy::Term;
use tantivy::fastfield::FastValue;
use tantivy::query::{EmptyQuery, RangeQuery};
use tantivy::schema::Type;

use super::between::limit;
use super::terms::{by_term, like};
use super::{Compiled, Compiler, any_of, exists};
use crate::partition::Fields;

impl Compiler<'_> {
    pub(super) fn attribute(&self, node: &Node, path: &str, value: &Value) -> Compiled {
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
}

/// Numbers between two ends of one kind: tantivy panics where they are of two. `None`
/// where both can't be of one kind without a loss.
pub(super) fn numbers_between(
    start: &dyn Fn() -> Term,
    low: &Bound,
    high: &Bound,
) -> Option<RangeQuery> {
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

/// The column of an attribute.
pub(super) fn column(path: &str) -> String {
    format!("{}.{path}", Fields::ATTRIBUTES)
}
