//! Score v1b1 text to workloads, with file, line and column for every mistake.
