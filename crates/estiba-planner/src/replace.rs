//! From the instances that a workload has to those it should have.

use std::collections::{BTreeSet, VecDeque};

use estiba_model::{
    DesiredWorkload, Exposure, InstanceName, InstanceState, ObservedInstance, Strategy, Traffic,
};

use crate::steps::Steps;

/// The names of the instances that should run.
pub fn wanted(workload: &DesiredWorkload) -> impl Iterator<Item = InstanceName> {
    (0..workload.replicas)
        .map(|ordinal| InstanceName::of(&workload.name, &workload.fingerprint, ordinal))
}

pub fn replace(steps: &mut Steps<'_>, workload: &DesiredWorkload) {
    let mut change = Change::new(steps, workload);
    match workload.strategy {
        Strategy::Replace => change.without_overlap(),
        // With nobody to relieve, all come at once.
        Strategy::Rolling if change.leaving.is_empty() => change.bring_up_all(),
        Strategy::Rolling => change.one_by_one(),
    }
    change.smoke();
}

/// One workload's change, step by step.
struct Change<'s, 'a> {
    steps: &'s mut Steps<'a>,
    workload: &'s DesiredWorkload,
    wanted: Vec<InstanceName>,
    /// Old or surplus instances that have not been stopped yet.
    leaving: VecDeque<&'a ObservedInstance>,
    /// Wanted instances that are ready by now.
    arrived: BTreeSet<InstanceName>,
    /// Where the traffic goes by now.
    traffic: Traffic,
    /// Steps before this change, while its smoke test is still to come.
    untested: Option<usize>,
}

impl<'s, 'a> Change<'s, 'a> {
    fn new(steps: &'s mut Steps<'a>, workload: &'s DesiredWorkload) -> Self {
        let wanted: Vec<_> = wanted(workload).collect();
        let leaving = steps
            .instances_of(&workload.target, &workload.name)
            .iter()
            .copied()
            .filter(|instance| !wanted.contains(&instance.name))
            .collect();
        let traffic = steps
            .target(&workload.target)
            .and_then(|state| state.traffic.get(&workload.name).cloned())
            .unwrap_or_default();
        let is_tested = workload.smoke && workload.replicas > 0;
        Self {
            untested: is_tested.then(|| steps.len()),
            steps,
            workload,
            wanted,
            leaving,
            arrived: BTreeSet::new(),
            traffic,
        }
    }

    fn without_overlap(&mut self) {
        self.mark_ready_ones();
        if !self.leaving.is_empty() {
            let staying = self.arrived.clone();
            self.route_to(staying);
            self.retire_down_to(0);
        }
        self.bring_up_all();
    }

    fn bring_up_all(&mut self) {
        let wanted = self.wanted.clone();
        for instance in &wanted {
            self.start_if_missing(instance);
        }
        for instance in &wanted {
            self.await_if_not_ready(instance);
        }
        self.arrived.extend(wanted);
        self.route_to(self.arrived.clone());
    }

    /// Each newcomer that is ready relieves an old instance, so that there is
    /// never less than before and never more than one too many.
    fn one_by_one(&mut self) {
        for instance in self.wanted.clone() {
            self.start_if_missing(&instance);
            self.await_if_not_ready(&instance);
            self.arrived.insert(instance);
            let room = self.wanted.len() - self.arrived.len();
            self.relieve_down_to(room);
        }
        self.relieve_down_to(0);
    }

    /// Asks the newcomers for their version, once: of the last old instance none is
    /// stopped before that.
    fn smoke(&mut self) {
        if self
            .untested
            .is_some_and(|before| self.steps.len() > before)
        {
            self.untested = None;
            self.steps.push(crate::smoke(self.workload));
        }
    }

    fn relieve_down_to(&mut self, count: usize) {
        let staying = self.leaving.iter().rev().take(count);
        let serving = staying
            .filter(|old| old.state == InstanceState::Ready)
            .map(|old| old.name.clone());
        let serving = self.arrived.iter().cloned().chain(serving).collect();
        self.route_to(serving);
        if count == 0 {
            self.smoke();
        }
        self.retire_down_to(count);
    }

    fn retire_down_to(&mut self, count: usize) {
        while self.leaving.len() > count {
            if let Some(old) = self.leaving.pop_front() {
                self.steps
                    .stop(&self.workload.name, &self.workload.target, &old.name);
            }
        }
    }

    fn state(&self, instance: &InstanceName) -> Option<InstanceState> {
        self.steps
            .instance(&self.workload.target, instance)
            .map(|found| found.state)
    }

    fn mark_ready_ones(&mut self) {
        for instance in &self.wanted {
            if self.state(instance) == Some(InstanceState::Ready) {
                self.arrived.insert(instance.clone());
            }
        }
    }

    fn start_if_missing(&mut self, instance: &InstanceName) {
        if matches!(self.state(instance), None | Some(InstanceState::Stopped)) {
            self.steps
                .start(&self.workload.name, &self.workload.target, instance);
        }
    }

    fn await_if_not_ready(&mut self, instance: &InstanceName) {
        if self.state(instance) != Some(InstanceState::Ready) {
            self.steps
                .await_ready(&self.workload.name, &self.workload.target, instance);
        }
    }

    fn route_to(&mut self, instances: BTreeSet<InstanceName>) {
        let exposure = self.workload.exposure.clone();
        let instances = if exposure == Exposure::default() {
            BTreeSet::new()
        } else {
            instances
        };
        let traffic = Traffic {
            exposure,
            instances,
        };
        if traffic != self.traffic {
            self.steps
                .route(&self.workload.name, &self.workload.target, traffic.clone());
            self.traffic = traffic;
        }
    }
}
