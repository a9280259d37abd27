//! What only the `local` target is asked for: the conformance kit asks for the
//! rest, on every target.

#![allow(missing_docs, clippy::unwrap_used)]

mod killed;
#[path = "../support/mod.rs"]
mod support;
