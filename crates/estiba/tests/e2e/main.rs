//! What is not a behaviour of every target: the conformance kit asks for those.

#![allow(missing_docs, clippy::unwrap_used)]

mod cluster;
mod cross;
mod engine;
mod export;
#[path = "../support/gate.rs"]
mod gate;
mod import;
mod killed;
mod registry;
#[path = "../support/mod.rs"]
mod support;
