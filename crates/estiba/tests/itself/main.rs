//! Estiba deployed by Estiba, from `deploy/`: used, upgraded and taken back.

#![allow(missing_docs, clippy::unwrap_used)]

mod course;
#[allow(dead_code)]
#[path = "../bot/place.rs"]
mod place;
mod shipped;
#[path = "../support/steady.rs"]
mod steady;
mod story;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code)]
#[path = "../bot/telegram.rs"]
mod telegram;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![story::on_a_cluster, story::on_this_machine,])
}
