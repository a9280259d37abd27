//! Documents on their way to the thread that puts them into the index. Each takes several
//! times the memory of its line, and they are made faster than they are taken.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tantivy::TantivyDocument;
use tantivy::schema::document::Document;

use crate::locked::locked;

/// So many batches are on their way at most.
const MOST_BATCHES: usize = 8;
/// A thread that takes none for so long has failed, which the next batch is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many batches are on their way.
#[derive(Default)]
pub(super) struct Pace {
    batches: Mutex<usize>,
    changed: Condvar,
}

/// A batch is on its way until all its documents are taken.
struct Batch(Arc<Pace>);

/// A document of a batch.
pub(super) struct Paced {
    document: TantivyDocument,
    _batch: Arc<Batch>,
}

impl Pace {
    /// Sends a batch on its way once there is room.
    pub(super) fn batch(
        self: &Arc<Self>,
        documents: Vec<TantivyDocument>,
    ) -> impl ExactSizeIterator<Item = Paced> {
        let is_full = |batches: &mut usize| *batches >= MOST_BATCHES;
        let waited = self
            .changed
            .wait_timeout_while(locked(&self.batches), PATIENCE, is_full);
        let (mut batches, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *batches += 1;
        drop(batches);
        let batch = Arc::new(Batch(Arc::clone(self)));
        documents.into_iter().map(move |document| Paced {
            document,
            _batch: Arc::clone(&batch),
        })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        *locked(&self.0.batches) -= 1;
        self.0.changed.notify_one();
    }
}

impl Document for Paced {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.document.iter_fields_and_values()
    }

    fn into_tantivy_document(self) -> TantivyDocument {
        self.document
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_waits_for_room() {
        let pace = Arc::new(Pace::default());
        let batch = || {
            let documents = vec![TantivyDocument::new(), TantivyDocument::new()];
            pace.batch(documents).collect::<Vec<_>>()
        };
        let mut held: Vec<_> = (0..MOST_BATCHES).map(|_| batch()).collect();
        // Half of a batch makes no room.
        held[0].pop();
        let begun = std::time::Instant::now();
        drop(batch());
        assert!(begun.elapsed() >= PATIENCE);
        held.clear();
        assert_eq!(*locked(&pace.batches), 0);
    }
}
