//! How old lines are, by a clock that may be wrong.

use std::time::{Duration, Instant};

/// Two clocks of a machine differ by less between two looks.
const SLACK: Duration = Duration::from_secs(60);
/// A clock that was set is in doubt for so long: it may be set back.
const DOUBT: Duration = Duration::from_secs(60 * 60);

/// A clock that says less than this, the beginning of 2026, was never set.
const UNSET_US: i64 = 1_767_225_600_000_000;

/// When partitions got their last line, by what the clock said then, in the order in which
/// they came. What it can't have said right is as late as it can have been: lines are
/// rather kept too long. Nothing of this is noted, since `now_us` may be what is wrong.
pub(crate) fn arrivals(said: impl Iterator<Item = i64>, now_us: i64) -> Vec<i64> {
    let mut latest = i64::MIN;
    let mut arrivals: Vec<Option<i64>> = said
        .map(|at| {
            let is_plausible = (UNSET_US..=now_us).contains(&at);
            latest = if is_plausible { latest.max(at) } else { latest };
            is_plausible.then_some(latest)
        })
        .collect();
    let mut next = now_us;
    for arrival in arrivals.iter_mut().rev() {
        next = *arrival.get_or_insert(next);
    }
    arrivals.into_iter().flatten().collect()
}

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
    fn what_a_wrong_clock_said_lies_between_what_is_around_it() {
        const DAY: i64 = 24 * 60 * 60 * 1_000_000;
        let now = UNSET_US + 1000 * DAY;
        let day = |days: i64| now + days * DAY;
        let of = |said: &[i64], now| arrivals(said.iter().copied(), now);
        // Never set, right, a year back, a year ahead, right.
        let said = [1, day(-9), day(-365), day(365), day(-5)];
        let right = [day(-9), day(-9), day(-9), day(-5), day(-5)];
        assert_eq!(of(&said, now), right);
        // Nothing comes after them that says when.
        assert_eq!(of(&[day(-9), day(365)], now), [day(-9), now]);
        assert_eq!(of(&[1], now), [now]);
        // What is wrong is the clock that is looked at.
        assert_eq!(of(&[day(-9), day(-5)], day(-400)), [day(-400); 2]);
        assert_eq!(of(&[day(-9), day(-5)], 1), [1, 1]);
    }

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
