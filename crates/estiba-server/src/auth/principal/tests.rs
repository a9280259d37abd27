use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// An admin of moria and a member of rohan, by a token.
fn principal(admin: bool, scope: Scope) -> Principal {
    Principal {
        name: "gimli".to_owned(),
        person: None,
        admin,
        bot: false,
        from: None,
        teams: BTreeMap::from([(name("moria"), Role::Admin), (name("rohan"), Role::Member)]),
        scope: Some(scope),
        ends: None,
    }
}

fn scope(team: Option<&str>, project: Option<&str>, environments: &[&str]) -> Scope {
    Scope {
        role: Role::Admin,
        team: team.map(name),
        project: project.map(name),
        environments: environments.iter().map(|one| name(one)).collect(),
    }
}

#[test]
fn a_token_for_less_than_a_team_decides_nothing_about_it() {
    let moria = name("moria");
    for (scope, may) in [
        (scope(None, None, &[]), true),
        (scope(Some("moria"), None, &[]), true),
        (scope(Some("moria"), Some("tp2"), &[]), false),
        (scope(Some("moria"), None, &["test"]), false),
        (scope(Some("rohan"), None, &[]), false),
    ] {
        let who = principal(false, scope.clone());
        assert_eq!(
            who.need(&moria, Right::Administer).is_ok(),
            may,
            "{scope:?}"
        );
        let all = scope.team.is_none() && may;
        assert_eq!(principal(true, scope).is_admin(), all);
    }
    assert!(!principal(true, scope(None, Some("tp2"), &[])).is_admin());
    assert!(!principal(true, scope(None, None, &["test"])).is_admin());
}

#[test]
fn a_token_sees_what_it_is_for() {
    let both = vec![name("moria"), name("rohan")];
    for (scope, teams) in [
        (scope(None, None, &[]), Some(both)),
        (scope(Some("moria"), None, &[]), Some(vec![name("moria")])),
        (scope(Some("gondor"), None, &[]), Some(Vec::new())),
    ] {
        assert_eq!(principal(false, scope).seen_teams(), teams);
    }
    assert_eq!(principal(true, scope(None, None, &[])).seen_teams(), None);
    let of_project = principal(false, scope(Some("moria"), Some("tp2"), &[]));
    let seen = of_project.seen_happenings();
    assert!(matches!(seen, Seen::Project(Some(_), project) if project == name("tp2")));
}
