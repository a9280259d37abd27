//! The commands of a course.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use estiba_model::{Message, Name, Version, message};

use super::values::{BadValue, assignment};

/// Courses.
#[derive(Debug, Subcommand)]
pub enum Course {
    /// Show what `apply` would do, and do nothing
    Plan {
        /// The course's file
        #[arg(default_value = estiba_course::FILE_NAME)]
        file: PathBuf,
        #[command(flatten)]
        scope: CourseScope,
    },
    /// Bring the teams and their environments to what the file says
    #[command(
        after_help = "Examples:\n  estiba course apply\n  estiba course apply memo2.yaml --team moria --yes"
    )]
    Apply {
        /// The course's file
        #[arg(default_value = estiba_course::FILE_NAME)]
        file: PathBuf,
        #[command(flatten)]
        scope: CourseScope,
        /// How many teams at once
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = at_once)]
        at_once: usize,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// End a team's environments, with their data, and its tokens
    #[command(after_help = "Example: estiba course down --team moria")]
    Down {
        /// The course's file
        #[arg(default_value = estiba_course::FILE_NAME)]
        file: PathBuf,
        /// The team, which need not be in the file any more
        #[arg(long)]
        team: Name,
        /// Only these environments
        #[arg(long, short, value_name = "ENV")]
        env: Vec<Name>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Add up what all teams request on each target, and what nodes that costs
    #[command(
        after_help = "Examples:\n  estiba course size --budget 100\n  estiba course size --node aks=azure-b4ms --prices prices.yaml"
    )]
    Size(CourseSize),
    /// Print the JSON schema of course.yaml, for editors
    Schema,
}

/// What of a course.
#[derive(Debug, Args)]
pub struct CourseScope {
    /// Only these teams
    #[arg(long)]
    pub team: Vec<Name>,
    /// The release's version; by default from Git
    #[arg(long, value_name = "VERSION")]
    pub version: Option<Version>,
    /// Replace releases of a team's own by what is in the folder, too
    #[arg(long)]
    pub update: bool,
}

/// What a course is reckoned with.
#[derive(Debug, Args)]
pub struct CourseSize {
    /// The course's file
    #[arg(default_value = estiba_course::FILE_NAME)]
    pub file: PathBuf,
    /// A file of prices of your own
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// What there is to spend in a month, in the currency of the prices
    #[arg(long, value_name = "AMOUNT", value_parser = budget)]
    pub budget: Option<f64>,
    /// The size of the nodes of a target
    #[arg(long, value_name = "TARGET=SIZE", value_parser = node)]
    pub node: Vec<(Name, String)>,
    /// Print the prices that come with Estiba, to begin your own with
    #[arg(long)]
    pub show_prices: bool,
}

fn bad(message: Message) -> BadValue {
    BadValue(message)
}

fn at_once(text: &str) -> Result<usize, BadValue> {
    match text.parse::<usize>() {
        Ok(count) if (1..=64).contains(&count) => Ok(count),
        _ => Err(bad(message!(
            "\"{text}\" is not a number from 1 to 64",
            "«{text}» no es un número de 1 a 64"
        ))),
    }
}

fn budget(text: &str) -> Result<f64, BadValue> {
    match text.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        _ => Err(bad(message!(
            "\"{text}\" is no amount of money",
            "«{text}» no es una cantidad de dinero"
        ))),
    }
}

fn node(text: &str) -> Result<(Name, String), BadValue> {
    let (target, size) = assignment(text)?;
    let target = target.parse::<Name>();
    let target = target.map_err(|error| bad(error.message().clone()))?;
    Ok((target, size))
}
