//! What a new description of a project may not change for those who only ship.
//!
//! A pipeline describes the project that it ships. If it could also say that `prod` needs
//! nobody to agree, or where the lines go that a secret is sent along with, these would
//! guard nothing.

use estiba_model::{Environment, EnvironmentId, Message, Name, Project, Right, message};

use super::Principal;
use crate::problem::Problem;

impl Principal {
    /// Refuses a description that loosens what `before` guarded, to those who may not
    /// change it.
    pub fn may_describe(&self, before: Option<&Project>, now: &Project) -> Result<(), Problem> {
        let loosened = before.into_iter().flat_map(|before| loosened(before, now));
        for environment in loosened {
            let id = id(now, environment);
            self.need_environment(&id, Right::Change)
                .map_err(|_| Problem::forbidden(by_a_member(environment)))?;
        }
        let logs = before.and_then(|before| before.logs.as_ref());
        if now.logs.is_some() && now.logs.as_ref() != logs {
            for environment in now.environments.keys() {
                self.need_environment(&id(now, environment), Right::Change)
                    .map_err(|_| Problem::forbidden(to_another_cluster(environment)))?;
            }
        }
        Ok(())
    }
}

fn id(project: &Project, environment: &Name) -> EnvironmentId {
    EnvironmentId::new(&project.id, environment)
}

/// The environments that are guarded less than they were.
fn loosened<'p>(before: &'p Project, now: &'p Project) -> impl Iterator<Item = &'p Name> {
    before.environments.iter().filter_map(|(name, was)| {
        // One that is left out could come back as it likes.
        let none = Environment::default();
        let is = now.environments.get(name).unwrap_or(&none);
        let is_looser = was.approve && !is.approve
            || was.acceptance && !is.acceptance
            || was.after.is_some() && was.after != is.after
            || !was.reset && is.reset;
        is_looser.then_some(name)
    })
}

fn by_a_member(environment: &Name) -> Message {
    message!(
        "estiba.yaml loosens {environment} (`approve`, `after`, `acceptance`, `reset`, or left out): a member of the team has to say so first, with `estiba plan --env {environment}`",
        "estiba.yaml afloja {environment} (`approve`, `after`, `acceptance`, `reset`, o ya no está): primero tiene que decirlo un integrante del equipo, con `estiba plan --env {environment}`"
    )
}

fn to_another_cluster(environment: &Name) -> Message {
    message!(
        "estiba.yaml sends the logs to another cluster, with a secret: a member of the team has to say so first, with `estiba plan --env {environment}`",
        "estiba.yaml envía los registros a otro clúster, con un secreto: primero tiene que decirlo un integrante del equipo, con `estiba plan --env {environment}`"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::{LogsTo, ProjectId, Role, Scope};
    use std::collections::BTreeMap;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn project(prod: Option<Environment>, logs: Option<&str>) -> Project {
        let test = (name("test"), Environment::default());
        let prod = prod.map(|prod| (name("prod"), prod));
        Project {
            id: ProjectId {
                team: name("moria"),
                project: name("tp2"),
            },
            environments: std::iter::once(test).chain(prod).collect(),
            logs: logs.map(|to| LogsTo {
                to: to.to_owned(),
                index: "logs".to_owned(),
                login: None,
                ca: None,
            }),
            directory: ".".into(),
            text: String::new(),
            workloads: BTreeMap::new(),
            registry: None,
            targets: BTreeMap::new(),
            previews: None,
            alerts: BTreeMap::new(),
        }
    }

    fn principal(role: Role, environments: &[&str]) -> Principal {
        Principal {
            name: "pipeline tp2".to_owned(),
            person: None,
            admin: false,
            bot: false,
            from: None,
            teams: BTreeMap::from([(name("moria"), role)]),
            scope: Some(Scope {
                role,
                team: Some(name("moria")),
                project: None,
                environments: environments.iter().map(|one| name(one)).collect(),
            }),
            ends: None,
        }
    }

    #[test]
    fn who_only_ships_loosens_nothing() {
        let guarded = || Environment {
            approve: true,
            acceptance: true,
            after: Some(name("test")),
            ..Environment::default()
        };
        let before = project(Some(guarded()), None);
        let pipeline = principal(Role::Pipeline, &[]);
        let of_test = principal(Role::Member, &["test"]);
        let member = principal(Role::Member, &[]);
        assert!(pipeline.may_describe(Some(&before), &before).is_ok());
        let looser = [
            Environment {
                approve: false,
                ..guarded()
            },
            Environment {
                acceptance: false,
                ..guarded()
            },
            Environment {
                after: None,
                ..guarded()
            },
            Environment {
                reset: true,
                ..guarded()
            },
        ];
        for now in looser.map(Some).into_iter().chain([None]) {
            let now = project(now, None);
            for (who, may) in [(&pipeline, false), (&of_test, false), (&member, true)] {
                assert_eq!(who.may_describe(Some(&before), &now).is_ok(), may);
            }
            // It begins as it likes.
            assert!(pipeline.may_describe(None, &now).is_ok());
        }
    }

    #[test]
    fn who_only_ships_sends_the_logs_nowhere_else() {
        let (none, one, other) = (
            project(None, None),
            project(None, Some("https://one")),
            project(None, Some("https://other")),
        );
        let pipeline = principal(Role::Pipeline, &[]);
        let member = principal(Role::Member, &[]);
        for (before, now, may) in [
            (None, &one, false),
            (Some(&none), &one, false),
            (Some(&one), &other, false),
            (Some(&one), &one, true),
            (Some(&one), &none, true),
        ] {
            assert_eq!(pipeline.may_describe(before, now).is_ok(), may);
            assert!(member.may_describe(before, now).is_ok());
        }
    }
}
