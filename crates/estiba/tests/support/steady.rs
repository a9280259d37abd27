//! Tests of real systems: on a busy machine those are not always in time, so that
//! what fails is run again as often as `ESTIBA_TEST_RETRIES` says. None, unless it is
//! asked for; what was run again is told.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many are run beside each other.
const AT_ONCE: usize = 6;

/// Calls `test`, again where it panics and may; `name` is told then.
pub fn run_again(name: &str, test: impl Fn()) {
    let asked = std::env::var("ESTIBA_TEST_RETRIES").ok();
    let retries = asked.map_or(0, |count| count.parse::<u32>().unwrap());
    for _ in 0..retries {
        match catch_unwind(AssertUnwindSafe(&test)) {
            Ok(()) => return,
            Err(_) => eprintln!("unsteady: {name} is run again"),
        }
    }
    test();
}

/// Runs tests by name, as `cargo test` wants them.
pub fn run(tests: &[(&'static str, fn())]) -> std::process::ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    // They wait for systems more than they compute.
    arguments.test_threads.get_or_insert(AT_ONCE);
    let trials = tests.iter().map(|&(name, test)| {
        let run = move || {
            run_again(name, test);
            Ok(())
        };
        libtest_mimic::Trial::test(name, run)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Functions with their names. One that is left out is found by the compiler, as
/// never used.
#[allow(
    unused_macros,
    reason = "the conformance kit makes its tests by itself"
)]
macro_rules! tests {
    ($($test:path),* $(,)?) => { &[$((stringify!($test), $test as fn())),*] };
}
pub(crate) use tests;
