//! The API, as the bot uses it.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use ureq::http::Response;
use ureq::{Agent, Body};

/// Somebody waits for the answer in a chat.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

/// `{"error": …}`, as the API says what was wrong.
#[derive(Deserialize)]
struct Problem {
    error: String,
}

#[derive(Debug)]
pub enum ApiError {
    /// What was asked is wrong, in the API's words.
    Rejected(String),
    Down(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Rejected(why) => write!(f, "rejected: {why}"),
            Self::Down(why) => write!(f, "down: {why}"),
        }
    }
}

impl From<ureq::Error> for ApiError {
    fn from(error: ureq::Error) -> Self {
        Self::Down(error.to_string())
    }
}

/// Not `Debug`: it may have a key in it.
pub struct Api {
    agent: Agent,
    url: String,
    key: Option<String>,
}

impl Api {
    pub fn new(url: &str, key: Option<&str>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER_LIMIT))
            .build();
        Self {
            agent: agent.into(),
            url: url.to_owned(),
            key: key.map(ToOwned::to_owned),
        }
    }

    pub fn version(&self) -> Result<String, ApiError> {
        let answer: Version = self.get("/version")?;
        Ok(answer.version)
    }

    /// The newest first.
    pub fn notes(&self) -> Result<Vec<Note>, ApiError> {
        self.get("/notes")
    }

    pub fn add(&self, text: &str) -> Result<Note, ApiError> {
        let mut request = self.agent.post(format!("{}/notes", self.url));
        if let Some(key) = &self.key {
            request = request.header("X-Api-Key", key);
        }
        read(request.send_json(json!({ "text": text }))?)
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(key) = &self.key {
            request = request.header("X-Api-Key", key);
        }
        read(request.call()?)
    }
}

fn read<T: DeserializeOwned>(mut response: Response<Body>) -> Result<T, ApiError> {
    let status = response.status();
    if status.is_success() {
        return Ok(response.body_mut().read_json()?);
    }
    match response.body_mut().read_json() {
        Ok(Problem { error }) if status.is_client_error() => Err(ApiError::Rejected(error)),
        _ => Err(ApiError::Down(format!("it answers {status}"))),
    }
}
