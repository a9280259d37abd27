//! What many commands can be told, or all.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use estiba_model::{Lang, Name};

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Print JSON: one document, or one event a line while something is done
    #[arg(long, global = true)]
    pub json: bool,
    /// The language of the output; by default that of the locale
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "LANG",
        env = "ESTIBA_LANG"
    )]
    pub lang: Option<LangArg>,
    /// The project's folder; by default the nearest above with an estiba.yaml
    #[arg(short = 'C', long = "project", global = true, value_name = "DIR")]
    pub project: Option<PathBuf>,
}

/// A language to choose.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LangArg {
    /// English
    En,
    /// Spanish
    Es,
}

impl From<LangArg> for Lang {
    fn from(lang: LangArg) -> Self {
        match lang {
            LangArg::En => Self::En,
            LangArg::Es => Self::Es,
        }
    }
}

/// The environment of a command that changes something.
#[derive(Debug, Args)]
pub struct Env {
    /// The environment
    #[arg(long, short, value_name = "ENV")]
    pub env: Name,
}

/// Targets that may be left behind.
#[derive(Debug, Args)]
pub struct Without {
    /// Go on though this target, where the environment was before, does not answer; what is left there is ended by the first deployment that reaches it
    #[arg(long, value_name = "TARGET")]
    without: Vec<Name>,
}

impl Without {
    /// Each of them once.
    pub fn names(self) -> BTreeSet<Name> {
        self.without.into_iter().collect()
    }
}

/// The environment of a command that reads.
#[derive(Debug, Args)]
pub struct AnyEnv {
    /// The environment; by default the project's first
    #[arg(long, short, value_name = "ENV")]
    pub env: Option<Name>,
}
