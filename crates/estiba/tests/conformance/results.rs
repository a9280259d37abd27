//! What came of each behaviour on each target, kept for the docs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::behaviour::Need;

/// What came of a behaviour.
pub enum Outcome {
    Passed,
    Failed,
    /// The target lacks something, and said so.
    Lacks(Need),
}

/// Outcomes by target and behaviour.
#[derive(Default)]
pub struct Results(Mutex<BTreeMap<(&'static str, &'static str), String>>);

impl Results {
    pub fn add(&self, target: &'static str, behaviour: &'static str, outcome: &Outcome) {
        let word = match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Lacks(need) => need.name(),
        };
        let mut all = self.0.lock().unwrap();
        all.insert((target, behaviour), word.to_owned());
    }

    /// Adds them to those of earlier runs.
    pub fn write(&self) {
        let mut files: BTreeMap<&str, Value> = BTreeMap::new();
        for ((target, behaviour), word) in self.0.lock().unwrap().iter() {
            let known = files.entry(target).or_insert_with(|| of(target));
            known[behaviour] = json!(word);
        }
        for (target, known) in files {
            let path = file(target);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, serde_json::to_string_pretty(&known).unwrap()).unwrap();
        }
    }
}

/// The outcomes of a target by behaviour, from all runs so far.
pub fn of(target: &str) -> Value {
    let known = fs::read_to_string(file(target)).ok();
    known.map_or(json!({}), |text| serde_json::from_str(&text).unwrap())
}

fn file(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("conformance")
        .join(format!("{target}.json"))
}
