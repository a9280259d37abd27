//! What targets on this machine share: the edge and what is routed through it,
//! ports, locks, records, background processes and probes.

pub mod account;
pub mod address;
pub mod background;
pub mod directory;
pub mod edge;
mod error;
pub mod lock;
pub mod ports;
pub mod probe;
mod process;
pub mod record;
pub mod routes;
pub mod service_ports;
pub mod traffic;

pub use directory::short_hash;
pub use error::HostError;
pub use process::{Process, ProcessId, hears};
