//! What holds for every plan: taken to its end it gives what was wanted, and
//! there is nothing left to plan; killed half-way, the next one gets there too.

#![allow(missing_docs, clippy::unwrap_used)]

mod world;

use std::collections::BTreeSet;

use estiba_model::{
    Desired, DesiredWorkload, InstanceName, InstanceState, Rollout, Strategy as Replacement,
};
use estiba_planner::plan;
use proptest::prelude::*;
use world::{TARGET, World, desired, fingerprint, name, resource, workload};

fn any_workload() -> impl Strategy<Value = DesiredWorkload> {
    (
        prop::sample::select(vec!["api", "bot", "web"]),
        prop::sample::select(vec!["v1", "v2"]),
        0..4u32,
        any::<[bool; 2]>(),
        prop::option::of(prop::sample::select(vec!["m1", "m2"])),
        prop::sample::subsequence(vec!["api", "bot", "web"], 0..=3),
        prop::sample::select(vec![TARGET, "cluster"]),
    )
        .prop_map(
            |(called, content, replicas, [port, smoke], migration, after, target)| {
                let mut wanted = workload(called, content, replicas, port);
                wanted.target = name(target);
                // One of them is where the target replaces instances by itself.
                if called == "web" {
                    wanted.rollout = Rollout::Whole;
                }
                wanted.smoke = smoke && port;
                wanted.migration = migration.map(fingerprint);
                wanted.after = after.into_iter().map(name).collect();
                wanted
            },
        )
}

fn any_desired() -> impl Strategy<Value = Desired> {
    (
        prop::collection::vec(any_workload(), 0..4),
        prop::sample::subsequence(vec!["postgres.default#api.db", "volume.default#x.y"], 0..=2),
    )
        .prop_map(|(workloads, resources)| {
            let mut seen = BTreeSet::new();
            let workloads = workloads
                .into_iter()
                .filter(|w| seen.insert(w.name.clone()))
                .collect();
            desired(workloads, resources.into_iter().map(resource).collect())
        })
}

fn carry_out(world: &mut World, wanted: &Desired, steps: usize) {
    for step in plan(wanted, &world.observed).steps.iter().take(steps) {
        world.take(step, wanted);
    }
}

fn assert_in_place(world: &World, wanted: &Desired) {
    let instances: BTreeSet<_> = world
        .observed
        .iter()
        .flat_map(|(target, state)| state.instances.iter().map(move |i| (target, i)))
        .map(|(target, i)| (target.clone(), i.name.clone(), i.state))
        .collect();
    let expected: BTreeSet<_> = wanted
        .workloads
        .iter()
        .flat_map(|w| {
            (0..w.replicas).map(|n| {
                let name = InstanceName::of(&w.name, &w.fingerprint, n);
                (w.target.clone(), name, InstanceState::Ready)
            })
        })
        .collect();
    assert_eq!(instances, expected);
    let left = plan(wanted, &world.observed).steps;
    assert!(left.is_empty(), "left to do: {left:?}");
}

proptest! {
    #[test]
    fn a_plan_gives_what_was_wanted(first in any_desired(), second in any_desired()) {
        let mut world = World::default();
        for wanted in [&first, &second] {
            carry_out(&mut world, wanted, usize::MAX);
            assert_in_place(&world, wanted);
        }
    }

    #[test]
    fn a_plan_cut_short_is_ended_by_the_next(
        first in any_desired(), second in any_desired(), cut in 0..12usize,
    ) {
        let mut world = World::default();
        carry_out(&mut world, &first, usize::MAX);
        carry_out(&mut world, &second, cut);
        carry_out(&mut world, &second, usize::MAX);
        assert_in_place(&world, &second);
    }

    #[test]
    fn going_back_half_way_gives_what_was_before(
        first in any_desired(), second in any_desired(), cut in 0..12usize,
    ) {
        let mut world = World::default();
        carry_out(&mut world, &first, usize::MAX);
        carry_out(&mut world, &second, cut);
        carry_out(&mut world, &first, usize::MAX);
        assert_in_place(&world, &first);
    }

    #[test]
    fn somebody_serves_all_through_a_rolling_change(before in 1..4u32, after in 1..4u32) {
        let old = desired(vec![workload("api", "v1", before, true)], Vec::new());
        let new = desired(vec![workload("api", "v2", after, true)], Vec::new());
        prop_assert_eq!(new.workloads[0].strategy, Replacement::Rolling);
        let mut world = World::default();
        carry_out(&mut world, &old, usize::MAX);
        for step in plan(&new, &world.observed).steps {
            world.take(&step, &new);
            let serving = world.observed.values().next().unwrap().traffic[&name("api")]
                .instances
                .len();
            prop_assert!(serving >= before.min(after) as usize);
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(wanted in any_desired()) {
        let world = World::default();
        prop_assert_eq!(plan(&wanted, &world.observed), plan(&wanted, &world.observed));
    }
}
