//! Runs OCI containers through [`libcontainer`], as root or as anyone else.
//!
//! A *supervisor* process calls [`launch`], which starts the program again in
//! a hidden role ([`ROLE_RUN`]); that short-lived *helper* prepares the root
//! filesystem, has libcontainer create and start the container, and exits. The
//! container's first process then becomes a child of the supervisor, which must
//! have made itself a child subreaper (`PR_SET_CHILD_SUBREAPER`) beforehand, and
//! waits for it by its pid.
//!
//! Everything that a container needs to know travels as JSON over a socket that
//! only supervisor and helper share: neither environment nor secrets are ever
//! an argument, nor written to disk.
//!
//! What every container gets, whoever runs it: its own mount, pid, ipc, uts and
//! cgroup namespaces, the network of the host, no capability, `no_new_privs`, a
//! seccomp allow-list, masked kernel paths, and a user that is not root unless
//! asked for.

mod bundle;
mod cgroups;
mod control;
mod error;
mod helper;
mod host;
mod identity;
mod launch;
mod layers;
mod lifecycle;
mod rootfs;
mod seccomp;
mod spec;
mod trace;
mod workload;

pub use error::{ExecError, Failure, LaunchError};
pub use estiba_host::account::User;
pub use helper::run_role;
pub use host::{HostReport, host_report};
pub use launch::{ExecOutcome, RunningContainer, exec, launch};
pub use lifecycle::{DeleteError, delete, memory_kills, signal};
pub use nix::sys::signal::Signal;
pub use spec::{BindMount, ContainerId, ContainerSpec, Env, ExecSpec, Limits, TmpfsMount};

/// First argument of the program when it is to start one container.
pub const ROLE_RUN: &str = "container-run";
/// First argument of the program when it is to run a command in a container.
pub const ROLE_EXEC: &str = "container-exec";
/// First argument of the program when it is to try what this machine allows.
pub const ROLE_PROBE: &str = "container-probe";
