//! The tests of a workload, as its files tell.

use estiba_model::Name;

/// The tests of a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tests {
    /// Whose.
    pub workload: Name,
    /// The folder of its sources, from the root of the repository; empty for the root.
    pub folder: String,
    /// What runs them.
    pub language: Language,
}

/// What a workload is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Cargo,
    /// Ruby.
    Ruby,
    /// Python.
    Python,
    /// JavaScript.
    Node,
}

impl Language {
    /// All, each after what tells it: a file in the folder.
    const TOLD_BY: [(&'static str, Self); 4] = [
        ("Cargo.toml", Self::Cargo),
        ("Gemfile", Self::Ruby),
        ("requirements.txt", Self::Python),
        ("package.json", Self::Node),
    ];

    /// What a folder is written in, by whether it has a file.
    pub fn of(has: impl Fn(&str) -> bool) -> Option<Self> {
        let told = Self::TOLD_BY.into_iter().find(|(file, _)| has(file));
        told.map(|(_, language)| language)
    }

    /// The job of the component, and the action's step, that run such tests.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Cargo => "cargo",
            Self::Ruby => "ruby",
            Self::Python => "python",
            Self::Node => "node",
        }
    }

    /// An image that has what they need.
    pub(crate) fn image(self) -> &'static str {
        match self {
            Self::Cargo => "rust:1",
            Self::Ruby => "ruby:3",
            Self::Python => "python:3",
            Self::Node => "node:22",
        }
    }

    /// The commands that run them.
    pub(crate) fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Cargo => &["cargo test"],
            Self::Ruby => &["bundle install", "bundle exec rake"],
            Self::Python => &["pip install -r requirements.txt", "python -m pytest"],
            Self::Node => &["npm ci", "npm test"],
        }
    }
}
