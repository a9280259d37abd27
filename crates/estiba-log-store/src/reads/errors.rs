//! What to do when a partition can't be read.

use std::sync::Arc;

use crate::ReadError;
use crate::partition::Partition;
use crate::shared::Shared;
use crate::shelf::Shelf;

/// Reads each partition of the shelves that `wanted` accepts, the newest first. One
/// that can't be read is looked at: what is damaged is set aside, and the rest of it
/// is read. One that is gone meanwhile has nothing more to say.
pub(super) fn each_partition(
    shared: &Shared,
    shelves: &[Arc<Shelf>],
    mut read: impl FnMut(&Arc<Shelf>, &Arc<Partition>) -> Result<(), Failed>,
) -> Result<(), ReadError> {
    for shelf in shelves {
        for partition in shelf.partitions().iter().rev() {
            one_partition(shared, shelf, partition, &mut read)?;
        }
    }
    Ok(())
}

/// Reads a partition as [`each_partition`] does.
pub(crate) fn one_partition(
    shared: &Shared,
    shelf: &Arc<Shelf>,
    partition: &Arc<Partition>,
    read: &mut impl FnMut(&Arc<Shelf>, &Arc<Partition>) -> Result<(), Failed>,
) -> Result<(), ReadError> {
    let index = |error: &dyn std::fmt::Display| ReadError::Index(error.to_string());
    match shelf.check(partition, &shared.aside) {
        Ok(true) => {}
        Ok(false) => return Ok(()),
        Err(error) => return Err(index(&error)),
    }
    let error = match read(shelf, partition) {
        Ok(()) => return Ok(()),
        Err(Failed::Answer(error)) => return Err(error),
        Err(Failed::Index(error)) => error,
    };
    let still_there = || {
        shelf
            .partitions()
            .iter()
            .any(|one| one.number == partition.number)
    };
    if !still_there() {
        return Ok(());
    }
    match shelf.check_all(partition, &shared.aside, &mut |_| true) {
        Ok(true) if still_there() => match read(shelf, partition) {
            Err(Failed::Index(error)) => Err(index(&error)),
            Err(Failed::Answer(error)) => Err(error),
            Ok(()) => Ok(()),
        },
        Ok(true) => Ok(()),
        Ok(false) => Err(index(&error)),
        Err(error) => Err(index(&error)),
    }
}

/// Why a partition has no answer.
pub(crate) enum Failed {
    /// Whoever asked has to know.
    Answer(ReadError),
    /// Its files may be damaged.
    Index(tantivy::TantivyError),
}

impl From<tantivy::TantivyError> for Failed {
    fn from(error: tantivy::TantivyError) -> Self {
        match error {
            tantivy::TantivyError::InvalidArgument(why) => {
                Self::Answer(ReadError::Wrong(estiba_model::Message::verbatim(why)))
            }
            tantivy::TantivyError::AggregationError(error) => Self::Answer(ReadError::Wrong(
                estiba_model::Message::verbatim(error.to_string()),
            )),
            error => Self::Index(error),
        }
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Index(error.into())
    }
}
