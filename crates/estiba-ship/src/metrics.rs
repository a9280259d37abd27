//! Figures of a shipper, as Prometheus reads them.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts what happens. All of it is read at any time by `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) read: Count,
    pub(crate) read_bytes: Count,
    pub(crate) shipped: Count,
    pub(crate) retried: Count,
    pub(crate) left_out: Count,
    pub(crate) refused: Count,
    pub(crate) given_up: Count,
    pub(crate) requests: Count,
    pub(crate) failed_requests: Count,
    pub(crate) truncated_files: Count,
    pub(crate) batch_bytes: Count,
    pub(crate) buffer_bytes: Count,
    pub(crate) lag_bytes: Count,
    pub(crate) files: Count,
    pub(crate) open_files: Count,
    /// Documents that nobody has but the shipper, and how many of them are safe by now:
    /// on the disk, or done with at the sink.
    pub(crate) entrusted: Count,
    pub(crate) safe: Count,
    /// Whether the sink did not take the last request.
    pub(crate) sink_down: AtomicBool,
    /// Whether nothing more is read until the sink takes something.
    pub(crate) full: AtomicBool,
    /// Whether posted lines are refused for now.
    pub(crate) refuses: AtomicBool,
}

/// A number that others may read.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Metrics {
    /// Documents that would be lost now.
    pub(crate) fn at_stake(&self) -> u64 {
        self.entrusted.get().saturating_sub(self.safe.get())
    }

    /// The exposition format:
    /// <https://prometheus.io/docs/instrumenting/exposition_formats/>.
    pub(crate) fn text(&self) -> String {
        let flag = |flag: &AtomicBool| u64::from(flag.load(Ordering::Relaxed));
        let counters = [
            ("lines_read_total", "Events that were read.", &self.read),
            (
                "bytes_read_total",
                "Bytes that were read.",
                &self.read_bytes,
            ),
            (
                "lines_shipped_total",
                "Documents that the sink acknowledged.",
                &self.shipped,
            ),
            (
                "lines_retried_total",
                "Documents that were sent again.",
                &self.retried,
            ),
            (
                "lines_left_out_total",
                "Events that a rule left out.",
                &self.left_out,
            ),
            (
                "lines_refused_total",
                "Documents that the sink will never take.",
                &self.refused,
            ),
            (
                "lines_given_up_total",
                "Documents that were tried until the limit.",
                &self.given_up,
            ),
            ("requests_total", "Requests to the sink.", &self.requests),
            (
                "failed_requests_total",
                "Requests that the sink did not take.",
                &self.failed_requests,
            ),
            (
                "truncated_files_total",
                "Files that began anew.",
                &self.truncated_files,
            ),
        ];
        let gauges = [
            (
                "batch_bytes",
                "Bytes that wait in memory or are being sent.",
                self.batch_bytes.get(),
            ),
            (
                "buffer_bytes",
                "Bytes in the disk buffer.",
                self.buffer_bytes.get(),
            ),
            (
                "lag_bytes",
                "Bytes of files that were not read yet.",
                self.lag_bytes.get(),
            ),
            ("files", "Files that are followed.", self.files.get()),
            ("open_files", "Files that are open.", self.open_files.get()),
            (
                "sink_down",
                "1 where the sink did not take the last request.",
                flag(&self.sink_down),
            ),
            (
                "full",
                "1 where nothing more is read for now.",
                flag(&self.full),
            ),
            (
                "refuses",
                "1 where posted lines are refused for now.",
                flag(&self.refuses),
            ),
        ];
        let mut text = String::new();
        let mut add = |name: &str, help: &str, kind: &str, value: u64| {
            // Writing to a text does not fail.
            let _ = writeln!(
                text,
                "# HELP estiba_ship_{name} {help}\n# TYPE estiba_ship_{name} {kind}\nestiba_ship_{name} {value}"
            );
        };
        for (name, help, count) in counters {
            add(name, help, "counter", count.get());
        }
        for (name, help, value) in gauges {
            add(name, help, "gauge", value);
        }
        text
    }
}
