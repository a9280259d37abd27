//! Desired and observed state to a plan. Pure: no I/O, no clock, no randomness.
//!
//! ```text
//! provision ─► fetch ─► migrate ─► per workload, dependencies first: replace, smoke
//!                                             ─► what is no longer wanted leaves
//!                                             ─► acceptance tests
//! ```

mod order;
mod replace;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Desired, DesiredAcceptance, DesiredWorkload, Digest, EnvironmentId, InstanceState, Name,
    Observed, Plan, Rollout, Step, Strategy, Traffic, WholeWorkload,
};

use crate::order::dependencies_first;
use crate::steps::Steps;

/// What runs of an environment, by target.
pub type ObservedByTarget = BTreeMap<Name, Observed>;

/// The steps that take an environment from what runs to what should run. None
/// where nothing differs.
#[must_use]
pub fn plan(desired: &Desired, observed: &ObservedByTarget) -> Plan {
    let mut steps = Steps::new(observed);
    for resource in &desired.resources {
        if steps.resource_fingerprint(&resource.target, &resource.id) != Some(&resource.fingerprint)
        {
            steps.push(Step::Provision {
                resource: resource.id.clone(),
                target: resource.target.clone(),
            });
        }
    }
    let workloads = dependencies_first(&desired.workloads);
    fetch(&mut steps, &workloads);
    migrate(&mut steps, &workloads);
    for workload in &workloads {
        if workload.strategy == Strategy::Replace {
            leave_other_targets(&mut steps, workload);
        }
        match workload.rollout {
            Rollout::Stepwise => replace::replace(&mut steps, workload),
            Rollout::Whole => roll_out(&mut steps, workload),
        }
    }
    remove_unwanted(&mut steps, desired);
    accept(&mut steps, &desired.acceptance);
    Plan {
        environment: desired.environment.clone(),
        version: Some(desired.version.clone()),
        kept: kept(desired, observed),
        steps: steps.into_vec(),
    }
}

/// The same plan with every smoke test that it lacks: whoever carries on what another
/// began does not know which of them passed.
#[must_use]
pub fn with_all_smoke_tests(mut plan: Plan, desired: &Desired) -> Plan {
    let accept = |step: &Step| matches!(step, Step::Accept { .. });
    let at = plan.steps.iter().position(accept);
    let at = at.unwrap_or(plan.steps.len());
    let lacking: Vec<Step> = desired
        .workloads
        .iter()
        .filter(|workload| workload.smoke && workload.replicas > 0)
        .map(smoke)
        .filter(|smoke| !plan.steps.contains(smoke))
        .collect();
    plan.steps.splice(at..at, lacking);
    plan
}

fn smoke(workload: &DesiredWorkload) -> Step {
    Step::Smoke {
        workload: workload.name.clone(),
        target: workload.target.clone(),
    }
}

fn accept(steps: &mut Steps<'_>, acceptance: &[DesiredAcceptance]) {
    for tests in acceptance {
        let state = steps.target(&tests.target);
        let passed = state.and_then(|state| state.migrations.get(&tests.workload));
        if passed.is_some_and(|passed| passed.contains(&tests.fingerprint)) {
            continue;
        }
        if !state.is_some_and(|state| state.images.contains(&tests.image)) {
            steps.push_once(Step::Fetch {
                workload: tests.workload.clone(),
                target: tests.target.clone(),
                image: tests.image.clone(),
            });
        }
        steps.push(Step::Accept {
            workload: tests.workload.clone(),
            target: tests.target.clone(),
            fingerprint: tests.fingerprint.clone(),
        });
    }
}

/// The steps that take an environment down with all its data.
#[must_use]
pub fn teardown(environment: &EnvironmentId, observed: &ObservedByTarget) -> Plan {
    let mut steps = Steps::new(observed);
    remove_everything_that_runs(&mut steps, |_, _| true);
    for (target, state) in observed {
        for resource in state.resources.keys() {
            steps.push(Step::Destroy {
                resource: resource.clone(),
                target: target.clone(),
            });
        }
    }
    Plan {
        environment: environment.clone(),
        version: None,
        steps: steps.into_vec(),
        kept: Vec::new(),
    }
}

fn fetch(steps: &mut Steps<'_>, workloads: &[&DesiredWorkload]) {
    let mut fetched = BTreeSet::new();
    for workload in workloads {
        if !starts_something(steps, workload) {
            continue;
        }
        // Single instances start from an image, whoever brought it. A target that takes
        // workloads as a whole is told each one's own, by its name and version.
        let owner = (workload.rollout == Rollout::Whole).then_some(&workload.name);
        for image in &workload.images {
            if !is_held(steps, workload, image) && fetched.insert((&workload.target, owner, image))
            {
                steps.push(Step::Fetch {
                    workload: workload.name.clone(),
                    target: workload.target.clone(),
                    image: image.clone(),
                });
            }
        }
    }
}

