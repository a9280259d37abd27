//! What the environment variables say, checked once, at the start.

use std::env;

use tracing::Level;

/// Not `Debug`: two of the fields are secrets.
pub struct Config {
    pub telegram_api_url: String,
    /// Empty: there is none yet.
    pub telegram_token: String,
    pub api_url: String,
    pub api_key: Option<String>,
    pub log_level: Level,
    pub version: String,
}

impl Config {
    /// # Errors
    /// Names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self, String> {
        let log_level = match variable("LOG_LEVEL") {
            None => Level::INFO,
            Some(level) => level
                .parse()
                .map_err(|_| "LOG_LEVEL is none of error, warn, info, debug, trace")?,
        };
        let telegram_api_url =
            variable("TELEGRAM_API_URL").unwrap_or_else(|| "https://api.telegram.org".to_owned());
        Ok(Self {
            telegram_api_url: telegram_api_url.trim_end_matches('/').to_owned(),
            telegram_token: variable("TELEGRAM_TOKEN").unwrap_or_default(),
            api_url: variable("API_URL")
                .ok_or("API_URL is not set")?
                .trim_end_matches('/')
                .to_owned(),
            api_key: variable("API_KEY"),
            log_level,
            version: variable("ESTIBA_VERSION")
                .unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
        })
    }
}

/// Without the line end that a secret read from a file tends to have.
fn variable(name: &str) -> Option<String> {
    let value = env::var(name).ok()?.trim().to_owned();
    (!value.is_empty()).then_some(value)
}
