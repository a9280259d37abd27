//! Names that nothing has, and environments that wait for one another.

use estiba_model::{Environment, Name, Project, message};

use super::{Declared, environment_spot};
use crate::finding::{Findings, instead};

pub(super) fn check(project: &Project, declared: &Declared, found: &mut Findings) {
    for (name, environment) in &project.environments {
        targets(project, declared, name, environment, found);
        unknown_workloads(project, declared, name, environment, found);
        unplaced_workloads(project, name, environment, found);
        after(project, declared, name, environment, found);
        pollers(project, name, environment, found);
    }
}

fn targets(
    project: &Project,
    declared: &Declared,
    name: &Name,
    environment: &Environment,
    found: &mut Findings,
) {
    for (workload, target) in &environment.placement {
        if declared.targets.contains(target.as_str()) {
            continue;
        }
        found.error(
            "unknown-target",
            environment_spot(project, name, &["on", workload.as_str()]),
            message!(
                "there is no target \"{target}\" under `targets`",
                "no hay ninguna plataforma «{target}» en `targets`"
            ),
            instead(target.as_str(), declared.targets.iter().map(String::as_str)),
        );
    }
}

fn unknown_workloads(
    project: &Project,
    declared: &Declared,
    name: &Name,
    environment: &Environment,
    found: &mut Findings,
) {
    let Some(workloads) = &declared.workloads else {
        return;
    };
    let placed = environment
        .placement
        .keys()
        .map(|workload| ("on", workload));
    let replicated = environment
        .replicas
        .keys()
        .map(|workload| ("replicas", workload));
    for (section, workload) in placed.chain(replicated) {
        if workloads.contains(workload.as_str()) {
            continue;
        }
        found.error(
            "unknown-workload",
            environment_spot(project, name, &[section, workload.as_str()]).of_key(),
            message!(
                "no Score file of this project has a workload \"{workload}\"",
                "ningún archivo Score de este proyecto tiene un componente «{workload}»"
            ),
            instead(workload.as_str(), workloads.iter().map(String::as_str)),
        );
    }
}

fn unplaced_workloads(
    project: &Project,
    name: &Name,
    environment: &Environment,
    found: &mut Findings,
) {
    let unplaced = project
        .workloads
        .keys()
        .filter(|w| !environment.placement.contains_key(*w));
    for workload in unplaced {
        found.error(
            "unplaced-workload",
            environment_spot(project, name, &["on"]).of_key(),
            message!(
                "environment {name} does not say where {workload} runs",
                "el ambiente {name} no dice dónde se ejecuta {workload}"
            ),
            message!(
                "add `{workload}: TARGET` to `on`, or name one target for all workloads",
                "agregue `{workload}: PLATAFORMA` a `on`, o indique una sola plataforma para todos los componentes"
            ),
        );
    }
}

fn after(
    project: &Project,
    declared: &Declared,
    name: &Name,
    environment: &Environment,
    found: &mut Findings,
) {
    let Some(first) = &environment.after else {
        return;
    };
    let spot = environment_spot(project, name, &["after"]);
    if !declared.environments.contains(first.as_str()) {
        let others = declared.environments.iter().map(String::as_str);
        found.error(
            "unknown-environment",
            spot,
            message!(
                "there is no environment \"{first}\"",
                "no hay ningún ambiente «{first}»"
            ),
            instead(
                first.as_str(),
                others.filter(|other| *other != name.as_str()),
            ),
        );
        return;
    }
    let Some(cycle) = cycle_of(project, name) else {
        return;
    };
    let way = cycle.join(" → ");
    found.error(
        "environment-cycle",
        spot,
        message!(
            "each of these waits for the next, so no release can reach any: {way}",
            "cada uno espera al siguiente, así que ninguna versión puede llegar a ninguno: {way}"
        ),
        message!(
            "remove `after` from the environment that takes releases first",
            "quite `after` del ambiente que recibe las versiones primero"
        ),
    );
}

/// The environments from `start` back to itself; told for one of them only, the
/// first by name.
fn cycle_of<'p>(project: &'p Project, start: &'p Name) -> Option<Vec<&'p str>> {
    let mut way = vec![start.as_str()];
    let mut at = start;
    for _ in 0..project.environments.len() {
        at = project.environments.get(at)?.after.as_ref()?;
        way.push(at.as_str());
        if at == start {
            return (way.iter().min() == way.first()).then_some(way);
        }
    }
    None
}

/// Two copies of what has no port usually poll the same thing.
fn pollers(project: &Project, name: &Name, environment: &Environment, found: &mut Findings) {
    for (workload, copies) in &environment.replicas {
        let portless = project
            .workloads
            .get(workload)
            .is_some_and(|w| w.workload.ports.is_empty());
        if *copies < 2 || !portless {
            continue;
        }
        found.warning(
            "replicated-poller",
            environment_spot(project, name, &["replicas", workload.as_str()]),
            message!(
                "{workload} has no port, and {copies} copies of it run in {name}",
                "{workload} no tiene puerto, y en {name} se ejecutan {copies} copias"
            ),
            message!(
                "copies that poll for one Telegram token get error 409: keep 1, unless it does other work",
                "las copias que consultan con un mismo token de Telegram reciben el error 409: deje 1, salvo que haga otro trabajo"
            ),
        );
    }
}
