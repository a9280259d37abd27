//! The bot as a process, with a real server, and a Bot API that is not ours.

#![allow(missing_docs, clippy::unwrap_used)]

mod faults;
mod place;
mod story;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
mod telegram;
