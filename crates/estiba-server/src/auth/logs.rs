//! Whose lines of logs somebody may write and read.

use estiba_log_store::Scope as Seen;
use estiba_logs::Origin;
use estiba_model::{Name, Right, Role};

use super::Principal;

impl Principal {
    /// What is put over every line that this principal writes: its one team at least,
    /// so that no line gets to another. `None` where it may write none, or where its
    /// token does not say of which team they are.
    pub fn log_origin(&self) -> Option<Origin> {
        let team = self.one_team()?;
        let ships = |role: Role| role == Role::Shipper || role.may(Right::Ship);
        if !ships(self.own_role(team)?) || !ships(self.most()) {
            return None;
        }
        let scope = self.scope.as_ref();
        let environment = match scope.map_or(&[][..], |scope| &scope.environments) {
            [] => None,
            [one] if !one.stands_for_previews() => Some(one.to_string()),
            _ => return None,
        };
        let project = scope.and_then(|scope| scope.project.as_ref());
        Some(Origin {
            team: Some(team.to_string()),
            project: project.map(Name::to_string),
            environment,
            ..Origin::default()
        })
    }

    fn one_team(&self) -> Option<&Name> {
        let named = self.scope.as_ref().and_then(|scope| scope.team.as_ref());
        named.or_else(|| {
            let mut teams = self.teams.keys();
            teams.next().filter(|_| teams.next().is_none())
        })
    }

    /// The lines that this principal may read.
    pub fn seen_logs(&self) -> Seen {
        let scope = self.scope.as_ref();
        let project = scope.and_then(|scope| scope.project.as_ref());
        let Some(teams) = self.seen_teams() else {
            let sees_all = self.most().may(Right::See) && project.is_none();
            return if sees_all {
                Seen::everything()
            } else {
                Seen::nothing()
            };
        };
        let may_see = |team: &&Name| self.role_in(team).is_some_and(|role| role.may(Right::See));
        let seen = teams.iter().filter(may_see);
        seen.fold(Seen::nothing(), |seen, team| match project {
            Some(project) => seen.and_project(team.as_str(), project.as_str()),
            None => seen.and_team(team.as_str()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_log_store::Environment;
    use estiba_model::Scope;

    fn principal(teams: &[(&str, Role)], scope: Option<Scope>) -> Principal {
        Principal {
            name: "x".into(),
            person: None,
            admin: false,
            bot: false,
            from: None,
            teams: teams
                .iter()
                .map(|(team, role)| (team.parse().unwrap(), *role))
                .collect(),
            scope,
            ends: None,
        }
    }

    fn scope(role: Role, project: Option<&str>, environments: &[&str]) -> Option<Scope> {
        Some(Scope {
            role,
            team: Some("moria".parse().unwrap()),
            project: project.map(|project| project.parse().unwrap()),
            environments: environments
                .iter()
                .map(|one| one.parse().unwrap())
                .collect(),
        })
    }

    fn origin(principal: &Principal) -> Option<[Option<String>; 3]> {
        let origin = principal.log_origin()?;
        Some([origin.team, origin.project, origin.environment])
    }

    #[test]
    fn lines_are_of_the_team_and_place_of_the_token() {
        let own = [("moria", Role::Member), ("rohan", Role::Member)];
        let text = |text: &str| Some(text.to_owned());
        for (teams, scope, expected) in [
            (&own[..1], None, Some([text("moria"), None, None])),
            (&own[..], None, None),
            (&own[1..], scope(Role::Member, None, &[]), None),
            (
                &own[..],
                scope(Role::Shipper, Some("tp2"), &["prod"]),
                Some([text("moria"), text("tp2"), text("prod")]),
            ),
            (
                &own[..],
                scope(Role::Shipper, None, &["test", "prod"]),
                None,
            ),
            (&own[..], scope(Role::Viewer, None, &[]), None),
            (
                &[("moria", Role::Viewer)][..],
                scope(Role::Shipper, None, &[]),
                None,
            ),
            (
                &[("moria", Role::Shipper)][..],
                scope(Role::Shipper, None, &[]),
                Some([text("moria"), None, None]),
            ),
        ] {
            let principal = principal(teams, scope);
            assert_eq!(origin(&principal), expected, "{principal:?}");
        }
    }

    #[test]
    fn lines_of_others_are_not_seen() {
        let own = [("moria", Role::Viewer), ("rohan", Role::Member)];
        for (teams, scope, expected) in [
            (&own[..], None, [true, true, true, false]),
            (
                &own[..],
                scope(Role::Member, None, &[]),
                [true, true, false, false],
            ),
            (
                &own[..],
                scope(Role::Viewer, Some("tp1"), &["test"]),
                [true, false, false, false],
            ),
            (&own[..], scope(Role::Shipper, None, &[]), [false; 4]),
            (
                &[("moria", Role::Shipper)][..],
                scope(Role::Shipper, None, &[]),
                [false; 4],
            ),
            (&[][..], None, [false; 4]),
        ] {
            let seen = principal(teams, scope).seen_logs();
            let seen = [
                ("moria", "tp1"),
                ("moria", "tp2"),
                ("rohan", "tp1"),
                ("gondor", "tp1"),
            ]
            .map(|(team, project)| seen.allows(&Environment::new(team, project, "prod")));
            assert_eq!(seen, expected, "{teams:?}");
        }
    }
}
