//! What is remembered of a chat, and what it is still to be told. No I/O: what
//! happens comes in (`hear`), what is to be sent comes out (`tell`).

mod hear;
mod tell;
mod track;

use std::collections::BTreeMap;

use estiba_model::{Approval, EnvironmentId, Lang, Name, Version};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dialog::Menu;
use crate::quiet::Quiet;

pub use tell::Due;
pub use track::{Stage, Track};

/// The most of each thing that is remembered; the oldest are forgotten.
const MOST: usize = 50;

/// A chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chat {
    /// In which language it is told.
    pub lang: Lang,
    /// The teams it is told of.
    pub teams: Vec<Name>,
    /// Since when it is told of them.
    pub since: Timestamp,
    /// When it is not to be disturbed.
    pub quiet: Option<Quiet>,
    /// It has put the bot out: nothing is sent.
    pub gone: bool,
    /// The last happening that was taken in.
    pub seen: i64,
    /// The deployments that it is told of, until they end.
    pub tracks: BTreeMap<i64, Track>,
    /// What else it is to be told.
    pub notes: Vec<Note>,
    /// The requests that it was asked to agree to.
    pub requests: BTreeMap<i64, Request>,
    /// Alerts that it is to be told, and those that it may mute.
    pub alerts: BTreeMap<i64, Alarm>,
    /// What its buttons mean.
    pub menus: BTreeMap<u32, Menu>,
    /// The number of the next one.
    pub next_menu: u32,
    /// When it was last sent notes.
    pub noted_at: Timestamp,
    /// When a message was last edited.
    pub edited_at: Timestamp,
}

/// Lines of logs that it is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Where.
    pub environment: EnvironmentId,
    /// The name of the alert.
    pub alert: Name,
    /// What the lines are like.
    pub when: String,
    /// There were more than so many.
    pub over: u32,
    /// Within so many seconds.
    pub within_seconds: u64,
    /// The last of them; none once they are told.
    pub log: Vec<String>,
    /// Since when it is.
    pub at: Timestamp,
    /// Whether it is still to be told.
    pub untold: bool,
}

/// Something to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Where.
    pub environment: EnvironmentId,
    /// What.
    pub what: Noted,
    /// When.
    pub at: Timestamp,
}

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noted {
    /// A workload ends again and again; the last lines that it wrote.
    Crashing(Name, Vec<String>),
    /// It is well again.
    Recovered(Name),
    /// A request was rejected before the chat was asked.
    Rejected(Version, String),
}

/// A deployment that waits for somebody to agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The request.
    pub approval: Approval,
    /// The message that asks.
    pub message: Option<i32>,
    /// Whether the message does not say how it is.
    pub untold: bool,
}

impl Chat {
    /// Follows a deployment that was asked for here, in the message that answers.
    pub fn follow(&mut self, number: i64, mut track: Track, lang: Lang) {
        if self.teams.is_empty() {
            self.lang = lang;
        }
        match self.tracks.get_mut(&number) {
            // It is told already, by what happened.
            Some(known) if known.message.is_some() => {}
            Some(known) => {
                known.message = track.message;
                known.untold = true;
                if track.stage.is_end() {
                    known.stage = track.stage;
                }
            }
            None => {
                track.untold = track.stage != Stage::Queued;
                self.tracks.insert(number, track);
            }
        }
    }

    /// Remembers what the buttons of a message mean; their number.
    pub fn add_menu(&mut self, menu: Menu) -> u32 {
        let number = self.next_menu;
        self.next_menu = self.next_menu.wrapping_add(1);
        self.menus.insert(number, menu);
        while self.menus.len() > MOST {
            self.menus.pop_first();
        }
        number
    }
}

#[cfg(test)]
mod tests;