fn is_held(steps: &Steps<'_>, workload: &DesiredWorkload, image: &Digest) -> bool {
    let Some(state) = steps.target(&workload.target) else {
        return false;
    };
    match workload.rollout {
        Rollout::Stepwise => state.images.contains(image),
        Rollout::Whole => {
            let rollout = state.rollouts.get(&workload.name);
            rollout.is_some_and(|one| one.wanted.fingerprint == workload.fingerprint)
        }
    }
}

fn migrate(steps: &mut Steps<'_>, workloads: &[&DesiredWorkload]) {
    for workload in workloads {
        if let Some(fingerprint) = pending_migration(steps, workload) {
            steps.push(Step::Migrate {
                workload: workload.name.clone(),
                target: workload.target.clone(),
                fingerprint: fingerprint.clone(),
            });
        }
    }
}

fn pending_migration<'w>(
    steps: &Steps<'_>,
    workload: &'w DesiredWorkload,
) -> Option<&'w estiba_model::Fingerprint> {
    let fingerprint = workload.migration.as_ref()?;
    let done = steps
        .target(&workload.target)
        .and_then(|state| state.migrations.get(&workload.name))
        .is_some_and(|done| done.contains(fingerprint));
    // A workload that is switched off has no traffic to gate.
    (!done && workload.replicas > 0).then_some(fingerprint)
}

fn starts_something(steps: &Steps<'_>, workload: &DesiredWorkload) -> bool {
    pending_migration(steps, workload).is_some()
        || match workload.rollout {
            Rollout::Whole => !is_rolled_out(steps, workload),
            Rollout::Stepwise => replace::wanted(workload).any(|name| {
                steps
                    .instance(&workload.target, &name)
                    .is_none_or(|instance| instance.state == InstanceState::Stopped)
            }),
        }
}

fn roll_out(steps: &mut Steps<'_>, workload: &DesiredWorkload) {
    if !is_rolled_out(steps, workload) {
        steps.push(Step::RollOut {
            workload: workload.name.clone(),
            target: workload.target.clone(),
            wanted: whole(workload),
        });
        if workload.smoke && workload.replicas > 0 {
            steps.push(smoke(workload));
        }
    }
}

fn is_rolled_out(steps: &Steps<'_>, workload: &DesiredWorkload) -> bool {
    steps
        .target(&workload.target)
        .and_then(|state| state.rollouts.get(&workload.name))
        .is_some_and(|rollout| rollout.settled && rollout.wanted == whole(workload))
}

fn whole(workload: &DesiredWorkload) -> WholeWorkload {
    WholeWorkload {
        fingerprint: workload.fingerprint.clone(),
        replicas: workload.replicas,
        exposure: workload.exposure.clone(),
    }
}

/// Two instances of a workload that is replaced conflict, wherever they run.
fn leave_other_targets(steps: &mut Steps<'_>, workload: &DesiredWorkload) {
    remove_everything_that_runs(steps, |target, name| {
        *name == workload.name && *target != workload.target
    });
}

/// Workloads that are not in the release any more, or now run elsewhere. Those
/// that are replaced have left already.
fn remove_unwanted(steps: &mut Steps<'_>, desired: &Desired) {
    let wanted: BTreeMap<&Name, &DesiredWorkload> =
        desired.workloads.iter().map(|w| (&w.name, w)).collect();
    remove_everything_that_runs(steps, |target, name| match wanted.get(name) {
        Some(workload) => workload.strategy == Strategy::Rolling && workload.target != *target,
        None => true,
    });
}

fn remove_everything_that_runs(steps: &mut Steps<'_>, is_unwanted: impl Fn(&Name, &Name) -> bool) {
    let observed = steps.observed();
    for (target, state) in observed {
        for (workload, traffic) in &state.traffic {
            if is_unwanted(target, workload) && *traffic != Traffic::default() {
                steps.route(workload, target, Traffic::default());
            }
        }
        for workload in state.rollouts.keys() {
            if is_unwanted(target, workload) {
                steps.push(Step::Withdraw {
                    workload: workload.clone(),
                    target: target.clone(),
                });
            }
        }
        for instance in &state.instances {
            let is_single = !state.rollouts.contains_key(&instance.workload);
            if is_single && is_unwanted(target, &instance.workload) {
                steps.stop(&instance.workload, target, &instance.name);
            }
        }
    }
}

/// Data that nothing wants any more stays until somebody says otherwise.
fn kept(desired: &Desired, observed: &ObservedByTarget) -> Vec<estiba_model::ResourceId> {
    let wanted: BTreeSet<_> = desired
        .resources
        .iter()
        .map(|resource| (&resource.target, &resource.id))
        .collect();
    observed
        .iter()
        .flat_map(|(target, state)| {
            state
                .resources
                .iter()
                .map(move |(id, resource)| (target, id, resource))
        })
        .filter(|(target, id, resource)| resource.holds_data && !wanted.contains(&(*target, *id)))
        .map(|(_, id, _)| id.clone())
        .collect()
}
