//! The plan while it is written: the steps so far, over what was observed.

use std::collections::BTreeMap;

use estiba_model::{
    Fingerprint, InstanceName, Name, Observed, ObservedInstance, ResourceId, Step, Traffic,
};

use crate::ObservedByTarget;

pub struct Steps<'a> {
    observed: &'a ObservedByTarget,
    by_target: BTreeMap<&'a Name, Instances<'a>>,
    steps: Vec<Step>,
}

/// The instances of one target.
#[derive(Default)]
struct Instances<'a> {
    by_name: BTreeMap<&'a InstanceName, &'a ObservedInstance>,
    by_workload: BTreeMap<&'a Name, Vec<&'a ObservedInstance>>,
}

impl<'a> Steps<'a> {
    pub fn new(observed: &'a ObservedByTarget) -> Self {
        let mut by_target: BTreeMap<_, Instances<'a>> = BTreeMap::new();
        for (target, state) in observed {
            let instances = by_target.entry(target).or_default();
            for instance in &state.instances {
                instances.by_name.insert(&instance.name, instance);
                instances
                    .by_workload
                    .entry(&instance.workload)
                    .or_default()
                    .push(instance);
            }
        }
        Self {
            observed,
            by_target,
            steps: Vec::new(),
        }
    }

    pub fn observed(&self) -> &'a ObservedByTarget {
        self.observed
    }

    pub fn target(&self, target: &Name) -> Option<&'a Observed> {
        self.observed.get(target)
    }

    pub fn instance(&self, target: &Name, name: &InstanceName) -> Option<&'a ObservedInstance> {
        self.by_target.get(target)?.by_name.get(name).copied()
    }

    pub fn instances_of(&self, target: &Name, workload: &Name) -> &[&'a ObservedInstance] {
        self.by_target
            .get(target)
            .and_then(|instances| instances.by_workload.get(workload))
            .map_or(&[], Vec::as_slice)
    }

    pub fn resource_fingerprint(&self, target: &Name, id: &ResourceId) -> Option<&'a Fingerprint> {
        Some(&self.target(target)?.resources.get(id)?.fingerprint)
    }

    pub fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// The same, unless it is to be taken already.
    pub fn push_once(&mut self, step: Step) {
        if !self.steps.contains(&step) {
            self.push(step);
        }
    }

    pub fn len(&self) -> usize {
        self.steps.len()
    }

    pub fn start(&mut self, workload: &Name, target: &Name, instance: &InstanceName) {
        self.push(Step::Start {
            workload: workload.clone(),
            target: target.clone(),
            instance: instance.clone(),
        });
    }

    pub fn await_ready(&mut self, workload: &Name, target: &Name, instance: &InstanceName) {
        self.push(Step::Await {
            workload: workload.clone(),
            target: target.clone(),
            instance: instance.clone(),
        });
    }

    pub fn route(&mut self, workload: &Name, target: &Name, traffic: Traffic) {
        self.push(Step::Route {
            workload: workload.clone(),
            target: target.clone(),
            traffic,
        });
    }

    pub fn stop(&mut self, workload: &Name, target: &Name, instance: &InstanceName) {
        self.push(Step::Stop {
            workload: workload.clone(),
            target: target.clone(),
            instance: instance.clone(),
        });
    }

    pub fn into_vec(self) -> Vec<Step> {
        self.steps
    }
}
