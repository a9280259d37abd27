//! Texts that nobody can guess.

use rand::Rng;
use rand::distr::{Alphanumeric, SampleString};

/// 32 characters out of 62: 190 bits.
const KEY_CHARS: usize = 32;
/// 43 characters out of 62: 256 bits.
const SESSION_CHARS: usize = 43;
/// 16 characters out of 62: enough never to be the same twice.
const ID_CHARS: usize = 16;
/// Easily read aloud and typed: no 0 and O, no 1, I and L.
const CODE_ALPHABET: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
/// 8 characters out of 31: 39 bits, for codes that live for minutes.
const CODE_CHARS: usize = 8;
/// 79 bits, for those that live for days.
const LONG_CODE_CHARS: usize = 16;

/// A text that opens something.
pub(crate) fn random_key() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), KEY_CHARS)
}

/// What a browser keeps of its session.
pub(crate) fn random_session() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), SESSION_CHARS)
}

/// A name that nothing else has.
pub(crate) fn random_id() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), ID_CHARS)
}

/// A code that a person types once, or copies where it lives for long.
pub(crate) fn random_code(lives_long: bool) -> String {
    let mut random = rand::rng();
    let mut any = || char::from(CODE_ALPHABET[random.random_range(0..CODE_ALPHABET.len())]);
    let chars = match lives_long {
        true => LONG_CODE_CHARS,
        false => CODE_CHARS,
    };
    (0..chars).map(|_| any()).collect()
}
