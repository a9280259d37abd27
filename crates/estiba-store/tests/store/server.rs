//! What a server keeps: people, keys, projects, what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use estiba_model::{ApprovalState, Cause, DeploymentId, Role, Scope, SecretString, Trust, What};
use estiba_store::{HappeningQuery, Known, NewAuditEntry, NewHappening};
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::support::{Fixture, environment, name};

on_both! {
    people_are_in_teams,
    a_key_speaks_for_its_owner_until_it_ends,
    sessions_end,
    identities_are_of_people,
    projects_are_of_their_team,
    what_happened_is_in_order,
    a_request_is_decided_once,
    the_audit_log_goes_back,
    a_write_has_one_answer,
    a_code_links_an_account_once,
}

fn scope(role: Role) -> Scope {
    Scope {
        role,
        team: Some(name("moria")),
        project: None,
        environments: Vec::new(),
    }
}

async fn people_are_in_teams(fixture: &Fixture) {
    let store = fixture.open().await;
    assert!(store.add_team(&name("moria")).await.unwrap());
    assert!(!store.add_team(&name("moria")).await.unwrap());
    let gimli = store.person_of_login("gimli").await.unwrap();
    assert_eq!(store.person_of_login("gimli").await.unwrap(), gimli);
    for role in [Role::Viewer, Role::Member] {
        store
            .set_member(&name("moria"), &gimli.id, role)
            .await
            .unwrap();
    }
    let teams = store.teams_of(&gimli.id).await.unwrap();
    assert_eq!(teams, [(name("moria"), Role::Member)]);
    let members = store.members(&name("moria")).await.unwrap();
    assert_eq!(members[0].login, "gimli");
    store.set_admin(&gimli.id, true).await.unwrap();
    assert_eq!(store.admins().await.unwrap().len(), 1);
    let gone = store.remove_member(&name("moria"), &gimli.id).await;
    assert!(gone.unwrap());
    assert!(store.members(&name("moria")).await.unwrap().is_empty());
}

async fn a_key_speaks_for_its_owner_until_it_ends(fixture: &Fixture) {
    let store = fixture.open().await;
    let gimli = store.person_of_login("gimli").await.unwrap();
    let made = store
        .add_token("laptop", Some(&gimli.id), scope(Role::Member), None)
        .await
        .unwrap();
    let owner = store.token_of(&made.key).await.unwrap().unwrap();
    assert_eq!(owner.person, Some(gimli.id.clone()));
    assert_eq!(owner.token.scope, scope(Role::Member));
    let wrong = SecretString::new(format!("{}x", made.key.expose()));
    assert_eq!(store.token_of(&wrong).await.unwrap(), None);
    let past = Timestamp::now().checked_sub(1.hours()).unwrap();
    let ended = store
        .add_token("old", None, scope(Role::Viewer), Some(past))
        .await
        .unwrap();
    assert_eq!(store.token_of(&ended.key).await.unwrap(), None);
    assert_eq!(store.tokens(None).await.unwrap().len(), 2);
    assert_eq!(store.tokens(Some(&gimli.id)).await.unwrap().len(), 1);
    assert!(store.revoke_token(&made.token.id).await.unwrap());
    assert_eq!(store.token_of(&made.key).await.unwrap(), None);
}

async fn sessions_end(fixture: &Fixture) {
    const LONG: Duration = Duration::from_secs(3600);
    let store = fixture.open().await;
    let gimli = store.person_of_login("gimli").await.unwrap();
    let until = Timestamp::now().checked_add(1.hours()).unwrap();
    let begin = async |token: Option<&str>, until| {
        let begun = store.begin_session(&gimli.id, token, until).await;
        begun.unwrap()
    };
    let open = async |key: &SecretString, idle| store.session(key, idle, true).await.unwrap();

    let session = begin(None, until).await;
    let found = open(&session, LONG).await.unwrap();
    assert_eq!((found.person, found.scope), (gimli.id.clone(), None));
    assert_eq!(open(&session, Duration::ZERO).await, None, "left alone");
    store.end_session(&session).await.unwrap();
    assert_eq!(open(&session, LONG).await, None, "ended");

    let past = Timestamp::now().checked_sub(1.hours()).unwrap();
    assert_eq!(open(&begin(None, past).await, LONG).await, None, "past");

    let scope = Scope {
        role: Role::Viewer,
        team: None,
        project: None,
        environments: Vec::new(),
    };
    let made = store.add_token("mine", Some(&gimli.id), scope.clone(), None);
    let token = made.await.unwrap().token;
    let narrow = begin(Some(&token.id), until).await;
    assert_eq!(open(&narrow, LONG).await.unwrap().scope, Some(scope));
    store.revoke_token(&token.id).await.unwrap();
    assert_eq!(open(&narrow, LONG).await, None, "its token is gone");

    let both = [begin(None, until).await, begin(None, until).await];
    store.end_sessions(&gimli.id).await.unwrap();
    for session in both {
        assert_eq!(open(&session, LONG).await, None, "ended everywhere");
    }
}

