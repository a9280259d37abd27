//! Plans as scripts with recorded output: each file of `scripts/` is a story,
//! each line of it a command, and the snapshot holds what came of it.

#![allow(missing_docs, clippy::unwrap_used)]

mod world;

use std::fmt::Write as _;

use estiba_model::{Desired, DesiredAcceptance, Digest, InstanceState, Plan, Rollout, Step};
use estiba_planner::{plan, teardown};
use world::{TARGET, World, desired, environment, fingerprint, name, resource, workload};

#[test]
fn stories_go_as_recorded() {
    insta::glob!("scripts/*.txt", |path| {
        let script = std::fs::read_to_string(path).unwrap();
        insta::assert_snapshot!(Story::default().tell(&script));
    });
}

struct Story {
    world: World,
    desired: Desired,
    out: String,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            world: World::default(),
            desired: desired(Vec::new(), Vec::new()),
            out: String::new(),
        }
    }
}

impl Story {
    fn tell(mut self, script: &str) -> String {
        for line in script.lines().filter(|line| !line.is_empty()) {
            let _ = writeln!(self.out, "> {line}");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["#", ..] => {}
                ["want", called, content, count, rest @ ..] => {
                    self.want(called, content, count.parse().unwrap(), rest);
                }
                ["drop", called] => self
                    .desired
                    .workloads
                    .retain(|w| w.name.as_str() != *called),
                ["accept", called, content] => self.accept(called, content),
                ["resource", id] => self.desired.resources.push(resource(id)),
                ["forget", id] => self.desired.resources.retain(|r| r.id.0 != *id),
                ["plan"] => self.show_plan(),
                ["apply"] => self.apply(usize::MAX),
                ["apply", count] => self.apply(count.parse().unwrap()),
                ["fail", called] => self.mark(called, InstanceState::Stopped),
                ["crash", called] => self.mark(called, InstanceState::Crashing),
                ["show"] => self.show_world(),
                ["teardown"] => self.teardown(),
                other => panic!("no such command: {other:?}"),
            }
        }
        self.out
    }

    fn want(&mut self, called: &str, content: &str, count: u32, rest: &[&str]) {
        let mut wanted = workload(called, content, count, rest.contains(&"port"));
        for word in rest {
            if let Some(other) = word.strip_prefix("after=") {
                wanted.after.insert(name(other));
            }
            if let Some(target) = word.strip_prefix("on=") {
                wanted.target = name(target);
            }
            if *word == "whole" {
                wanted.rollout = Rollout::Whole;
            }
            wanted.smoke |= *word == "smoke";
            if let Some(migration) = word.strip_prefix("migration=") {
                wanted.migration = Some(fingerprint(migration));
            }
        }
        self.desired.workloads.retain(|w| w.name != wanted.name);
        self.desired.workloads.push(wanted);
    }

    /// Tests of all that is wanted by now.
    fn accept(&mut self, called: &str, content: &str) {
        let all = format!("{content} {:?}", self.desired.workloads);
        self.desired.acceptance = vec![DesiredAcceptance {
            workload: name(called),
            target: name(TARGET),
            fingerprint: fingerprint(&all),
            image: Digest::of(content.as_bytes()),
        }];
    }

    fn plan(&self) -> Plan {
        plan(&self.desired, &self.world.observed)
    }

    fn show_plan(&mut self) {
        let plan = self.plan();
        if plan.steps.is_empty() {
            self.out.push_str("  nothing to do\n");
        }
        for step in &plan.steps {
            let target = step.target().as_str();
            let place = match target {
                TARGET => String::new(),
                other => format!(" on {other}"),
            };
            let _ = writeln!(self.out, "  {}{place}", line(step));
        }
        for kept in &plan.kept {
            let _ = writeln!(self.out, "  keeps {kept}");
        }
    }

    fn apply(&mut self, count: usize) {
        for step in self.plan().steps.iter().take(count) {
            self.world.take(step, &self.desired);
        }
    }

    fn mark(&mut self, called: &str, state: InstanceState) {
        for observed in self.world.observed.values_mut() {
            for instance in &mut observed.instances {
                if instance.workload.as_str() == called {
                    instance.state = state;
                }
            }
            if let Some(rollout) = observed.rollouts.get_mut(called) {
                rollout.settled = false;
            }
        }
    }

    fn show_world(&mut self) {
        for observed in self.world.observed.values() {
            for instance in &observed.instances {
                let _ = writeln!(self.out, "  {} {:?}", instance.name, instance.state);
            }
            for (workload, traffic) in &observed.traffic {
                let names: Vec<_> = traffic.instances.iter().map(|i| i.as_str()).collect();
                let _ = writeln!(self.out, "  traffic of {workload}: {}", names.join(" "));
            }
            for resource in observed.resources.keys() {
                let _ = writeln!(self.out, "  {resource}");
            }
        }
    }

    fn teardown(&mut self) {
        for step in teardown(&environment(), &self.world.observed).steps {
            let _ = writeln!(self.out, "  {}", line(&step));
            self.world.take(&step, &self.desired);
        }
    }
}

fn line(step: &Step) -> String {
    match step {
        Step::Provision { resource, .. } => format!("provision {resource}"),
        Step::Fetch {
            workload, image, ..
        } => format!("fetch {} for {workload}", image.short()),
        Step::Migrate { workload, .. } => format!("migrate {workload}"),
        Step::Start { instance, .. } => format!("start {instance}"),
        Step::Await { instance, .. } => format!("await {instance}"),
        Step::Route {
            workload, traffic, ..
        } => {
            let names: Vec<_> = traffic.instances.iter().map(|i| i.as_str()).collect();
            format!("route {workload} -> [{}]", names.join(" "))
        }
        Step::Stop { instance, .. } => format!("stop {instance}"),
        Step::RollOut {
            workload, wanted, ..
        } => format!("roll out {workload} ({})", wanted.replicas),
        Step::Withdraw { workload, .. } => format!("withdraw {workload}"),
        Step::Smoke { workload, .. } => format!("smoke {workload}"),
        Step::Accept { workload, .. } => format!("accept {workload}"),
        Step::Destroy { resource, .. } => format!("destroy {resource}"),
        Step::Empty { resource, .. } => format!("empty {resource}"),
        Step::PutBack { resource, .. } => format!("put back {resource}"),
    }
}
