//! From what a request says to the lines that it may see.

use estiba_api::LogSelection;
use estiba_log_store::{Environment, LogStore, Scope, Selection};
use estiba_logs::Query;
use estiba_model::{Name, ProjectId, Right, message};
use jiff::{Span, Timestamp, Zoned};

use super::lines::Lines;
use crate::auth::Principal;
use crate::problem::Problem;
use crate::state::App;

/// Lines that a request is about, and where they are.
pub(crate) struct Selected<'a> {
    /// The store, which always has those that came last.
    pub store: &'a LogStore,
    /// Where all of them are found.
    pub lines: Lines<'a>,
    /// Whose they are: of one project, as far as it may be seen.
    pub scope: Scope,
    /// Which of these.
    pub selection: Selection,
}

/// The lines of a project that whoever asks wants, where they may see it.
///
/// # Errors
/// When they may not, when what they want can't be read, and when this server has no
/// logs.
pub(crate) async fn selected<'a>(
    app: &'a App,
    principal: &Principal,
    project: &ProjectId,
    wanted: &LogSelection,
) -> Result<Selected<'a>, Problem> {
    let described = crate::resources::project(app, principal, project, Right::See).await?;
    let store = app.logs.store()?;
    Ok(Selected {
        store,
        lines: match app.clusters.of(app.store(), &described).await? {
            Some(cluster) => Lines::There(cluster),
            None => Lines::Here(store),
        },
        scope: scope(project, &names(wanted.environment.as_deref())?),
        selection: Selection {
            query: query(wanted)?,
            from: wanted.from.as_deref().map(instant).transpose()?,
            until: wanted.until.as_deref().map(instant).transpose()?,
        },
    })
}

fn scope(project: &ProjectId, environments: &[Name]) -> Scope {
    let (team, project) = (project.team.as_str(), project.project.as_str());
    if environments.is_empty() {
        return Scope::nothing().and_project(team, project);
    }
    environments.iter().fold(Scope::nothing(), |scope, one| {
        scope.and_environment(Environment::new(team, project, one.as_str()))
    })
}

fn query(wanted: &LogSelection) -> Result<Query, Problem> {
    let text = wanted.q.as_deref().unwrap_or_default();
    let mut query = Query::parse(text).map_err(|error| Problem::bad_query(text, &error))?;
    let workloads = names(wanted.workload.as_deref())?;
    if !workloads.is_empty() {
        let workloads = workloads.iter().map(Name::as_str);
        query = query.and(Query::any(
            workloads.map(|name| Query::is("workload", name)),
        ));
    }
    if let Some(instance) = &wanted.instance {
        query = query.and(Query::is("instance", instance));
    }
    if let Some(release) = &wanted.release {
        query = query.and(Query::is("release", release));
    }
    if let Some(level) = wanted.level {
        query = query.and(Query::at_least(level));
    }
    Ok(query)
}

/// Names with commas between them.
fn names(list: Option<&str>) -> Result<Vec<Name>, Problem> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    let names = names.filter(|name| !name.is_empty());
    let names: Result<_, _> = names.map(str::parse).collect();
    names.map_err(|_| {
        Problem::invalid(message!(
            "`environment` and `workload` are names with commas between them",
            "`environment` y `workload` son nombres separados por comas"
        ))
    })
}

/// An RFC 3339 moment, or how long ago it was.
fn instant(text: &str) -> Result<Timestamp, Problem> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let span = text.parse::<Span>().ok();
    let at = span.and_then(|span| Zoned::now().checked_sub(span).ok());
    at.map(|at| at.timestamp()).ok_or_else(|| {
        Problem::invalid(message!(
            "\"{text}\" is neither a span (90s, 10m, 2h, 1d) nor an RFC 3339 time",
            "«{text}» no es un lapso (90s, 10m, 2h, 1d) ni una hora RFC 3339"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_logs::{Level, Record};

    fn wanted() -> LogSelection {
        LogSelection::default()
    }

    #[test]
    fn what_is_wanted_becomes_one_query() {
        assert_eq!(query(&wanted()).unwrap(), Query::all());
        let narrowed = LogSelection {
            q: Some("refused".into()),
            workload: Some("bot, api".into()),
            instance: Some("bot-1".into()),
            release: Some("1.2.0".into()),
            level: Some(Level::Warn),
            ..wanted()
        };
        let query_of = query(&narrowed).unwrap();
        let mut record = Record::new(Timestamp::now(), "it was refused");
        record.level = Some(Level::Error);
        record.origin.workload = Some("api".into());
        record.origin.instance = Some("bot-1".into());
        record.origin.release = Some("1.2.0".into());
        assert!(query_of.matches(&record));
        record.origin.workload = Some("web".into());
        assert!(!query_of.matches(&record));
        let bad = LogSelection {
            q: Some("level:(".into()),
            ..wanted()
        };
        assert!(query(&bad).is_err());
    }

    #[test]
    fn a_scope_is_of_the_project_at_the_most() {
        let project = ProjectId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
        };
        let at = |team: &str, project: &str, environment: &str| {
            Environment::new(team, project, environment)
        };
        for (environments, seen) in [
            (vec![], [true, true, false, false]),
            (vec!["prod".parse().unwrap()], [false, true, false, false]),
        ] {
            let scope = scope(&project, &environments);
            let allowed = [
                at("moria", "tp2", "test"),
                at("moria", "tp2", "prod"),
                at("moria", "tp1", "prod"),
                at("rohan", "tp2", "prod"),
            ]
            .map(|one| scope.allows(&one));
            assert_eq!(allowed, seen);
        }
        assert!(names(Some("test,../prod")).is_err());
        assert!(instant("yesterday").is_err());
        assert!(instant("10m").unwrap() < Timestamp::now());
    }
}
