//! Looks at what runs, so that a crash loop is told and not only found.

use std::collections::HashSet;
use std::time::Duration;

use estiba_model::{EnvironmentId, EnvironmentStatus, InstanceState, LogLine, Name, Project, What};
use estiba_store::{EnvironmentLock, NewHappening, StoreError};
use estiba_target::LogQuery;
use futures::StreamExt;

use crate::state::App;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(15);
/// So many lines explain a crash.
const EXPLAINING_LINES: usize = 20;
/// A target that takes longer to give them is not waited for.
const EXPLAINED_IN: Duration = Duration::from_secs(5);

/// Looks at every environment, for ever; one server at a time does.
pub(crate) async fn run(app: App) {
    let mut alone: Option<EnvironmentLock> = None;
    let mut crashing = HashSet::new();
    loop {
        if alone.is_none() {
            alone = app.store().try_lock_task("watch").await.ok().flatten();
        }
        if alone.is_some()
            && let Err(error) = look(&app, &mut crashing).await
        {
            tracing::warn!(%error, "what runs can't be watched");
        }
        app.guesses.forget_quiet();
        app.rate.forget_quiet();
        tokio::time::sleep(EVERY).await;
    }
}

type Crashing = HashSet<(EnvironmentId, Name)>;

async fn look(app: &App, crashing: &mut Crashing) -> Result<(), StoreError> {
    for id in app.store().projects(None).await? {
        let Ok((project, _)) = app.descriptions.project(app.store(), &id).await else {
            continue;
        };
        let Ok(all) = app.engine.status(&project).await else {
            continue;
        };
        for status in all {
            let environment = EnvironmentId::new(&id, &status.environment);
            let mut told = changes(&environment, &status, crashing);
            for happening in &mut told {
                explain(app, &project, happening).await;
            }
            app.hub.record(&told).await?;
        }
    }
    Ok(())
}

/// Adds the last lines of an instance that crashes to what is told of it.
async fn explain(app: &App, project: &Project, happening: &mut NewHappening) {
    let What::Crashing {
        workload,
        instance,
        log,
    } = &mut happening.what
    else {
        return;
    };
    // Other instances write too.
    let query = LogQuery {
        tail: Some(10 * EXPLAINING_LINES),
        ..LogQuery::default()
    };
    let environment = &happening.environment.environment;
    let read = async {
        let lines = app.engine.logs(project, environment, workload, &query);
        let lines = lines.await.ok()?;
        let lines: Vec<LogLine> = lines.filter_map(async |line| line.ok()).collect().await;
        Some(lines)
    };
    // Without lines it is told all the same.
    let Ok(Some(lines)) = tokio::time::timeout(EXPLAINED_IN, read).await else {
        return;
    };
    let of_it = lines
        .into_iter()
        .filter(|line| line.instance.as_str() == instance.as_str());
    let texts: Vec<String> = of_it.map(|line| line.text).collect();
    *log = texts[texts.len().saturating_sub(EXPLAINING_LINES)..].to_vec();
}

/// What is new since the last look. While a deployment is going on, its own
/// events tell.
fn changes(
    environment: &EnvironmentId,
    status: &EnvironmentStatus,
    crashing: &mut Crashing,
) -> Vec<NewHappening> {
    if status.activity.is_some() || !status.problems.is_empty() {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut tell = |what| {
        told.push(NewHappening {
            environment: environment.clone(),
            deployment: None,
            what,
        });
    };
    for instance in &status.instances {
        let key = (environment.clone(), instance.workload.clone());
        if instance.state == InstanceState::Crashing && crashing.insert(key) {
            tell(What::Crashing {
                workload: instance.workload.clone(),
                instance: instance.name.to_string(),
                log: Vec::new(),
            });
        }
    }
    let is_well = |workload: &Name| {
        let mut of_it = status.instances.iter().filter(|i| i.workload == *workload);
        of_it.all(|instance| instance.state == InstanceState::Ready)
    };
    crashing.retain(|(of, workload)| {
        if of != environment || !is_well(workload) {
            return true;
        }
        tell(What::Recovered {
            workload: workload.clone(),
        });
        false
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::InstanceStatus;

    fn status(state: InstanceState) -> EnvironmentStatus {
        let name = |text: &str| text.parse().unwrap();
        EnvironmentStatus {
            environment: name("test"),
            deployed: None,
            activity: None,
            failed: None,
            instances: vec![InstanceStatus {
                name: "api-12345678-0".parse().unwrap(),
                workload: name("api"),
                target: name("here"),
                version: "1.0.0".parse().unwrap(),
                state,
                restarts: 3,
            }],
            drift: Vec::new(),
            urls: Vec::new(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn a_crash_loop_is_told_once_and_so_is_its_end() {
        let environment = EnvironmentId {
            team: "moria".parse().unwrap(),
            project: "tp2".parse().unwrap(),
            environment: "test".parse().unwrap(),
        };
        let mut crashing = Crashing::new();
        let mut look = |state| changes(&environment, &status(state), &mut crashing).len();
        let seen = [
            look(InstanceState::Ready),
            look(InstanceState::Crashing),
            look(InstanceState::Crashing),
            look(InstanceState::Starting),
            look(InstanceState::Ready),
            look(InstanceState::Ready),
        ];
        assert_eq!(seen, [0, 1, 0, 0, 1, 0]);
    }
}
