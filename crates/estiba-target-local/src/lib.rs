//! Containers run by Estiba itself on this machine, with no daemon.

mod adapter;
mod layout;
mod logs;
mod process;
pub mod runtime;
mod supervisor;
mod traffic;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

pub use adapter::{LocalConfig, LocalTarget};

/// Plays a hidden role, if the program's arguments (without its own name) ask
/// for one. To be called first thing in `main`, before any thread is started.
#[must_use]
pub fn role(args: &[OsString]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match name.to_str()? {
        supervisor::ROLE => Some(supervisor::run(rest)),
        estiba_host::edge::ROLE => Some(estiba_host::edge::run(rest)),
        name => runtime::run_role(name),
    }
}
