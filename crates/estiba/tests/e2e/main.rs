//! What is not a behaviour of every target: the conformance kit asks for those.

#![allow(missing_docs, clippy::unwrap_used)]

mod cross;
mod engine;
mod export;
mod import;
mod killed;
#[path = "../support/mod.rs"]
mod support;
