//! The bot as a process, with a real server, and a Bot API that is not ours.

#![allow(missing_docs, clippy::unwrap_used)]

mod faults;
mod place;
#[path = "../support/steady.rs"]
mod steady;
mod story;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
mod telegram;

fn main() -> std::process::ExitCode {
    steady::run(steady::tests![
        faults::telegram_calls_the_bot_with_a_secret,
        faults::the_bot_lives_with_what_goes_wrong,
        faults::what_can_not_be_is_said_at_once,
        story::a_crash_loop_is_told,
        story::lines_are_found_and_alerts_are_told_until_they_are_muted,
        story::a_team_ships_from_its_chat,
    ])
}
