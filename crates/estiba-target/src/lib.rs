//! What every container runtime must do for Estiba.
//!
//! The engine knows this crate alone; an adapter implements [`Target`]. Every
//! operation is idempotent: after a crash the engine asks the target what there
//! is and takes the same step again.

mod error;
mod logs;
mod provision;
mod redact;
mod spec;
mod target;

pub use error::TargetError;
pub use estiba_model::{LogLine, Stream, Url};
pub use logs::{LogQuery, LogStream};
pub use provision::{Outputs, Reach, ResourceSpec};
pub use redact::{Redacted, Redactor};
pub use spec::{
    ContainerSpec, FileContent, FileSpec, ImageSpec, InstanceSpec, RolloutSpec, ScratchSpec, Task,
    TaskSpec, VolumeSpec, WorkloadSpec,
};
pub use target::{
    Capability, ExecIo, ExecRequest, HostCheck, Instances, Progress, Rollouts, Runner, Target,
};
