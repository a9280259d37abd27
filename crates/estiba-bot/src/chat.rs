//! What is remembered of a chat, and what it is still to be told. No I/O: what
//! happens comes in, what is to be sent comes out.

use std::collections::BTreeMap;

use estiba_model::{
    Approval, ApprovalState, Cause, Changes, DeploymentState, EnvironmentId, Event, Happening,
    Lang, Message, Name, Version, What,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dialog::Menu;
use crate::quiet::Quiet;
use crate::text::clip;

/// What comes within this time goes in one message.
const GATHERED: SignedDuration = SignedDuration::from_secs(2);
/// Notes come no more often than this.
const NOTES_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// A message is edited no more often than this: a group takes 20 a minute.
const EDIT_EVERY: SignedDuration = SignedDuration::from_secs(4);
/// More new deployments than this are told in one message.
const MOST_AT_ONCE: usize = 3;
/// The most of each thing that is remembered; the oldest are forgotten.
const MOST: usize = 50;
/// The most alerts that are to be told, or may be muted.
const MOST_ALERTS: usize = 20;
/// The most of these that are to be told; older ones are left out.
const MOST_UNTOLD_ALERTS: usize = 5;
/// The most lines of an alert that are told, or of a crash.
const MOST_ALERT_LINES: usize = 8;
/// So many crashes are told with their lines, the newest; the others without.
const MOST_EXPLAINED: usize = 5;
/// The longest such line.
const LONGEST_ALERT_LINE: usize = 300;
/// The most commits of a deployment that are told.
const MOST_COMMITS: usize = 5;
/// The most lines of output that are told.
const MOST_LINES: usize = 15;

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

/// A deployment as it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Where.
    pub environment: EnvironmentId,
    /// Which release; none for an end.
    pub version: Option<Version>,
    /// What ran before.
    pub before: Option<Version>,
    /// The first lines of the commits that it brings, or takes back.
    #[serde(default)]
    pub commits: Vec<String>,
    /// What was asked for.
    pub cause: Option<Cause>,
    /// Who asked.
    pub by: Option<String>,
    /// How far it is.
    pub stage: Stage,
    /// The message that tells of it.
    pub message: Option<i32>,
    /// Whether the message does not say it all.
    pub untold: bool,
    /// It was told with many others, in one message.
    pub among_many: bool,
    /// Since when it is.
    pub at: Timestamp,
}

/// How far a deployment is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It waits for its turn.
    Queued,
    /// Its steps are being taken.
    Running {
        /// So many are done.
        done: u32,
        /// Of so many.
        total: u32,
    },
    /// What worked before is being restored.
    RollingBack,
    /// It went well.
    Succeeded {
        /// How long it took, where it is known.
        took_ms: u64,
    },
    /// It failed.
    Failed {
        /// Why.
        reasons: Vec<Message>,
        /// The last lines of output.
        log: Vec<String>,
    },
    /// A newer one took its place.
    Superseded,
}

