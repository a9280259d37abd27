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
use place::Place;
use results::{Outcome, Results};
use steady::run_again;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--table") {
        return table::write();
    }
    let mut arguments = Arguments::from_args();
    let places = place::all();
    // A cluster waits more than it computes: beside it there is room for the others.
    let at_once = || places.iter().map(|place| place.at_once());
    let threads = at_once().max().unwrap_or(1) + at_once().min().unwrap_or(0);
    arguments.test_threads.get_or_insert(threads);
    let results = Arc::new(Results::default());
    let listed = arguments.list;
    let shown: Vec<_> = places
        .into_iter()
        .map(|place| Shown::new(place, listed))
        .collect();
    // Each behaviour on all targets, so that they are tried beside each other.
    let trials = behaviours::all()
        .flat_map(|behaviour| shown.iter().map(move |place| (behaviour, place)))
        .map(|(behaviour, place)| place.trial(behaviour, &results))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    results.write();
    shown
        .into_iter()
        .filter_map(|place| Arc::into_inner(place.bench))
        .for_each(Bench::end);
    conclusion.exit_code()
}

/// A target as this machine has it.
struct Shown {
    bench: Arc<Bench>,
    is_missing: bool,
    lacking: Vec<Need>,
}

impl Shown {
    /// `listed`: behaviours are only listed, not run.
    fn new(place: Arc<dyn Place>, listed: bool) -> Self {
        let missing = if listed { None } else { place.missing() };
        if let Some(why) = &missing {
            eprintln!("skipped: {}: {why}", place.name());
        }
        let lacking = match missing {
            None if !listed => place.lacking(),
            _ => Vec::new(),
        };
        Self {
            bench: Arc::new(Bench::new(place)),
            is_missing: missing.is_some(),
            lacking,
        }
    }

    fn trial(&self, behaviour: &'static Behaviour, results: &Arc<Results>) -> Trial {
        let mut needs = behaviour.needs.iter();
        let lack = needs.find(|need| self.lacking.contains(need)).copied();
        trial(&self.bench, behaviour, lack, results).with_ignored_flag(self.is_missing)
    }
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
