//! How long a registry is waited for: until it says nothing more, and as long as
//! it asks when it takes no more requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use oci_client::errors::OciDistributionError;

/// A registry that says and takes nothing for this long is given up.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// The longest that a registry may have somebody wait before a request is tried
/// again; who asks for more is told at once to come back later.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// For a question about nothing but the time to wait.
const QUESTION_LIMIT: Duration = Duration::from_secs(5);

/// When something last came or went, and where a request was refused for now.
pub(super) struct Patience {
    last: Mutex<Instant>,
    refused_at: Mutex<Option<String>>,
}

impl Patience {
    pub fn new() -> Self {
        Self {
            last: Mutex::new(Instant::now()),
            refused_at: Mutex::new(None),
        }
    }

    /// Something came or went.
    pub fn beat(&self) {
        *held(&self.last) = Instant::now();
    }

    /// Ends when nothing has come or gone for too long. A limit of the client's own
    /// would end what is still being sent.
    pub async fn silence(&self) {
        loop {
            let since = held(&self.last).elapsed();
            let Some(left) = SILENCE_LIMIT.checked_sub(since) else {
                return;
            };
            tokio::time::sleep(left.max(Duration::from_millis(1))).await;
        }
    }

    /// Notes where a request failed.
    pub fn note(&self, error: &OciDistributionError) {
        let url = match error {
            OciDistributionError::ServerError { url, .. }
            | OciDistributionError::RegistryError { url, .. } => Some(url.clone()),
            OciDistributionError::RequestError(error) => error.url().map(ToString::to_string),
            _ => None,
        };
        *held(&self.refused_at) = url;
    }

    /// How long the registry asks to wait, where it does. The client keeps headers
    /// to itself, so that the same place is asked once more, for them alone.
    pub async fn wanted(&self, token: Option<&str>) -> Option<Duration> {
        let url = held(&self.refused_at).take()?;
        let client = reqwest::Client::builder()
            .timeout(QUESTION_LIMIT)
            .build()
            .ok()?;
        let mut question = client.head(url);
        if let Some(token) = token {
            question = question.bearer_auth(token);
        }
        let answer = question.send().await.ok()?;
        let refused = matches!(answer.status().as_u16(), 429 | 503);
        let header = answer.headers().get("retry-after").filter(|_| refused)?;
        retry_after(header.to_str().ok()?, Timestamp::now())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Seconds, or a date
/// (<https://www.rfc-editor.org/rfc/rfc9110#name-retry-after>).
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let then = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().unwrap();
        for (text, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 01 Mar 2026 10:00:30 GMT", Some(30)),
            ("Sun, 01 Mar 2026 09:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(text, now), expected, "{text}");
        }
    }
}
