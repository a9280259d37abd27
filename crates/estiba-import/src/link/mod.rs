//! What values stand for: databases, other workloads, secrets, and what differs
//! between environments.

mod commands;
mod databases;
mod hosts;
mod pattern;
mod secrets;
mod sight;
mod values;

use crate::draft::Draft;
use crate::report::Report;

pub(crate) use values::{ENVIRONMENT_RESOURCE, Values};

/// Replaces what stands for something else, and gives the values that are left
/// to the environments.
pub(crate) fn link(draft: &mut Draft, report: &mut Report) -> Values {
    databases::link(draft, report);
    hosts::link(draft, report);
    values::settle(draft, report)
}
