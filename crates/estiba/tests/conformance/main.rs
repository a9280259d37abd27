//! The conformance kit: one list of behaviours, run through the real command
//! against every target that this machine has.
//!
//! `cargo test -p estiba --test conformance -- local::` runs one target;
//! `-- --table` writes the results of all runs so far into the docs.

#![allow(missing_docs, clippy::unwrap_used)]

mod behaviour;
mod behaviours;
mod bench;
mod place;
mod results;
mod score;
#[expect(
    dead_code,
    unused_imports,
    reason = "the kit makes its tests by itself"
)]
#[path = "../support/steady.rs"]
mod steady;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use behaviour::{Behaviour, Need};
use bench::Bench;
use results::{Outcome, Results};
use steady::run_again;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--table") {
        return table::write();
    }
    let mut arguments = Arguments::from_args();
    let places = place::all();
    let most = places.iter().map(|place| place.at_once()).max();
    arguments.test_threads.get_or_insert(most.unwrap_or(1));
    let results = Arc::new(Results::default());
    let mut trials = Vec::new();
    let mut benches = Vec::new();
    for place in places {
        let bench = Arc::new(Bench::new(place));
        let missing = match arguments.list {
            true => None,
            false => bench.place.missing(),
        };
        if let Some(why) = &missing {
            eprintln!("skipped: {}: {why}", bench.place.name());
        }
        let lacking = match missing {
            None if !arguments.list => bench.place.lacking(),
            _ => Vec::new(),
        };
        for behaviour in behaviours::all() {
            let lack = behaviour.need.filter(|need| lacking.contains(need));
            let trial = trial(&bench, behaviour, lack, &results);
            trials.push(trial.with_ignored_flag(missing.is_some()));
        }
        benches.push(bench);
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    results.write();
    benches
        .into_iter()
        .filter_map(Arc::into_inner)
        .for_each(Bench::end);
    conclusion.exit_code()
}

/// One behaviour on one target as a test of its own.
fn trial(
    bench: &Arc<Bench>,
    behaviour: &'static Behaviour,
    lack: Option<Need>,
    results: &Arc<Results>,
) -> Trial {
    let target = bench.place.name();
    let (bench, results) = (Arc::clone(bench), Arc::clone(results));
    let done = move |results: &Results| {
        let outcome = lack.map_or(Outcome::Passed, Outcome::Lacks);
        results.add(target, behaviour.name, &outcome);
        Ok(())
    };
    let run = move || -> Result<(), Failed> {
        let _turn = bench.turns.take();
        results.add(target, behaviour.name, &Outcome::Failed);
        let show = || match lack {
            None => (behaviour.run)(&bench),
            Some(need) => need.is_told(&bench),
        };
        run_again(&format!("{target}::{}", behaviour.name), show);
        done(&results)
    };
    Trial::test(format!("{target}::{}", behaviour.name), run)
}
