//! What a chat is told, from what happens.

use std::collections::BTreeSet;

use estiba_model::{ApprovalState, Cause, DeploymentId, Happening, Message, What};

use super::hear::{MOST_ALERT_LINES, MOST_ALERTS, MOST_UNTOLD_ALERTS};
use super::track::MOST_LINES;
use super::*;

fn place(environment: &str) -> EnvironmentId {
    EnvironmentId {
        team: "moria".parse().unwrap(),
        project: "tp2".parse().unwrap(),
        environment: environment.parse().unwrap(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).unwrap()
}

fn chat() -> Chat {
    Chat {
        teams: vec!["moria".parse().unwrap()],
        since: at(0),
        ..Chat::default()
    }
}

fn version(text: &str) -> Version {
    text.parse().unwrap()
}

/// Happenings, numbered as they come.
struct World(i64);

impl World {
    fn tell(&mut self, chat: &mut Chat, deployment: i64, what: What) -> bool {
        self.0 += 1;
        chat.take_in(&Happening {
            id: self.0,
            at: at(self.0),
            environment: place("test"),
            deployment: (deployment > 0).then_some(DeploymentId(deployment)),
            what,
        })
    }

    fn deployment(&mut self, chat: &mut Chat, number: i64) {
        let asked = What::Asked {
            version: version("1.1"),
            cause: Cause::Deploy,
            by: "ana".to_owned(),
        };
        assert!(self.tell(chat, number, asked));
        let started = What::Started {
            version: Some(version("1.1")),
            before: Some(version("1.0")),
            changes: estiba_model::Changes::default(),
        };
        assert!(self.tell(chat, number, started));
    }
}

fn failed() -> What {
    What::Failed {
        version: version("1.1"),
        reasons: vec![Message::verbatim("no answer")],
        log: (0..100)
            .map(|n| format!("{n} {}", "x".repeat(900)))
            .collect(),
    }
}

fn succeeded() -> What {
    What::Succeeded {
        version: version("1.1"),
        took_ms: 1500,
    }
}

fn approval(id: i64, state: ApprovalState) -> Approval {
    Approval {
        id,
        environment: place("test"),
        version: version("1.1"),
        cause: Cause::Promote,
        requested_by: "ana".to_owned(),
        requested_at: at(0),
        state,
        decided_by: None,
        decided_at: None,
        deployment: None,
        without: BTreeSet::new(),
    }
}

#[test]
fn a_deployment_is_one_message_that_is_edited() {
    let (mut chat, mut world) = (chat(), World(0));
    world.deployment(&mut chat, 7);
    assert_eq!(chat.due(at(1)), [], "a moment is waited for more");
    assert_eq!(chat.due(at(10)), [Due::Track(7)]);
    let told = chat.tracks[&7].clone();
    chat.told_track(7, &told, Some(42), false);
    assert_eq!(chat.due(at(10)), []);
    world.tell(&mut chat, 7, succeeded());
    assert_eq!(chat.due(at(10)), [Due::Track(7)]);
    let told = chat.tracks[&7].clone();
    assert_eq!(told.message, Some(42));
    assert_eq!(told.before, Some(version("1.0")));
    chat.told_track(7, &told, Some(42), true);
    assert!(chat.tracks.is_empty());
}

#[test]
fn what_changes_while_it_is_sent_is_told_afterwards() {
    let (mut chat, mut world) = (chat(), World(0));
    world.deployment(&mut chat, 7);
    let told = chat.tracks[&7].clone();
    world.tell(&mut chat, 7, succeeded());
    chat.told_track(7, &told, Some(42), false);
    assert_eq!(chat.due(at(10)), [Due::Track(7)]);
}

#[test]
fn nothing_is_taken_in_twice() {
    let (mut chat, mut world) = (chat(), World(0));
    world.deployment(&mut chat, 7);
    let before = chat.clone();
    let mut again = World(0);
    again.0 = 1;
    assert!(!again.tell(&mut chat, 7, failed()), "number 2 was taken in");
    assert_eq!(chat, before);
}

#[test]
fn what_does_not_concern_a_chat_is_not_told() {
    let asked = || What::ApprovalAsked {
        approval: approval(1, ApprovalState::Waiting),
    };
    let mut another = chat();
    another.teams = vec!["rohan".parse().unwrap()];
    let mut later = chat();
    later.since = at(100);
    let mut gone = chat();
    gone.gone = true;
    for mut chat in [another, later, gone, Chat::default()] {
        assert!(!World(0).tell(&mut chat, 0, asked()));
        assert_eq!(chat.due(at(1000)), []);
    }
    assert!(World(0).tell(&mut chat(), 0, asked()));
}

#[test]
fn a_failure_keeps_its_last_lines() {
    let (mut chat, mut world) = (chat(), World(0));
    world.tell(&mut chat, 7, failed());
    let Stage::Failed { log, .. } = &chat.tracks[&7].stage else {
        panic!("{:?}", chat.tracks);
    };
    assert_eq!(log.len(), MOST_LINES);
    assert!(log[MOST_LINES - 1].starts_with("99 "));
    assert!(log.iter().all(|line| line.chars().count() <= 300));
}

fn alert(name: &str) -> What {
    What::Alert {
        alert: name.parse().unwrap(),
        when: "level:error".to_owned(),
        over: 10,
        within_seconds: 300,
        log: (0..20)
            .map(|n| format!("{n} {}", "x".repeat(900)))
            .collect(),
    }
}

#[test]
fn an_alert_is_a_message_of_its_own_and_may_be_muted_afterwards() {
    let (mut chat, mut world) = (chat(), World(0));
    assert!(world.tell(&mut chat, 0, alert("errors")));
    assert_eq!(chat.due(at(1)), [], "a moment is waited for more");
    assert_eq!(chat.due(at(10)), [Due::Alert(1)]);
    let alarm = &chat.alerts[&1];
    assert_eq!(alarm.log.len(), MOST_ALERT_LINES);
    assert!(alarm.log[MOST_ALERT_LINES - 1].starts_with("19 "));
    chat.told_alert(1);
    assert_eq!(chat.due(at(10)), []);
    assert_eq!(chat.alerts[&1].alert.as_str(), "errors");
    chat.keep_teams(|_| false);
    assert!(chat.alerts.is_empty());
}

#[test]
fn a_crash_is_noted_with_its_last_lines() {
    let (mut chat, mut world) = (chat(), World(0));
    let crashing = What::Crashing {
        workload: "api".parse().unwrap(),
        instance: "api-1".to_owned(),
        log: vec!["no configuration".to_owned()],
    };
    world.tell(&mut chat, 0, crashing);
    let log = vec!["no configuration".to_owned()];
    assert_eq!(
        chat.notes[0].what,
        Noted::Crashing("api".parse().unwrap(), log)
    );
}

#[test]
fn many_deployments_are_one_message() {
    let (mut chat, mut world) = (chat(), World(0));
    for number in 1..=10 {
        world.deployment(&mut chat, number);
    }
    assert_eq!(chat.due(at(100)), [Due::Many]);
    let told: Vec<_> = chat
        .new_tracks()
        .map(|(n, track)| (n, track.clone()))
        .collect();
    assert_eq!(told.len(), 10);
    chat.told_many(&told);
    assert_eq!(chat.due(at(100)), []);
    world.tell(&mut chat, 3, succeeded());
    assert_eq!(chat.due(at(100)), [Due::Track(3)]);
}

#[test]
fn quiet_hours_hold_back_all_but_quiet_edits() {
    let (mut chat, mut world) = (chat(), World(0));
    world.deployment(&mut chat, 1);
    world.deployment(&mut chat, 2);
    world.deployment(&mut chat, 3);
    for (number, message) in [(1, 41), (2, 42)] {
        let told = chat.tracks[&number].clone();
        chat.told_track(number, &told, Some(message), false);
    }
    world.tell(&mut chat, 1, succeeded());
    world.tell(&mut chat, 2, failed());
    world.tell(
        &mut chat,
        0,
        What::Crashing {
            workload: "api".parse().unwrap(),
            instance: String::new(),
            log: Vec::new(),
        },
    );
    let asked = approval(1, ApprovalState::Waiting);
    world.tell(&mut chat, 0, What::ApprovalAsked { approval: asked });
    let all = [
        Due::Request(1),
        Due::Track(1),
        Due::Track(2),
        Due::Track(3),
        Due::Notes,
    ];
    assert_eq!(chat.due(at(100)), all);
    let hour = at(100).to_zoned(jiff::tz::TimeZone::UTC).hour();
    chat.quiet = Some(Quiet {
        from: hour,
        to: (hour + 1) % 24,
        offset: Some(0),
    });
    assert_eq!(chat.due(at(100)), [Due::Track(1)]);
    assert_eq!(chat.due(at(3700)), all, "it comes afterwards");
}

#[test]
fn a_workload_that_flaps_is_told_of_once_a_minute() {
    let (mut chat, mut world) = (chat(), World(0));
    let workload: Name = "api".parse().unwrap();
    for _ in 0..20 {
        let instance = "api-1".to_owned();
        world.tell(
            &mut chat,
            0,
            What::Crashing {
                workload: workload.clone(),
                instance,
                log: Vec::new(),
            },
        );
        world.tell(
            &mut chat,
            0,
            What::Recovered {
                workload: workload.clone(),
            },
        );
    }
    assert_eq!(chat.notes.len(), 1);
    assert_eq!(chat.notes[0].what, Noted::Recovered(workload.clone()));
    assert_eq!(chat.due(at(100)), [Due::Notes]);
    let told = chat.notes.clone();
    chat.told_notes(&told, at(100));
    world.tell(&mut chat, 0, What::Recovered { workload });
    assert_eq!(chat.due(at(110)), []);
    assert_eq!(chat.due(at(161)), [Due::Notes]);
}

#[test]
fn a_request_is_asked_decided_and_superseded_in_its_message() {
    let (mut chat, mut world) = (chat(), World(0));
    let waiting = |id| What::ApprovalAsked {
        approval: approval(id, ApprovalState::Waiting),
    };
    world.tell(&mut chat, 0, waiting(1));
    assert_eq!(chat.due(at(100)), [Due::Request(1)]);
    let told = chat.requests[&1].clone();
    chat.told_request(1, &told, 41);
    world.tell(&mut chat, 0, waiting(2));
    assert_eq!(chat.requests[&1].approval.state, ApprovalState::Superseded);
    assert_eq!(chat.due(at(100)), [Due::Request(1), Due::Request(2)]);
    let told = chat.requests[&1].clone();
    chat.told_request(1, &told, 41);
    let rejected = What::ApprovalDecided {
        approval: approval(2, ApprovalState::Rejected),
    };
    world.tell(&mut chat, 0, rejected);
    assert_eq!(chat.requests.len(), 0);
    assert_eq!(chat.due(at(100)), [Due::Notes], "it was never asked");
}

#[test]
fn a_chat_is_remembered_as_it_is() {
    let (mut chat, mut world) = (chat(), World(0));
    world.deployment(&mut chat, 1);
    world.tell(&mut chat, 2, failed());
    world.tell(
        &mut chat,
        0,
        What::ApprovalAsked {
            approval: approval(1, ApprovalState::Waiting),
        },
    );
    world.tell(
        &mut chat,
        0,
        What::Recovered {
            workload: "api".parse().unwrap(),
        },
    );
    chat.quiet = Some(Quiet {
        from: 22,
        to: 8,
        offset: None,
    });
    let remembered = serde_json::to_value(&chat).unwrap();
    assert_eq!(serde_json::from_value::<Chat>(remembered).unwrap(), chat);
}

#[test]
fn everything_remembered_is_bounded() {
    let (mut chat, mut world) = (chat(), World(0));
    for number in 1..=300 {
        world.tell(&mut chat, number, failed());
        world.tell(&mut chat, 0, alert("errors"));
        chat.add_menu(Menu {
            user: 1,
            choices: Vec::new(),
        });
    }
    assert_eq!((chat.tracks.len(), chat.menus.len()), (MOST, MOST));
    assert_eq!(chat.alerts.len(), MOST_UNTOLD_ALERTS);
    (0..1000).for_each(|number| chat.told_alert(number));
    for number in 0..100 {
        world.tell(&mut chat, 0, alert("errors"));
        chat.told_alert(600 + number);
    }
    assert!(chat.alerts.len() <= MOST_ALERTS, "{}", chat.alerts.len());
    let bytes = serde_json::to_vec(&chat).unwrap().len();
    // What the server keeps under one name at the most.
    assert!(bytes < 256 << 10, "{bytes}");
}
