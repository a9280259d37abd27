//! By the engine in this process.

mod deployments;
mod instances;
mod releases;
mod settings;

use estiba_engine::Engine;

/// The engine over this user's state.
pub struct Here(pub Engine);
