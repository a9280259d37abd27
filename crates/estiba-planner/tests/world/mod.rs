//! A make-believe environment: it takes the steps of a plan and complains where
//! one of them would hurt users.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Desired, DesiredResource, DesiredWorkload, Digest, EnvironmentId, ExposedPort, Exposure,
    Fingerprint, InstanceName, InstanceState, Name, Observed, ObservedInstance, ObservedResource,
    ObservedRollout, Protocol, ResourceId, Rollout, Step, Strategy, Traffic, WholeWorkload,
};
use estiba_planner::ObservedByTarget;

pub const TARGET: &str = "laptop";

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A fingerprint from any text.
pub fn fingerprint(text: &str) -> Fingerprint {
    let digest = Digest::of(text.as_bytes());
    Fingerprint::from_hash(&hex(digest.hex()))
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

pub fn environment() -> EnvironmentId {
    EnvironmentId {
        team: name("moria"),
        project: name("tp2"),
        environment: name("test"),
    }
}

/// A workload that should run. `content` stands for all that its fingerprint is
/// made of.
pub fn workload(called: &str, content: &str, replicas: u32, with_port: bool) -> DesiredWorkload {
    let mut exposure = Exposure::default();
    if with_port {
        let port = ExposedPort {
            port: 8080,
            target_port: 3000,
            protocol: Protocol::Tcp,
        };
        exposure.ports.insert("http".to_owned(), port);
    }
    DesiredWorkload {
        name: name(called),
        target: name(TARGET),
        fingerprint: fingerprint(&format!("{called} {content}")),
        replicas,
        strategy: if with_port {
            Strategy::Rolling
        } else {
            Strategy::Replace
        },
        rollout: Rollout::Stepwise,
        migration: None,
        smoke: false,
        after: BTreeSet::new(),
        images: BTreeSet::from([Digest::of(content.as_bytes())]),
        exposure,
    }
}

pub fn resource(id: &str) -> DesiredResource {
    DesiredResource {
        id: ResourceId(id.to_owned()),
        target: name(TARGET),
        fingerprint: fingerprint(id),
    }
}

pub fn desired(workloads: Vec<DesiredWorkload>, resources: Vec<DesiredResource>) -> Desired {
    Desired {
        environment: environment(),
        version: "1.0.0".parse().unwrap(),
        resources,
        workloads,
        acceptance: Vec::new(),
    }
}

/// What runs, and what must hold while it changes.
#[derive(Debug, Clone, Default)]
pub struct World {
    pub observed: ObservedByTarget,
}

impl World {
    /// Takes one step on the way to `desired`.
    ///
    /// # Panics
    /// When the step breaks what must always hold.
    pub fn take(&mut self, step: &Step, desired: &Desired) {
        let wanted: BTreeMap<&Name, &DesiredWorkload> =
            desired.workloads.iter().map(|w| (&w.name, w)).collect();
        if let Step::Start { workload, .. } | Step::RollOut { workload, .. } = step {
            self.assert_runs_nowhere_else(wanted[workload]);
        }
        let state = self.observed.entry(step.target().clone()).or_default();
        match step {
            Step::Provision { resource, .. } => {
                let wanted = desired.resources.iter().find(|r| r.id == *resource);
                let made = ObservedResource {
                    fingerprint: wanted.unwrap().fingerprint.clone(),
                    holds_data: resource.0.starts_with("postgres"),
                };
                state.resources.insert(resource.clone(), made);
            }
            Step::Fetch { image, .. } => {
                state.images.insert(image.clone());
            }
            Step::Migrate {
                workload,
                fingerprint,
                ..
            } => {
                let new = state
                    .migrations
                    .entry(workload.clone())
                    .or_default()
                    .insert(fingerprint.clone());
                assert!(new, "a migration runs once");
            }
            Step::Start {
                workload, instance, ..
            } => start(state, wanted[workload], workload, instance, desired),
            Step::Await { instance, .. } => {
                let found = state.instances.iter_mut().find(|i| i.name == *instance);
                found.expect("it was started").state = InstanceState::Ready;
            }
            Step::Route {
                workload, traffic, ..
            } => route(state, workload, traffic),
            Step::Stop {
                workload, instance, ..
            } => {
                let traffic = state.traffic.get(workload);
                let serves = traffic.is_some_and(|t| t.instances.contains(instance));
                assert!(!serves, "{instance} is stopped while it has traffic");
                state.instances.retain(|i| i.name != *instance);
            }
            Step::RollOut {
                workload, wanted, ..
            } => roll_out(state, workload, wanted, desired),
            Step::Withdraw { workload, .. } => {
                state.rollouts.remove(workload);
                state.instances.retain(|i| i.workload != *workload);
            }
            Step::Smoke { workload, .. } => self.assert_answers(wanted[workload]),
            Step::Accept {
                workload,
                fingerprint,
                ..
            } => {
                let tests = desired.acceptance.iter().find(|t| t.workload == *workload);
                let is_there = state.images.contains(&tests.unwrap().image);
                assert!(is_there, "an image is there before");
                let passed = state.migrations.entry(workload.clone()).or_default();
                assert!(passed.insert(fingerprint.clone()), "tests pass once");
            }
            Step::Destroy { resource, .. } => {
                state.resources.remove(resource);
            }
            Step::Empty { resource, .. } | Step::PutBack { resource, .. } => {
                panic!("{resource}: the planner empties no database")
            }
        }
    }
}

impl World {
    /// Only newcomers are asked for their version.
    fn assert_answers(&self, wanted: &DesiredWorkload) {
        let state = &self.observed[&wanted.target];
        let of = |name: &InstanceName| state.instances.iter().find(|i| i.name == *name);
        let asked: Vec<_> = match state.traffic.get(&wanted.name) {
            Some(traffic) => traffic.instances.iter().filter_map(of).collect(),
            None => state
                .instances
                .iter()
                .filter(|i| i.workload == wanted.name)
                .collect(),
        };
        let is_new = |i: &&ObservedInstance| {
            i.fingerprint == wanted.fingerprint && i.state == InstanceState::Ready
        };
        assert!(
            !asked.is_empty() && asked.iter().all(is_new),
            "{} is asked too early",
            wanted.name
        );
    }

    fn assert_runs_nowhere_else(&self, wanted: &DesiredWorkload) {
        let elsewhere = self.observed.iter().filter(|(t, _)| **t != wanted.target);
        let elsewhere = elsewhere.flat_map(|(_, state)| &state.instances);
        let others = elsewhere.filter(|i| i.workload == wanted.name).count();
        let may_overlap = wanted.strategy == Strategy::Rolling;
        assert!(may_overlap || others == 0, "{} polls twice", wanted.name);
    }
}

/// What a target with controllers of its own makes of a workload.
fn roll_out(state: &mut Observed, workload: &Name, wanted: &WholeWorkload, desired: &Desired) {
    let declared = desired.workloads.iter().find(|w| w.name == *workload);
    if wanted.replicas > 0 {
        assert_may_start(state, declared.unwrap(), desired);
    }
    state.instances.retain(|i| i.workload != *workload);
    let instances = (0..wanted.replicas).map(|ordinal| ObservedInstance {
        name: InstanceName::of(workload, &wanted.fingerprint, ordinal),
        workload: workload.clone(),
        version: desired.version.clone(),
        fingerprint: wanted.fingerprint.clone(),
        state: InstanceState::Ready,
        restarts: 0,
    });
    state.instances.extend(instances);
    let rollout = ObservedRollout {
        wanted: wanted.clone(),
        settled: true,
    };
    state.rollouts.insert(workload.clone(), rollout);
}

fn assert_may_start(state: &Observed, wanted: &DesiredWorkload, desired: &Desired) {
    for image in &wanted.images {
        assert!(state.images.contains(image), "an image is there before");
    }
    let resources = desired.resources.iter();
    for resource in resources.filter(|r| r.target == wanted.target) {
        assert!(
            state.resources.contains_key(&resource.id),
            "resources come before their users"
        );
    }
    if let Some(migration) = &wanted.migration {
        let done = state.migrations.get(&wanted.name);
        assert!(
            done.is_some_and(|done| done.contains(migration)),
            "migrations come first"
        );
    }
}

fn start(
    state: &mut Observed,
    wanted: &DesiredWorkload,
    workload: &Name,
    instance: &InstanceName,
    desired: &Desired,
) {
    assert_may_start(state, wanted, desired);
    if wanted.strategy == Strategy::Replace {
        let others = state.instances.iter().any(|i| {
            i.workload == *workload
                && i.fingerprint != wanted.fingerprint
                && i.state != InstanceState::Stopped
        });
        assert!(!others, "{workload} is replaced without overlap");
    }
    state.instances.retain(|i| i.name != *instance);
    state.instances.push(ObservedInstance {
        name: instance.clone(),
        workload: workload.clone(),
        version: desired.version.clone(),
        fingerprint: wanted.fingerprint.clone(),
        state: InstanceState::Starting,
        restarts: 0,
    });
}

fn route(state: &mut Observed, workload: &Name, traffic: &Traffic) {
    for instance in &traffic.instances {
        let found = state.instances.iter().find(|i| i.name == *instance);
        let ready = found.is_some_and(|i| i.state == InstanceState::Ready);
        assert!(ready, "{instance} gets traffic before it is ready");
    }
    if *traffic == Traffic::default() {
        state.traffic.remove(workload);
    } else {
        state.traffic.insert(workload.clone(), traffic.clone());
    }
}