async fn identities_are_of_people(fixture: &Fixture) {
    const ISSUER: &str = "https://id.example.edu";
    let store = fixture.open().await;
    let known = async |subject, email| {
        let found = store.person_of_identity(ISSUER, subject, email).await;
        found.unwrap().map(|person| person.login)
    };
    store.person_of_login("Gimli@example.edu").await.unwrap();
    assert_eq!(known("7", None).await, None);
    assert_eq!(known("7", Some("balin@example.edu")).await, None);
    let gimli = Some("Gimli@example.edu".to_owned());
    assert_eq!(known("7", Some("gimli@example.edu")).await, gimli);
    assert_eq!(known("7", Some("other@example.edu")).await, gimli, "linked");
    assert_eq!(known("8", None).await, None);
}

async fn projects_are_of_their_team(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = environment("test").project_id();
    store.add_team(&id.team).await.unwrap();
    let files = BTreeMap::from([("estiba.yaml".to_owned(), "one".to_owned())]);
    store.put_project(&id, &files, "gimli").await.unwrap();
    let kept = store.project(&id).await.unwrap().unwrap();
    assert_eq!((kept.files, kept.updated_by.as_str()), (files, "gimli"));
    assert_eq!(store.projects(None).await.unwrap(), vec![id.clone()]);
    assert_eq!(
        store.projects(Some(&id.team)).await.unwrap(),
        vec![id.clone()]
    );
    assert!(
        store
            .projects(Some(&name("none")))
            .await
            .unwrap()
            .is_empty()
    );
    let trust = Trust {
        team: id.team.clone(),
        issuer: "https://ci.example.edu".to_owned(),
        audience: "estiba".to_owned(),
        claims: BTreeMap::new(),
        project: None,
        environments: Vec::new(),
    };
    let rule = store.add_trust(&trust).await.unwrap();
    let all = store.trusts(Some(&id.team)).await.unwrap();
    assert_eq!(all, [(rule.clone(), trust)]);
    assert!(store.remove_trust(&id.team, &rule).await.unwrap());
    assert!(store.trusts(None).await.unwrap().is_empty());
    assert!(store.remove_project(&id).await.unwrap());
    assert_eq!(store.project(&id).await.unwrap(), None);
}

async fn what_happened_is_in_order(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = environment("test");
    let recovered = |workload: &str, deployment: i64| NewHappening {
        environment: id.clone(),
        deployment: Some(DeploymentId(deployment)),
        what: What::Recovered {
            workload: name(workload),
        },
    };
    let both = [recovered("api", 1), recovered("bot", 2)];
    store.record_happenings(&both).await.unwrap();
    store
        .record_happenings(&[recovered("api", 2)])
        .await
        .unwrap();
    let ids = |query: HappeningQuery| {
        let store = &store;
        async move {
            let found = store.happenings(&query).await.unwrap();
            found.iter().map(|one| one.id).collect::<Vec<_>>()
        }
    };
    let query = HappeningQuery {
        limit: 10,
        ..HappeningQuery::default()
    };
    assert_eq!(ids(query.clone()).await, [1, 2, 3]);
    let later = HappeningQuery {
        after: 1,
        limit: 1,
        ..query.clone()
    };
    assert_eq!(ids(later).await, [2]);
    let of_one = HappeningQuery {
        deployment: Some(DeploymentId(2)),
        ..query.clone()
    };
    assert_eq!(ids(of_one).await, [2, 3]);
    let of_team = HappeningQuery {
        team: Some(name("none")),
        ..query
    };
    assert!(ids(of_team).await.is_empty());
    assert_eq!(store.last_happening().await.unwrap(), 3);
}

async fn a_request_is_decided_once(fixture: &Fixture) {
    let store = fixture.open().await;
    let id = environment("prod");
    let version = "1.0.0".parse().unwrap();
    let without = BTreeSet::from([name("vm2")]);
    let ask = || store.ask_approval(&id, &version, Cause::Promote, "gimli", &without);
    let first = ask().await.unwrap();
    let second = ask().await.unwrap();
    let waiting = store.waiting_approvals(Some(&id.team)).await.unwrap();
    assert_eq!(waiting, vec![second.clone()], "the older one gave way");
    let decide = |id| store.decide_approval(id, ApprovalState::Approved, "balin");
    assert_eq!(decide(first.id).await.unwrap(), None);
    let decided = decide(second.id).await.unwrap().unwrap();
    assert_eq!(decided.decided_by.as_deref(), Some("balin"));
    assert_eq!(decided.without, without);
    assert_eq!(decide(second.id).await.unwrap(), None);
    store.reopen_approval(second.id).await.unwrap();
    assert_eq!(
        store.approval(second.id).await.unwrap(),
        Some(second.clone())
    );
    decide(second.id).await.unwrap().unwrap();
    store
        .link_approval(second.id, DeploymentId(7))
        .await
        .unwrap();
    let linked = store.approval(second.id).await.unwrap().unwrap();
    assert_eq!(linked.deployment, Some(DeploymentId(7)));
    store.reopen_approval(second.id).await.unwrap();
    assert_eq!(store.approval(second.id).await.unwrap(), Some(linked));
}

