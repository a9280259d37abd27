//! Whose lines a reader may see.

use crate::Environment;

/// Whose lines a reader may see. Every read takes one and opens nothing else: no
/// text of a query can widen it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    sees: Sees,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sees {
    Everything,
    These(Vec<Part>),
}

/// Lines of one team that a [`Scope`] allows to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The team.
    pub team: String,
    /// One of its projects; all where none is named.
    pub project: Option<String>,
    /// One of the project's environments; all where none is named.
    pub environment: Option<String>,
}

impl Scope {
    /// All lines: for whoever runs the server.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            sees: Sees::Everything,
        }
    }

    /// No line.
    #[must_use]
    pub fn nothing() -> Self {
        Self {
            sees: Sees::These(Vec::new()),
        }
    }

    /// The lines of one team.
    pub fn team(team: impl Into<String>) -> Self {
        Self::nothing().and_team(team)
    }

    /// The lines of one environment.
    #[must_use]
    pub fn environment(environment: Environment) -> Self {
        Self::nothing().and_environment(environment)
    }

    /// Those of this team as well.
    #[must_use]
    pub fn and_team(self, team: impl Into<String>) -> Self {
        self.and(Part {
            team: team.into(),
            project: None,
            environment: None,
        })
    }

    /// Those of this project of a team as well.
    #[must_use]
    pub fn and_project(self, team: impl Into<String>, project: impl Into<String>) -> Self {
        self.and(Part {
            team: team.into(),
            project: Some(project.into()),
            environment: None,
        })
    }

    /// Those of this environment as well.
    #[must_use]
    pub fn and_environment(self, environment: Environment) -> Self {
        self.and(Part {
            team: environment.team,
            project: Some(environment.project),
            environment: Some(environment.environment),
        })
    }

    /// Whether lines of this environment may be seen.
    #[must_use]
    pub fn allows(&self, environment: &Environment) -> bool {
        let Sees::These(parts) = &self.sees else {
            return true;
        };
        let is = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == name)
        };
        parts.iter().any(|part| {
            part.team == environment.team
                && is(&part.project, &environment.project)
                && is(&part.environment, &environment.environment)
        })
    }

    /// What it allows to see: one of these parts, or everything where there is no list.
    #[must_use]
    pub fn parts(&self) -> Option<&[Part]> {
        match &self.sees {
            Sees::Everything => None,
            Sees::These(parts) => Some(parts),
        }
    }

    fn and(mut self, part: Part) -> Self {
        if let Sees::These(parts) = &mut self.sees {
            parts.push(part);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_allows_what_it_names_and_nothing_else() {
        let prod = Environment::new("moria", "tp2", "prod");
        let test = Environment::new("moria", "tp2", "test");
        let other = Environment::new("rohan", "tp2", "prod");
        let unnamed = Environment::new("", "", "");
        for (scope, allowed) in [
            (Scope::everything(), [true, true, true, true]),
            (Scope::nothing(), [false; 4]),
            (Scope::team("moria"), [true, true, false, false]),
            (Scope::team(""), [false, false, false, true]),
            (
                Scope::environment(prod.clone()),
                [true, false, false, false],
            ),
            (
                Scope::environment(prod.clone()).and_team("rohan"),
                [true, false, true, false],
            ),
            (
                Scope::nothing().and_project("moria", "tp2"),
                [true, true, false, false],
            ),
        ] {
            let seen = [&prod, &test, &other, &unnamed].map(|which| scope.allows(which));
            assert_eq!(seen, allowed, "{scope:?}");
        }
    }
}
