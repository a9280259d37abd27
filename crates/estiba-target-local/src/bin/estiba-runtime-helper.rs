//! Plays the runtime's hidden roles and nothing else: what the tests of this
//! crate start, in place of the whole program.

use std::process::ExitCode;

use estiba_target_local::runtime::run_role;

fn main() -> ExitCode {
    let role = std::env::args().nth(1).unwrap_or_default();
    run_role(&role).unwrap_or(ExitCode::from(64))
}
