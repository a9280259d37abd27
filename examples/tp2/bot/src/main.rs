//! A Telegram bot that takes notes through the API.
//!
//! `bot` runs; `bot alive` ends with 0 if it ran well a moment ago, for a probe.

mod alive;
mod api;
mod bot;
mod command;
mod config;
mod poller;
mod telegram;

use std::error::Error;
use std::process::ExitCode;
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use alive::AliveFile;
use api::Api;
use bot::Event;
use config::Config;
use telegram::Telegram;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let alive = AliveFile::from_env();
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("alive") if alive.is_fresh() => return Ok(ExitCode::SUCCESS),
        Some("alive") => return Ok(ExitCode::FAILURE),
        Some(other) => {
            return Err(format!("unknown argument {other:?}; the only one is `alive`").into());
        }
    }
    let config = Config::from_env()?;
    // Only events of this program: those of the HTTP client have URLs in them,
    // and the URLs of Telegram have the token in them. (It speaks `log`, which
    // nothing here listens to.)
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(config.log_level)
        .init();

    // What was left by a process that ended says nothing about this one.
    alive.remove();
    let (events, inbox) = mpsc::sync_channel(1);
    stop_on_signal(events.clone())?;
    let api = Api::new(&config.api_url, config.api_key.as_deref());
    tracing::info!(version = config.version, api = config.api_url, "started");
    if config.telegram_token.is_empty() {
        bot::idle(&api, &alive, &inbox);
    } else {
        let telegram = Telegram::new(&config.telegram_api_url, &config.telegram_token);
        let handled = poller::start(telegram.clone(), alive, events);
        bot::work(&config.version, &telegram, &api, &inbox, &handled)?;
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// The thread ends with the process.
fn stop_on_signal(events: SyncSender<Event>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            if events.send(Event::Stop).is_err() {
                return;
            }
        }
    });
    Ok(())
}
