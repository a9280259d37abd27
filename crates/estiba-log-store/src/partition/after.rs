//! Lines by the number that they got as they came.

use std::collections::BinaryHeap;

use tantivy::columnar::ColumnValues;
use tantivy::{DocAddress, SegmentReader, TantivyDocument};

use super::{Fields, Partition};
use crate::line::{Line, stored};

/// What a line takes beside its text, in bytes, about.
const LINE_BYTES: usize = 256;

impl Partition {
    /// The first lines after a number, in the order of their numbers: so many at most,
    /// and no more once they have so many bytes together.
    pub(crate) fn after(
        &self,
        sequence: u64,
        most: usize,
        most_bytes: usize,
    ) -> tantivy::Result<Vec<(u64, Line)>> {
        let searcher = self.searcher()?;
        let (_, fields) = Fields::schema();
        // The last of those that are wanted is on top.
        let mut first: BinaryHeap<(u64, DocAddress)> = BinaryHeap::new();
        let mut segments = Vec::new();
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let numbers = numbers(segment)?;
            if segment.max_doc() > 0 && numbers.max_value() > sequence {
                segments.push((numbers.min_value(), ordinal, segment.max_doc(), numbers));
            }
        }
        segments.sort_by_key(|(least, ..)| *least);
        for (least, ordinal, docs, numbers) in segments {
            if first.len() >= most && first.peek().is_none_or(|(last, _)| least > *last) {
                break;
            }
            for doc in found(numbers.as_ref(), sequence, docs) {
                first.push((numbers.get_val(doc), DocAddress::new(ordinal, doc)));
                if first.len() > most {
                    first.pop();
                }
            }
        }
        let (mut lines, mut bytes) = (Vec::with_capacity(first.len()), 0);
        for (number, address) in first.into_sorted_vec() {
            if bytes >= most_bytes {
                break;
            }
            let document: TantivyDocument = searcher.doc(address)?;
            let Some(line) = stored(&document, fields.line) else {
                continue;
            };
            bytes += line.text().len() + LINE_BYTES;
            lines.push((number, line));
        }
        Ok(lines)
    }

    /// How many lines have a greater number.
    pub(crate) fn count_after(&self, sequence: u64) -> tantivy::Result<u64> {
        if self.contents().sequence <= sequence {
            return Ok(0);
        }
        let mut count = 0;
        for segment in self.searcher()?.segment_readers() {
            let numbers = numbers(segment)?;
            let docs = segment.max_doc();
            count += match docs {
                0 => 0,
                _ if numbers.min_value() > sequence => u64::from(docs),
                _ if numbers.max_value() <= sequence => 0,
                _ => found(numbers.as_ref(), sequence, docs).len() as u64,
            };
        }
        Ok(count)
    }
}

fn numbers(segment: &SegmentReader) -> tantivy::Result<std::sync::Arc<dyn ColumnValues<u64>>> {
    Ok(segment.fast_fields().u64(Fields::SEQUENCE)?.values)
}

fn found(numbers: &dyn ColumnValues<u64>, sequence: u64, docs: u32) -> Vec<u32> {
    let mut found = Vec::new();
    if let Some(next) = sequence.checked_add(1) {
        numbers.get_row_ids_for_value_range(next..=u64::MAX, 0..docs, &mut found);
    }
    found
}
