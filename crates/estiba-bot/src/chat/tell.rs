//! What is to be sent, and what was.

use estiba_model::{ApprovalState, Name};
use jiff::{SignedDuration, Timestamp};

use super::{Chat, Note, Request, Track};

/// What comes within this time goes in one message.
const GATHERED: SignedDuration = SignedDuration::from_secs(2);
/// Notes come no more often than this.
const NOTES_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// A message is edited no more often than this: a group takes 20 a minute.
const EDIT_EVERY: SignedDuration = SignedDuration::from_secs(4);
/// More new deployments than this are told in one message.
const MOST_AT_ONCE: usize = 3;

/// Something that is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// The message of a deployment, new or edited.
    Track(i64),
    /// The message of a request, new or edited.
    Request(i64),
    /// The message of an alert.
    Alert(i64),
    /// Many new deployments in one message.
    Many,
    /// All notes in one message.
    Notes,
}

impl Chat {
    /// What is to be sent now.
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        if self.gone {
            return Vec::new();
        }
        let may_edit = now.duration_since(self.edited_at) >= EDIT_EVERY;
        let may_disturb = !self.quiet.is_some_and(|quiet| quiet.has(now));
        let is_ripe = |at: Timestamp| now.duration_since(at) >= GATHERED;
        let mut due = Vec::new();
        let requests = self.requests.iter().filter(|(_, request)| request.untold);
        for (number, request) in requests {
            if request.message.is_some() || may_disturb {
                due.push(Due::Request(*number));
            }
        }
        let alerts = self.alerts.iter().filter(|(_, alarm)| alarm.untold);
        for (number, _) in alerts.filter(|(_, alarm)| may_disturb && is_ripe(alarm.at)) {
            due.push(Due::Alert(*number));
        }
        let mut new = Vec::new();
        for (number, track) in self.tracks.iter().filter(|(_, track)| track.untold) {
            match track.message {
                // An edit disturbs nobody.
                Some(_) if track.stage.is_end() && may_disturb => due.push(Due::Track(*number)),
                Some(_) if track.stage.is_end() && !track.disturbs() => {
                    due.push(Due::Track(*number));
                }
                Some(_) if may_edit && !track.stage.is_end() => due.push(Due::Track(*number)),
                None if may_disturb && is_ripe(track.at) => new.push(*number),
                _ => {}
            }
        }
        if new.len() > MOST_AT_ONCE {
            due.push(Due::Many);
        } else {
            due.extend(new.into_iter().map(Due::Track));
        }
        let may_note = now.duration_since(self.noted_at) >= NOTES_EVERY;
        if may_disturb && may_note && self.notes.first().is_some_and(|note| is_ripe(note.at)) {
            due.push(Due::Notes);
        }
        due
    }

    /// Forgets the teams that it may not know of any more, and their news.
    pub fn keep_teams(&mut self, sees: impl Fn(&Name) -> bool) {
        self.teams.retain(|team| sees(team));
        self.tracks.retain(|_, track| sees(&track.environment.team));
        self.notes.retain(|note| sees(&note.environment.team));
        self.alerts.retain(|_, alarm| sees(&alarm.environment.team));
        self.requests
            .retain(|_, request| sees(&request.approval.environment.team));
    }

    /// The message of a deployment was sent as `told` is.
    pub fn told_track(&mut self, number: i64, told: &Track, message: Option<i32>, edited: bool) {
        if edited {
            self.edited_at = Timestamp::now();
        }
        let Some(track) = self.tracks.get_mut(&number) else {
            return;
        };
        if told.stage.is_end() {
            self.tracks.remove(&number);
            return;
        }
        track.message = message;
        // It may have gone on while it was sent.
        track.untold = track.stage != told.stage;
    }

    /// The message of a request was sent as `told` is.
    pub fn told_request(&mut self, number: i64, told: &Request, message: i32) {
        if told.approval.state != ApprovalState::Waiting {
            self.requests.remove(&number);
        } else if let Some(request) = self.requests.get_mut(&number) {
            request.message = Some(message);
            request.untold = request.approval != told.approval;
        }
    }

    /// The message of an alert was sent. Its buttons need to know which it was.
    pub fn told_alert(&mut self, number: i64) {
        if let Some(alarm) = self.alerts.get_mut(&number) {
            alarm.untold = false;
            alarm.log.clear();
        }
    }

    /// Deployments were told in one message, as they are in `told`.
    pub fn told_many(&mut self, told: &[(i64, Track)]) {
        for (number, told) in told {
            let Some(track) = self.tracks.get_mut(number) else {
                continue;
            };
            if told.stage.is_end() {
                self.tracks.remove(number);
                continue;
            }
            track.among_many = true;
            track.untold = track.stage.is_end();
        }
    }

    /// Notes were sent.
    pub fn told_notes(&mut self, told: &[Note], now: Timestamp) {
        self.notes.retain(|note| !told.contains(note));
        self.noted_at = now;
    }

    /// Something will never be sent.
    pub fn told(&mut self, due: Due) {
        match due {
            Due::Track(number) => drop(self.tracks.remove(&number)),
            Due::Request(number) => drop(self.requests.remove(&number)),
            Due::Alert(number) => drop(self.alerts.remove(&number)),
            Due::Many => self.tracks.retain(|_, track| track.message.is_some()),
            Due::Notes => self.notes.clear(),
        }
    }

    /// The deployments that are new to the chat.
    pub fn new_tracks(&self) -> impl Iterator<Item = (i64, &Track)> {
        let tracks = self.tracks.iter().map(|(number, track)| (*number, track));
        tracks.filter(|(_, track)| track.untold && track.message.is_none())
    }
}
