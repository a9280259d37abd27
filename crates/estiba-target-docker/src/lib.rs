//! Containers run by a Docker Engine of this machine, or by Podman, which has
//! the same interface.
//!
//! Everything that Estiba makes there is labelled, and found again by its labels
//! alone; nothing without them is touched.

mod adapter;
mod container;
mod database;
mod engine;
mod exec;
mod files;
mod images;
mod instance;
mod labels;
mod layout;
mod log_lines;
mod log_mark;
mod logs;
mod minder;
mod network;
mod ping;
mod porter;
mod probe;
mod resources;
mod routing;
mod run;
mod scratch;
mod volumes;

use std::ffi::OsString;
use std::process::ExitCode;

pub use adapter::{DockerConfig, DockerTarget};

/// Plays a hidden role, if the program's arguments (without its own name) ask
/// for one. To be called first thing in `main`, before any thread is started.
#[must_use]
pub fn role(args: &[OsString]) -> Option<ExitCode> {
    let (name, rest) = args.split_first()?;
    match name.to_str()? {
        minder::ROLE => Some(minder::run(rest)),
        _ => None,
    }
}
