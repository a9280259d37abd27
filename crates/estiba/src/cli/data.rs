//! What an environment keeps: values, secrets, databases.

use std::path::PathBuf;

use clap::Subcommand;

use super::values::assignment;
use super::{AnyEnv, Env};

/// Values in clear.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Show all values, or one
    Get {
        /// The value's name
        name: Option<String>,
        #[command(flatten)]
        env: AnyEnv,
    },
    /// Set values; the next deployment uses them
    #[command(after_help = "Example: estiba config set LOG_LEVEL=debug --env test")]
    Set {
        /// Names and values
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = assignment)]
        values: Vec<(String, String)>,
        #[command(flatten)]
        env: Env,
    },
    /// Forget values that were set; those of estiba.yaml hold again
    Unset {
        /// Their names
        #[arg(required = true)]
        names: Vec<String>,
        #[command(flatten)]
        env: Env,
    },
}

/// Secrets.
#[derive(Debug, Subcommand)]
pub enum Secret {
    /// Keep a secret; its value is read from the terminal or standard input
    #[command(
        after_help = "Examples:\n  estiba secret set TELEGRAM_TOKEN --env test\n  printf %s \"$TOKEN\" | estiba secret set TELEGRAM_TOKEN --env test"
    )]
    Set {
        /// The secret's name
        name: String,
        #[command(flatten)]
        env: Env,
    },
    /// List the names of secrets
    List {
        #[command(flatten)]
        env: AnyEnv,
    },
    /// Print a new key, for ESTIBA_KEY of servers that share a database
    #[command(after_help = "Example: estiba secret key | estiba secret set ESTIBA_KEY --env prod")]
    Key,
    /// Forget a secret
    Unset {
        /// The secret's name
        name: String,
        #[command(flatten)]
        env: Env,
    },
}

/// Databases.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Write a backup to a new file, in the format of pg_dump -Fc
    #[command(after_help = "Example: estiba db backup notes.dump --env prod")]
    Backup {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        env: Env,
        /// The resource, where there are several databases
        #[arg(long, value_name = "ID")]
        resource: Option<String>,
    },
    /// Replace what is in the database by a backup
    Restore {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        env: Env,
        /// The resource, where there are several databases
        #[arg(long, value_name = "ID")]
        resource: Option<String>,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
}
