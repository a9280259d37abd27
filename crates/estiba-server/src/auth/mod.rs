//! Who asks, and what they may.

mod browser;
mod guards;
mod guesses;
mod logs;
mod pipeline;
mod principal;
mod provider;
mod rate;
mod request;
mod session;
mod standing;

pub(crate) use browser::{cookie, is_loopback, is_secure, set_cookie};
pub(crate) use guesses::guesses;
pub(crate) use pipeline::Issuers;
pub(crate) use principal::Principal;
pub use provider::ProviderOptions;
pub(crate) use provider::{Provider, Trip};
pub(crate) use rate::Rate;
pub(crate) use request::{Address, address};
pub(crate) use session::{Form, IDLE, LONGEST, OpenForm, Refused, Visit, begin as begin_session};
pub(crate) use standing::while_allowed;
