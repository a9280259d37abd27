//! The command as people use it, on a real project with real containers.

#![allow(missing_docs, clippy::unwrap_used)]

mod export;
mod import;
mod killed;
mod queue;
mod story;
mod support;