impl Stage {
    /// Whether nothing follows.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeeded { .. } | Self::Failed { .. } | Self::Superseded
        )
    }
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
    /// Takes in what happened; whether it concerns this chat.
    pub fn take_in(&mut self, happening: &Happening) -> bool {
        let number = happening.deployment.map(|id| id.0);
        let is_told = self.teams.contains(&happening.environment.team)
            && happening.at >= self.since
            || number.is_some_and(|id| self.tracks.contains_key(&id))
            || matches!(&happening.what, What::ApprovalDecided { approval }
                if self.requests.contains_key(&approval.id));
        if self.gone || !is_told || happening.id <= self.seen {
            return false;
        }
        let changed = match &happening.what {
            What::ApprovalAsked { approval } => self.asked(approval),
            What::ApprovalDecided { approval } => self.decided(approval, happening),
            What::Crashing { workload, log, .. } => {
                self.note(happening, Noted::Crashing(workload.clone(), last(log)))
            }
            What::Alert { .. } => self.alarm(happening),
            What::Recovered { workload } => {
                self.note(happening, Noted::Recovered(workload.clone()))
            }
            what => number.is_some_and(|number| self.advance(number, happening, what)),
        };
        if changed {
            self.seen = happening.id;
        }
        changed
    }

    fn asked(&mut self, approval: &Approval) -> bool {
        // A newer request takes the place of an older one.
        for older in self.requests.values_mut() {
            if older.approval.environment == approval.environment {
                older.approval.state = ApprovalState::Superseded;
                older.untold = older.message.is_some();
            }
        }
        self.requests.retain(|_, request| {
            request.approval.state == ApprovalState::Waiting || request.untold
        });
        let request = self.requests.entry(approval.id);
        request.or_insert_with(|| Request {
            approval: approval.clone(),
            message: None,
            untold: true,
        });
        while self.requests.len() > MOST {
            self.requests.pop_first();
        }
        true
    }

    fn decided(&mut self, approval: &Approval, happening: &Happening) -> bool {
        if let Some(request) = self.requests.get_mut(&approval.id)
            && request.message.is_some()
        {
            request.approval = approval.clone();
            request.untold = true;
            return true;
        }
        self.requests.remove(&approval.id);
        if approval.state != ApprovalState::Rejected {
            // The deployment that comes of it is told.
            return true;
        }
        let by = approval.decided_by.clone().unwrap_or_default();
        self.note(happening, Noted::Rejected(approval.version.clone(), by))
    }

    fn alarm(&mut self, happening: &Happening) -> bool {
        let What::Alert {
            alert,
            when,
            over,
            within_seconds,
            log,
        } = &happening.what
        else {
            return false;
        };
        let alarm = Alarm {
            environment: happening.environment.clone(),
            alert: alert.clone(),
            when: clip(when, 500),
            over: *over,
            within_seconds: *within_seconds,
            log: last(log),
            at: happening.at,
            untold: true,
        };
        self.alerts.insert(happening.id, alarm);
        let untold = self.alerts.values().filter(|alarm| alarm.untold).count();
        if untold > MOST_UNTOLD_ALERTS {
            let oldest = self.alerts.iter().find(|(_, alarm)| alarm.untold);
            if let Some(oldest) = oldest.map(|(number, _)| *number) {
                self.alerts.remove(&oldest);
            }
        }
        while self.alerts.len() > MOST_ALERTS {
            self.alerts.pop_first();
        }
        true
    }

    fn note(&mut self, happening: &Happening, what: Noted) -> bool {
        let environment = &happening.environment;
        let of = |noted: &Noted| match noted {
            Noted::Crashing(workload, _) | Noted::Recovered(workload) => Some(workload.clone()),
            Noted::Rejected(..) => None,
        };
        // Only the last that is known of a workload counts.
        let about = of(&what);
        self.notes.retain(|note| {
            about.is_none() || note.environment != *environment || of(&note.what) != about
        });
        self.notes.push(Note {
            environment: environment.clone(),
            what,
            at: happening.at,
        });
        let beyond = self.notes.len().saturating_sub(MOST);
        self.notes.drain(..beyond);
        for note in self.notes.iter_mut().rev().skip(MOST_EXPLAINED) {
            if let Noted::Crashing(_, log) = &mut note.what {
                log.clear();
            }
        }
        true
    }

    fn advance(&mut self, number: i64, happening: &Happening, what: &What) -> bool {
        let is_known = self.tracks.contains_key(&number);
        if !is_known {
            let begins = what.is_end() || matches!(what, What::Asked { .. } | What::Started { .. });
            if !begins || matches!(what, What::Superseded { .. }) {
                return false;
            }
            let track = Track::new(happening.environment.clone(), happening.at);
            self.tracks.insert(number, track);
            while self.tracks.len() > MOST {
                self.tracks.pop_first();
            }
        }
        let Some(track) = self.tracks.get_mut(&number) else {
            return false;
        };
        let changed = track.take_in(what);
        track.untold |= changed && (!track.among_many || track.stage.is_end());
        if matches!(track.stage, Stage::Superseded) && track.message.is_none() {
            self.tracks.remove(&number);
        }
        changed
    }

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

    /// The deployments that are new to the chat.
    pub fn new_tracks(&self) -> impl Iterator<Item = (i64, &Track)> {
        let tracks = self.tracks.iter().map(|(number, track)| (*number, track));
        tracks.filter(|(_, track)| track.untold && track.message.is_none())
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

/// The last lines that explain something, as many as a message may have.
fn last(log: &[String]) -> Vec<String> {
    let beyond = log.len().saturating_sub(MOST_ALERT_LINES);
    let lines = log[beyond..].iter();
    lines.map(|line| clip(line, LONGEST_ALERT_LINE)).collect()
}

/// The commits of a change, as many as a message may have.
fn commits(changes: &Changes) -> Vec<String> {
    let sign = if changes.undone { '−' } else { '+' };
    let lines = changes.commits.iter();
    let lines = lines.map(|commit| format!("{sign} {}", clip(&commit.subject, 120)));
    let mut lines: Vec<String> = lines.take(MOST_COMMITS).collect();
    let left = changes.commits.len() - lines.len();
    if left > 0 {
        lines.push(format!("{sign} … {left}"));
    }
    lines
}

impl Track {
    /// One of which nothing is known.
    pub fn new(environment: EnvironmentId, at: Timestamp) -> Self {
        Self {
            environment,
            version: None,
            before: None,
            commits: Vec::new(),
            cause: None,
            by: None,
            stage: Stage::Queued,
            message: None,
            untold: false,
            among_many: false,
            at,
        }
    }

    /// One that is recorded, and perhaps over.
    pub fn of(deployment: &estiba_model::Deployment, message: i32) -> Self {
        let stage = match deployment.state {
            DeploymentState::Queued => Stage::Queued,
            DeploymentState::Running => Stage::Running { done: 0, total: 0 },
            DeploymentState::RollingBack => Stage::RollingBack,
            DeploymentState::Succeeded => {
                let began = deployment.started_at.unwrap_or(deployment.created_at);
                let ended = deployment.finished_at.unwrap_or(began);
                let took = ended.duration_since(began).as_millis();
                let took_ms = u64::try_from(took).unwrap_or_default();
                Stage::Succeeded { took_ms }
            }
            DeploymentState::Failed => Stage::Failed {
                reasons: deployment.error.clone().into_iter().collect(),
                log: deployment.log.clone(),
            },
            DeploymentState::Superseded => Stage::Superseded,
        };
        Self {
            version: Some(deployment.version.clone()),
            cause: Some(deployment.cause),
            message: Some(message),
            untold: true,
            stage,
            ..Self::new(deployment.environment.clone(), deployment.created_at)
        }
    }

    /// Whether its end comes as a message of its own, beside the edited one.
    pub fn disturbs(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. })
    }

    fn take_in(&mut self, what: &What) -> bool {
        match what {
            What::Asked { version, cause, by } => {
                self.version = Some(version.clone());
                self.cause = Some(*cause);
                self.by = Some(by.clone());
            }
            What::Started {
                version,
                before,
                changes,
            } => {
                self.version.clone_from(version);
                self.before.clone_from(before);
                self.commits = commits(changes);
                self.stage = Stage::Running { done: 0, total: 0 };
            }
            What::Progress { progress } => return self.progress(progress),
            What::Succeeded { version, took_ms } => {
                self.known(version);
                self.stage = Stage::Succeeded { took_ms: *took_ms };
            }
            What::Failed {
                version,
                reasons,
                log,
            } => {
                self.known(version);
                let clipped = |reason: &Message| reason.clone().map(|text| clip(&text, 1000));
                let beyond = log.len().saturating_sub(MOST_LINES);
                self.stage = Stage::Failed {
                    reasons: reasons.iter().take(5).map(clipped).collect(),
                    log: log[beyond..].iter().map(|line| clip(line, 300)).collect(),
                };
            }
            What::Superseded { version } => {
                self.known(version);
                self.stage = Stage::Superseded;
            }
            _ => return false,
        }
        true
    }

    fn progress(&mut self, progress: &Event) -> bool {
        self.stage = match progress {
            Event::StepStarted { index, total, .. } => Stage::Running {
                done: *index,
                total: *total,
            },
            Event::RollingBack { .. } => Stage::RollingBack,
            _ => return false,
        };
        true
    }

    fn known(&mut self, version: &Version) {
        self.version.get_or_insert_with(|| version.clone());
    }
}

#[cfg(test)]
#[path = "chat_tests.rs"]
mod tests;
