//! The container registry: a real one, behind Heroku's rules.
//!
//! Source: <https://devcenter.heroku.com/articles/container-registry-and-runtime>

pub(crate) mod front;
pub(crate) mod images;
mod process;

pub(crate) use process::Process;
