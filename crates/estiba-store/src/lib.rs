//! Durable state: releases, deployments, steps, settings and sealed secrets.
//!
//! A [`Store`] keeps it in SQLite (one machine) or in PostgreSQL (many), by the
//! same statements. What a method wrote is on disk when the method returns.
//! Secret values are sealed with a [`SealKey`] before they reach the database.

mod database;
mod deployments;
mod error;
mod key;
mod lock;
mod record;
mod releases;
mod schema;
mod secrets;
mod settings;
mod steps;

pub use database::{DATABASE_FILE, Location, Store};
pub use error::StoreError;
pub use key::{KEY_FILE, KeyError, PASSPHRASE_VARIABLE, SealKey};
pub use lock::EnvironmentLock;
pub use releases::{PutRelease, ReleaseSummary};
pub use settings::Settings;
