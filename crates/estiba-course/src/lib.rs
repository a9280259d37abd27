//! A course in one file: its teams, what each of them gets, and what all of it
//! needs.
//!
//! [`load`] reads `course.yaml` and the projects that it names; [`plan`] compares
//! what a course says with what there is; [`size`] adds up what all teams request
//! and fits it to nodes and a budget. The last two are pure.

mod check;
mod document;
mod file;
mod load;
mod plan;
mod prices;
pub mod size;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use estiba_model::{Diagnostic, Name, Project, Role};
use indexmap::IndexMap;

pub use file::schema;
pub use load::{Loaded, load, load_with};
pub use plan::{Action, ObservedTeam, Runs, TeamPlan, plan};
pub use prices::{Price, PriceUnit, Prices, prices, prices_schema, shipped_prices};

/// The usual name of a course's file.
pub const FILE_NAME: &str = "course.yaml";

/// A course as its file describes it, checked.
#[derive(Debug, Clone)]
pub struct Course {
    /// Its name.
    pub name: Name,
    /// The file.
    pub file: PathBuf,
    /// The tokens that each team gets, by name.
    pub tokens: BTreeMap<Name, TokenWanted>,
    /// Whether each member gets a code that links their account of the chat.
    pub chat: bool,
    /// What `size` reckons with.
    pub size: size::Terms,
    /// In the order of the file.
    pub teams: IndexMap<Name, Team>,
    /// What runs of a course that has no project yet, to reckon with.
    pub sketch: Vec<size::Demand>,
    /// The targets that it and its projects name.
    pub targets: BTreeSet<Name>,
}

impl Course {
    /// A mistake for each of these targets that there is not.
    #[must_use]
    pub fn unknown_targets<'n>(&self, named: impl Iterator<Item = &'n Name>) -> Vec<Diagnostic> {
        let unknown = named.filter(|target| !self.targets.contains(*target));
        unknown
            .map(|target| check::unknown_target(target, &self.targets))
            .collect()
    }
}

/// A team of a course.
#[derive(Debug, Clone)]
pub struct Team {
    /// Its members by login, and what they are.
    pub members: BTreeMap<String, Role>,
    /// Its project; none where the course names none.
    pub project: Option<Project>,
    /// Where its keys and codes are written.
    pub keys: PathBuf,
    /// The file with the secrets of each environment, where the course names any.
    pub secrets: BTreeMap<Name, PathBuf>,
    /// Whether the file has no such team, or none any more.
    pub has_left: bool,
}

/// A token that each team gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenWanted {
    /// What it may.
    pub role: Role,
    /// After how many days it ends.
    pub days: u32,
    /// Who it is for.
    pub holder: Holder,
}

/// Who a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holder {
    /// A machine of the team, such as its pipelines: one token.
    Machine,
    /// Its members: one token for each.
    Members,
}
