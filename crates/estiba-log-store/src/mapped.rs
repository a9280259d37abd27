//! How much of the index's files is mapped and in memory.
//!
//! The kernel takes such pages back when others need them, but until then they count
//! as the memory of the process, and to whoever watches it or limits it they look like
//! all other. Nothing is lost with them but the time to map them again: what was read
//! stays in the page cache.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

/// With more than this the files are closed, in bytes.
const MOST_BYTES: u64 = 24 << 20;

/// Looks after mapped memory.
pub(crate) struct Mapped {
    /// What else is mapped, the program itself above all.
    others: AtomicU64,
}

impl Default for Mapped {
    fn default() -> Self {
        Self {
            others: AtomicU64::new(mapped_bytes()),
        }
    }
}

impl Mapped {
    /// Calls `close` if much is mapped.
    pub(crate) fn limit(&self, close: impl FnOnce()) {
        let others = self.others.load(Ordering::Relaxed);
        if mapped_bytes() > others.saturating_add(MOST_BYTES) {
            close();
            self.others.store(mapped_bytes(), Ordering::Relaxed);
        }
    }
}

/// The file pages that the process has in memory: `RssFile` of
/// <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>. None where nothing
/// tells.
fn mapped_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssFile:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
