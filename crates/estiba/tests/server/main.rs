//! `estiba serve`, and the command through it.

#![allow(missing_docs, clippy::unwrap_used)]

mod access;
mod api;
mod bench;
mod pages;
mod pipelines;
#[path = "../support/postgres.rs"]
mod postgres;
mod several;
mod story;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/mod.rs"]
mod support;
mod traces;
