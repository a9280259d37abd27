//! What the environment variables say, checked once, at the start.

use std::env;
use std::str::FromStr;
use std::time::Duration;

use tracing::Level;

/// How long connecting to the database may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

pub struct Config {
    pub database: tokio_postgres::Config,
    pub port: u16,
    pub log_level: Level,
    pub enable_reset: bool,
    pub version: String,
}

impl Config {
    /// # Errors
    /// Names the variable that is missing or wrong, never its value: the one
    /// of `DATABASE_URL` is a secret.
    pub fn from_env() -> Result<Self, String> {
        let mut database: tokio_postgres::Config = required("DATABASE_URL")?
            .parse()
            .map_err(|_| "DATABASE_URL is not like postgres://USER:PASSWORD@HOST:PORT/NAME")?;
        database.connect_timeout(CONNECT_LIMIT);
        Ok(Self {
            database,
            port: or_default("PORT", 3000)?,
            log_level: or_default("LOG_LEVEL", Level::INFO)?,
            enable_reset: or_default("ENABLE_RESET", false)?,
            version: or_default("ESTIBA_VERSION", env!("CARGO_PKG_VERSION").to_owned())?,
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("{name} is not set"))
}

fn or_default<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    match variable(name) {
        None => Ok(default),
        Some(value) => value
            .parse()
            .map_err(|_| format!("{name} has a value that it cannot have")),
    }
}
