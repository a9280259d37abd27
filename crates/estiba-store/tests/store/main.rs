//! The store's behaviour, the same on SQLite and on PostgreSQL, and what it
//! does with files that are damaged, foreign or somebody else's.

// Clippy allows it in the test functions themselves, not in what they share.
#![allow(clippy::unwrap_used)]

#[macro_use]
mod support;

mod child;
mod crash;
mod deployments;
mod key;
mod locks;
mod opening;
mod postgres;
#[path = "../../../estiba/tests/support/postgres.rs"]
mod postgres_process;
mod releases;
mod secrecy;
mod server;
mod settings;
