//! How many requests one address may make.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::problem::Problem;

/// A limit for each address.
pub(crate) struct Rate {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Rate {
    /// `a_second` in the long run, and as many at once.
    pub fn new(a_second: NonZeroU32) -> Self {
        Self::of(Quota::per_second(a_second))
    }

    pub(super) fn of(quota: Quota) -> Self {
        Self {
            limiter: RateLimiter::keyed(quota),
            clock: DefaultClock::default(),
        }
    }

    /// Counts one.
    ///
    /// # Errors
    /// When there were too many.
    pub fn check(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let Some(from) = from else {
            return Ok(());
        };
        self.limiter.check_key(&from).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            Problem::too_many(wait.as_secs() + 1)
        })
    }

    /// Forgets addresses that have been quiet.
    pub fn forget_quiet(&self) {
        self.limiter.retain_recent();
    }
}
