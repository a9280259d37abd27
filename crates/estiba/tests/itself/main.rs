//! Estiba deployed by Estiba, from `deploy/`: used, upgraded and taken back.

#![allow(missing_docs, clippy::unwrap_used)]

mod course;
#[allow(dead_code)]
#[path = "../bot/place.rs"]
mod place;
mod shipped;
mod story;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "../bot/telegram.rs"]
mod telegram;
