//! Estiba deployed by Estiba, from `deploy/`: used, upgraded and taken back.

#![allow(missing_docs, clippy::unwrap_used)]

mod course;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../bot/place.rs"]
mod place;
mod shipped;
#[path = "../support/steady.rs"]
mod steady;
mod story;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../bot/telegram.rs"]
mod telegram;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![story::on_a_cluster, story::on_this_machine,])
}
