//! What `estiba logs` and `estiba alert` are asked for.

use clap::{ArgAction, Args, Subcommand};
use estiba_logs::Level;
use estiba_model::{Name, Version};

use super::{AnyEnv, Env};

/// Which lines are to be shown.
#[derive(Debug, Args)]
pub struct Logs {
    /// The workload; all where none is named
    pub workload: Option<Name>,
    /// What the lines are like: words, "phrases", field:value, field:>=value, AND, OR, NOT
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// The same, of all workloads where none is named
    #[arg(long, short, value_name = "QUERY", allow_hyphen_values = true)]
    pub grep: Option<String>,
    /// The environment, or several; by default the project's first
    #[arg(long, short, value_name = "ENV", action = ArgAction::Append)]
    pub env: Vec<Name>,
    /// Of all environments
    #[arg(long, conflicts_with = "env")]
    pub all: bool,
    /// Only of this release
    #[arg(long, value_name = "VERSION")]
    pub release: Option<Version>,
    /// Only lines of this level or worse: trace, debug, info, warn, error, fatal
    #[arg(long, short, value_name = "LEVEL")]
    pub level: Option<Level>,
    /// Only lines since then: a span (90s, 10m, 2h, 1d) or an RFC 3339 time
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only lines before then
    #[arg(long, value_name = "WHEN", conflicts_with = "follow")]
    pub until: Option<String>,
    /// Show so many lines of the same instance before and after each
    #[arg(long, value_name = "N", conflicts_with = "follow", value_parser = around)]
    pub context: Option<usize>,
    /// Only the last so many lines
    #[arg(long, short = 'n', value_name = "N")]
    pub tail: Option<usize>,
    /// Go on with new lines until interrupted
    #[arg(long, short)]
    pub follow: bool,
}

/// Alerts.
#[derive(Debug, Subcommand)]
pub enum Alert {
    /// List an environment's alerts: when each was told, and which are muted
    List {
        #[command(flatten)]
        env: AnyEnv,
    },
    /// Have nobody told of an alert for a time
    #[command(after_help = "Example: estiba alert mute errors --env prod --for 2h")]
    Mute {
        /// Its name in estiba.yaml
        alert: Name,
        #[command(flatten)]
        env: Env,
        /// How long (10m, 2h, 1d), up to 30 days
        #[arg(long = "for", value_name = "SPAN", default_value = "1h")]
        span: String,
    },
    /// Have a muted alert told again
    Unmute {
        /// Its name in estiba.yaml
        alert: Name,
        #[command(flatten)]
        env: Env,
    },
}

/// So many lines around one are asked for at the most.
const MOST_AROUND: usize = 50;

fn around(text: &str) -> Result<usize, String> {
    let lines = text.parse().ok().filter(|lines| *lines <= MOST_AROUND);
    lines.ok_or_else(|| format!("0..{MOST_AROUND}"))
}
