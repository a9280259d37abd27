//! Projects on disk, read and checked.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files has failed"
)]

mod bad;
mod good;
mod init;
mod properties;
mod schema;
mod support;
