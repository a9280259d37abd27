//! Workloads on Kubernetes.
//!
//! Two halves. [`manifests`] turns specifications into objects and does no I/O:
//! what is applied to a cluster and what is exported to files come from the same
//! functions. The adapter applies them, watches what becomes of them and
//! reads what there is.

pub mod manifests;
mod settings;

pub use settings::{ContainerLimits, IngressKind, Settings};
