//! Identifiers and times, as the API writes them.

use jiff::Timestamp;
use rand::Rng;

/// A new unique identifier.
pub(crate) fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// This moment, in whole seconds.
pub(crate) fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// So many lower-case letters, the same for nobody else.
pub(crate) fn letters(count: usize) -> String {
    let mut random = rand::rng();
    (0..count)
        .map(|_| char::from(random.random_range(b'a'..=b'z')))
        .collect()
}

/// A number as it follows `run.` in the name of a one-off dyno.
pub(crate) fn one_off_number() -> u16 {
    rand::rng().random_range(1000..10_000)
}
