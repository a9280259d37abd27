//! From a checked project to a verified deployment: build, observe, plan, apply,
//! recover. It knows targets by their contract only.

mod apply;
mod bind;
mod carried;
mod database;
mod deploy;
mod desired;
mod down;
mod engine;
mod error;
mod event;
mod inputs;
mod instances;
mod reach;
mod release;
mod runtime;
mod status;
mod values;
mod versions;

pub use apply::{READY_TIMEOUT, STOP_GRACE};
pub use carried::Carried;
pub use deploy::{Outcome, Request};
pub use desired::STRATEGY_ANNOTATION;
pub use down::Losses;
pub use engine::Engine;
pub use error::{EngineError, FailedDeployment, Left};
pub use event::{Event, Observer, Silent};
pub use inputs::{Inputs, Overrides};
pub use runtime::TargetProvider;
pub use status::{Activity, Deployed, EnvironmentStatus, InstanceStatus};
