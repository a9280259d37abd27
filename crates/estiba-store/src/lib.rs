//! Durable state: releases, deployments, steps, settings and sealed secrets; and
//! for a server, who may do what and what happened.
//!
//! A [`Store`] keeps it in SQLite (one machine) or in PostgreSQL (many), by the
//! same statements. What a method wrote is on disk when the method returns.
//! Secret values are sealed with a [`SealKey`] before they reach the database.

mod alerts;
mod answers;
mod approvals;
mod audit;
mod chats;
mod database;
mod deployments;
mod error;
mod happenings;
mod key;
mod lock;
mod projects;
mod random;
mod record;
mod releases;
mod schema;
mod secrets;
mod sessions;
mod settings;
mod steps;
mod teams;
mod tokens;
mod trusts;

pub use alerts::AlertState;
pub use answers::Known;
pub use audit::NewAuditEntry;
pub use chats::ChatMember;
pub use database::{DATABASE_FILE, Location, Store};
pub use deployments::{Acceptance, Delivery};
pub use error::StoreError;
pub use happenings::{HappeningQuery, NewHappening};
pub use key::{KEY_FILE, KEY_VARIABLE, KeyError, PASSPHRASE_VARIABLE, SealKey};
pub use lock::EnvironmentLock;
pub use projects::DescribedProject;
pub use releases::{PutRelease, ReleaseSummary};
pub use sessions::Session;
pub use settings::Settings;
pub use tokens::{TOKEN_PREFIX, TokenOwner};