async fn the_audit_log_goes_back(fixture: &Fixture) {
    let store = fixture.open().await;
    for team in ["moria", "rohan", "moria"] {
        let entry = NewAuditEntry {
            actor: "gimli".to_owned(),
            from: None,
            action: "config.set",
            object: team.to_owned(),
            team: Some(name(team)),
            detail: json!({ "value": "x" }),
        };
        store.note(&entry).await.unwrap();
    }
    let newest = store.audit(None, None, 2).await.unwrap();
    assert_eq!(newest.iter().map(|e| e.id).collect::<Vec<_>>(), [3, 2]);
    let rest = store.audit(None, Some(2), 2).await.unwrap();
    assert_eq!(rest.iter().map(|e| e.id).collect::<Vec<_>>(), [1]);
    let of_team = store.audit(Some(&name("moria")), None, 9).await.unwrap();
    assert_eq!(of_team.len(), 2);
}

async fn a_write_has_one_answer(fixture: &Fixture) {
    let store = fixture.open().await;
    let claim = |request| store.claim_key("gimli", "key", request);
    assert_eq!(claim("a").await.unwrap(), Known::New);
    assert_eq!(claim("a").await.unwrap(), Known::Underway);
    assert_eq!(claim("b").await.unwrap(), Known::Other);
    store
        .keep_answer("gimli", "key", 201, "made")
        .await
        .unwrap();
    let body = "made".to_owned();
    assert_eq!(
        claim("a").await.unwrap(),
        Known::Answered { status: 201, body }
    );
    store.free_key("gimli", "key").await.unwrap();
    assert_eq!(claim("b").await.unwrap(), Known::New);
}

async fn a_code_links_an_account_once(fixture: &Fixture) {
    let store = fixture.open().await;
    let gimli = store.person_of_login("gimli").await.unwrap();
    let balin = store.person_of_login("balin").await.unwrap();
    let (gimli_id, balin_id) = (gimli.id.clone(), balin.id.clone());
    let until = Timestamp::now().checked_add(15.minutes()).unwrap();
    let code = store.chat_code(&gimli.id, until).await.unwrap();
    assert_eq!(store.link_chat("WRONG", 7).await.unwrap(), None);
    let linked = store.link_chat(&code, 7).await.unwrap();
    assert_eq!(linked, Some(gimli.id.clone()));
    assert_eq!(store.link_chat(&code, 8).await.unwrap(), None);
    assert_eq!(store.person_of_chat(7).await.unwrap(), Some(gimli.id));
    let code = store.chat_code(&balin.id, until).await.unwrap();
    store.link_chat(&code, 7).await.unwrap();
    let accounts = store.chat_accounts().await.unwrap();
    assert_eq!(accounts, [(7, balin.id)], "an account is one person");
    let moria = name("moria");
    store.add_team(&moria).await.unwrap();
    for person in [&gimli_id, &balin_id] {
        store
            .set_member(&moria, person, Role::Member)
            .await
            .unwrap();
    }
    let week = Timestamp::now().checked_add((7 * 24).hours()).unwrap();
    let long = store.chat_code(&gimli_id, week).await.unwrap();
    assert!(long.len() > code.len(), "it is open to guesses for longer");
    let members = store.chat_members(&moria).await.unwrap();
    let states = members.iter().map(|m| (m.login.as_str(), m.linked));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [("balin", true), ("gimli", false)]
    );
    let waits = members[1].code_expires_at.map(Timestamp::as_millisecond);
    assert_eq!(waits, Some(week.as_millisecond()));
    assert_eq!(members[0].code_expires_at, None, "used");
    store.unlink_chat(7).await.unwrap();
    assert_eq!(store.person_of_chat(7).await.unwrap(), None);
    let value = json!({ "cursor": 3 });
    store.set_chat_state("cursor", &value).await.unwrap();
    assert_eq!(store.chat_state("cursor").await.unwrap(), Some(value));
    assert_eq!(store.chat_state("other").await.unwrap(), None);
}
