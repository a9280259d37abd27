use std::collections::{BTreeMap, BTreeSet};

use estiba_course::{Action, ObservedTeam, Runs, TeamPlan, plan};
use estiba_model::{Role, Version, message};

use crate::support::{Folder, name};

const COURSE: &str = "course: memo2
project: tp2
chat: true
tokens: { ci: { role: pipeline, days: 9 }, laptop: { role: member, days: 9, for: members } }
teams: { moria: { members: { balin: viewer, gimli: member } } }
";

fn version() -> Version {
    "1.0".parse().unwrap()
}

fn planned(observed: &ObservedTeam, update: bool) -> TeamPlan {
    let course = Folder::new(COURSE).course();
    let moria = name("moria");
    let team = &course.teams[&moria];
    plan(&course, &moria, team, observed, Some(&version()), update)
}

fn words(plan: &TeamPlan) -> Vec<String> {
    plan.actions.iter().map(|one| one.message().en).collect()
}

/// All that the course says.
fn whole() -> ObservedTeam {
    let token = |name: &str, login: Option<&str>| (name.to_owned(), login.map(str::to_owned));
    let logins = ["balin".to_owned(), "gimli".to_owned()];
    let same = Runs::Same { steps: Some(0) };
    ObservedTeam {
        exists: true,
        members: BTreeMap::from([
            ("balin".to_owned(), Role::Viewer),
            ("gimli".to_owned(), Role::Member),
        ]),
        tokens: BTreeSet::from([
            token("ci", None),
            token("laptop", Some("balin")),
            token("laptop", Some("gimli")),
        ]),
        chats: logins.into(),
        environments: BTreeMap::from([(name("test"), same.clone()), (name("prod"), same)]),
        ..ObservedTeam::default()
    }
}

#[test]
fn nothing_there_is_everything_to_do_in_order() {
    let plan = planned(&ObservedTeam::default(), false);
    let expected = [
        "make the team",
        "admit balin as viewer",
        "admit gimli as member",
        "make the token ci",
        "make the token laptop of balin",
        "make the token laptop of gimli",
        "make a code with which balin links a chat account",
        "make a code with which gimli links a chat account",
        "test: deploy 1.0",
        "prod: deploy 1.0",
    ];
    assert_eq!(words(&plan), expected);
}

#[test]
fn all_there_is_nothing_to_do() {
    assert!(planned(&whole(), false).is_empty());
    assert!(planned(&whole(), true).is_empty());
}

#[test]
fn what_lacks_is_done_and_nothing_else() {
    type Change = fn(&mut ObservedTeam);
    let cases: [(Change, &[&str]); 7] = [
        (
            |team| {
                team.members.insert("balin".to_owned(), Role::Member);
            },
            &["admit balin as viewer"],
        ),
        // Who is in the team and not in the file stays.
        (
            |team| {
                team.members.insert("oin".to_owned(), Role::Member);
            },
            &[],
        ),
        (
            |team| {
                team.tokens.remove(&("ci".to_owned(), None));
            },
            &["make the token ci"],
        ),
        (
            |team| {
                team.lost.insert(("ci".to_owned(), None));
            },
            &["make the token ci again: the key of the one there is was not written down"],
        ),
        (
            |team| {
                team.chats.remove("gimli");
            },
            &["make a code with which gimli links a chat account"],
        ),
        (
            |team| {
                let steps = Some(3);
                team.environments.insert(name("prod"), Runs::Same { steps });
            },
            &["prod: put 1.0 right: 3 steps"],
        ),
        (
            |team| drop(team.secrets.insert(name("test"), vec!["TOKEN".to_owned()])),
            &["test: set the secrets TOKEN", "test: deploy 1.0"],
        ),
    ];
    for (change, expected) in cases {
        let mut observed = whole();
        change(&mut observed);
        assert_eq!(words(&planned(&observed, false)), expected);
    }
}

#[test]
fn a_release_of_the_teams_own_stays_until_it_is_asked_for() {
    let mut observed = whole();
    let own: Version = "2.0".parse().unwrap();
    observed
        .environments
        .insert(name("test"), Runs::Other(own.clone()));
    let plan = planned(&observed, false);
    assert!(plan.is_empty());
    assert_eq!(plan.kept, BTreeMap::from([(name("test"), own)]));
    let plan = planned(&observed, true);
    assert_eq!(words(&plan), ["test: deploy 1.0"]);
    // What comes after it is theirs to promote to.
    observed.environments.insert(name("prod"), Runs::Nothing);
    assert!(planned(&observed, false).is_empty());
    let both = ["test: deploy 1.0", "prod: deploy 1.0"];
    assert_eq!(words(&planned(&observed, true)), both);
}

#[test]
fn what_cannot_be_told_is_a_problem_and_is_not_touched() {
    let mut observed = whole();
    let why = message!("the cluster is gone", "el clúster no está");
    observed
        .environments
        .insert(name("prod"), Runs::Unknown(why.clone()));
    let plan = planned(&observed, true);
    assert_eq!(
        (plan.actions, plan.problems),
        (Vec::<Action>::new(), vec![why])
    );
}
