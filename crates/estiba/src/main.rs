//! The `estiba` command: reads what was typed, wires the adapters in, shows what
//! comes of it.

mod backend;
mod cli;
mod commands;
mod context;
mod failure;
mod output;
mod paths;
mod targets;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    // What runs in the background starts here too, before anything is parsed or
    // allocated that it does not need.
    let role = estiba_target_local::role(&args)
        .or_else(|| estiba_target_docker::role(&args))
        .or_else(|| estiba_preflight::role(&args))
        .or_else(|| estiba_mail::role(&args));
    if let Some(code) = role {
        return code;
    }
    commands::run()
}
