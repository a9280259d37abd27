//! The web API over the engine: what `estiba serve` answers.
//!
//! [`serve`] listens until it is told to stop; `router.rs` reads
//! as a table of contents.

mod alerts;
mod auth;
mod clusters;
mod collect;
mod describe;
mod elastic;
mod events;
mod extract;
mod forward;
mod headers;
mod idempotency;
mod listen;
mod logs;
mod metrics;
mod page;
mod problem;
mod reading;
mod resources;
mod router;
mod state;
mod watch;
mod work;

pub use auth::ProviderOptions;
pub use estiba_log_cluster::{Authorities, Destination, SinkLogin};
pub use listen::{ServeError, serve};
pub use logs::LogOptions;
pub use router::openapi;
pub use state::Options;
