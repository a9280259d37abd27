//! How long to wait before a request is sent again.

use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use rand::Rng as _;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// A sink that asks for more patience gets this much.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Pauses that grow, each a random part of its bound ("full jitter"), so that
/// many shippers of one sink don't come back together.
#[derive(Debug)]
pub(super) struct Pauses(ExponentialBackoff);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(
            ExponentialBuilder::default()
                .with_min_delay(FIRST)
                .with_max_delay(LONGEST)
                .without_max_times()
                .build(),
        )
    }

    /// The next pause; at least what the sink asked for.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let bound = self.0.next().unwrap_or(LONGEST);
        let pause = bound.mul_f64(rand::rng().random());
        asked.map_or(pause, |asked| asked.min(LONGEST_ASKED) + pause)
    }
}

/// `Retry-After`: seconds or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_within_their_bounds() {
        let mut pauses = Pauses::new();
        for bound in [
            200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30_000, 30_000,
        ] {
            assert!(pauses.next(None) <= Duration::from_millis(bound));
        }
        let pause = pauses.next(Some(Duration::from_secs(40)));
        assert!((40..=70).contains(&pause.as_secs()));
        assert!(pauses.next(Some(Duration::MAX)) <= LONGEST_ASKED + LONGEST);
    }

    #[test]
    fn what_a_sink_asks_for() {
        assert_eq!(retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after("soon"), None);
    }
}
