//! What happens, as far as a chat is to know of it.

use estiba_model::{Approval, ApprovalState, Happening, What};

use super::{Alarm, Chat, MOST, Note, Noted, Request, Stage, Track};
use crate::text::clip;

/// The most alerts that are to be told, or may be muted.
pub(super) const MOST_ALERTS: usize = 20;
/// The most of these that are to be told; older ones are left out.
pub(super) const MOST_UNTOLD_ALERTS: usize = 5;
/// The most lines of an alert that are told, or of a crash.
pub(super) const MOST_ALERT_LINES: usize = 8;
/// So many crashes are told with their lines, the newest; the others without.
const MOST_EXPLAINED: usize = 5;
/// The longest such line.
const LONGEST_ALERT_LINE: usize = 300;

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
}

/// The last lines that explain something, as many as a message may have.
fn last(log: &[String]) -> Vec<String> {
    let beyond = log.len().saturating_sub(MOST_ALERT_LINES);
    let lines = log[beyond..].iter();
    lines.map(|line| clip(line, LONGEST_ALERT_LINE)).collect()
}
