//! The thread that reads all files through from time to time, slowly.
//!
//! A disk that lost something is noticed before somebody reads there.

use std::sync::Arc;
use std::time::Duration;

use crate::shared::Shared;

/// How long after all files were read through it begins again.
const AGAIN_AFTER: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// After so many bytes it lets others have the disk.
const BYTES_BETWEEN_PAUSES: usize = 1 << 20;
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until the store is closed.
pub(crate) fn run(shared: &Arc<Shared>) {
    loop {
        all(shared);
        if shared.waiting.is_closed_within(AGAIN_AFTER) {
            return;
        }
    }
}

fn all(shared: &Shared) {
    let mut read = 0;
    let mut each = |bytes| {
        read += bytes;
        if read < BYTES_BETWEEN_PAUSES {
            return true;
        }
        read = 0;
        !shared.waiting.is_closed_within(PAUSE)
    };
    for shelf in shared.shelves() {
        for partition in shelf.partitions().iter().rev() {
            if shared.waiting.is_closed_within(Duration::ZERO) {
                return;
            }
            if let Err(error) = shelf.check_all(partition, &shared.aside, &mut each) {
                tracing::warn!(environment = %shelf.environment, %error, "logs could not be read through");
            }
        }
    }
}
