//! Who asks, and what they may.

mod guesses;
mod pipeline;
mod principal;
mod rate;

pub(crate) use guesses::guesses;
pub(crate) use pipeline::Issuers;
pub(crate) use principal::{Principal, address};
pub(crate) use rate::Rate;
