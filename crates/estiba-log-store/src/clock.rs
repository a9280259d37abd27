//! Whether the machine's clock says how old lines are.

use std::time::{Duration, Instant};

/// Two clocks of a machine differ by less between two looks.
const SLACK: Duration = Duration::from_secs(60);
/// A clock that was set is in doubt for so long: it may be set back.
const DOUBT: Duration = Duration::from_secs(60 * 60);

/// The clock as it was when it was last looked at, beside one that nobody sets.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    last: Option<(Instant, i64)>,
    set: Option<Instant>,
}

impl Clock {
    /// Looks at the clock, which says `now_us`; whether it has not been set for a while.
    /// A machine that slept looks as if it had been.
    pub(crate) fn is_steady(&mut self, at: Instant, now_us: i64) -> bool {
        if let Some((before, then_us)) = self.last.replace((at, now_us)) {
            let passed = i64::try_from(at.duration_since(before).as_micros()).unwrap_or(i64::MAX);
            let off = now_us.saturating_sub(then_us).saturating_sub(passed);
            if u128::from(off.unsigned_abs()) > SLACK.as_micros() {
                self.set = Some(at);
            }
        }
        self.set.is_none_or(|set| at.duration_since(set) >= DOUBT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_in_doubt_for_an_hour() {
        const SECOND: i64 = 1_000_000;
        let (start, mut clock) = (Instant::now(), Clock::default());
        let mut look = |after: u64, says: i64| {
            clock.is_steady(start + Duration::from_secs(after), says * SECOND)
        };
        assert!(look(0, 1000));
        assert!(look(30, 1031));
        // A month ahead, and back.
        assert!(!look(60, 2_593_000));
        assert!(!look(90, 2_593_030));
        assert!(!look(120, 1120));
        assert!(!look(3719, 4719));
        assert!(look(3720, 4720));
    }
}
