//! Guessing of tokens and codes, limited by the address it comes from.

use std::num::NonZeroU32;

use governor::Quota;

use super::rate::Rate;

/// Failures that an address has at once; then it has one every six seconds.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(10).expect("10 is not 0");

/// How often an address may fail to say who it is.
pub(crate) fn guesses() -> Rate {
    Rate::of(Quota::per_minute(AT_ONCE))
}
