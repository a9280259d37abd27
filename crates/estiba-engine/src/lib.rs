//! From a checked project to a verified deployment: build, observe, plan, apply,
//! recover. It knows targets by their contract only.

mod accept;
mod apply;
mod bind;
mod carried;
mod changes;
mod database;
mod deploy;
mod desired;
mod down;
mod engine;
mod error;
mod file_logs;
mod inputs;
mod instances;
mod mail;
mod observer;
mod own_image;
mod preflight;
mod reach;
mod release;
mod reset;
mod restore;
mod runtime;
mod smoke;
mod status;
mod values;
mod versions;

pub use apply::{READY_TIMEOUT, STOP_GRACE};
pub use deploy::{Outcome, Request};
pub use desired::STRATEGY_ANNOTATION;
pub use engine::{Engine, environment_id};
pub use error::{EngineError, FailedDeployment, Left};
pub use inputs::{Inputs, Overrides};
pub use mail::MailSink;
pub use observer::{Observer, Silent};
pub use preflight::{Preflight, ProbeFrom};
pub use runtime::TargetProvider;
