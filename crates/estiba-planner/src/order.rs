//! Which workload comes before which.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{DesiredWorkload, Name};

/// The workloads with those first that others come after; equals by name. Two
/// workloads may call each other: the first by name of a ring goes first.
pub fn dependencies_first(workloads: &[DesiredWorkload]) -> Vec<&DesiredWorkload> {
    let by_name: BTreeMap<&Name, &DesiredWorkload> =
        workloads.iter().map(|w| (&w.name, w)).collect();
    let mut waits_for: BTreeMap<&Name, usize> = BTreeMap::new();
    let mut waiters: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
    for workload in by_name.values() {
        let known = workload
            .after
            .iter()
            .filter(|other| **other != workload.name && by_name.contains_key(other));
        waits_for.insert(&workload.name, known.clone().count());
        for other in known {
            waiters.entry(other).or_default().push(&workload.name);
        }
    }
    let mut ready: BTreeSet<&Name> = waits_for
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    let mut ordered = Vec::with_capacity(by_name.len());
    // Where only a ring is left, its first by name goes next.
    while let Some(name) = ready
        .pop_first()
        .or_else(|| waits_for.keys().next().copied())
    {
        waits_for.remove(name);
        ordered.push(by_name[name]);
        for waiter in waiters.get(name).into_iter().flatten() {
            if let Some(count) = waits_for.get_mut(waiter) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(waiter);
                }
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::{Exposure, Fingerprint, Rollout, Strategy};

    fn workload(name: &str, after: &[&str]) -> DesiredWorkload {
        DesiredWorkload {
            name: name.parse().unwrap(),
            target: "laptop".parse().unwrap(),
            fingerprint: Fingerprint::from_hash(&[1; 32]),
            replicas: 1,
            strategy: Strategy::Rolling,
            rollout: Rollout::Stepwise,
            migration: None,
            smoke: false,
            after: after.iter().map(|n| n.parse().unwrap()).collect(),
            images: BTreeSet::new(),
            exposure: Exposure::default(),
        }
    }

    fn order(workloads: &[DesiredWorkload]) -> String {
        let names: Vec<_> = dependencies_first(workloads)
            .iter()
            .map(|w| w.name.as_str())
            .collect();
        names.join(" ")
    }

    #[test]
    fn a_workload_follows_those_it_needs() {
        let chain = [
            workload("bot", &["web"]),
            workload("web", &["zoo"]),
            workload("zoo", &[]),
            workload("alone", &[]),
        ];
        assert_eq!(order(&chain), "alone zoo web bot");
    }

    #[test]
    fn a_ring_is_cut_at_its_first_name() {
        let ring = [
            workload("b1", &["a1"]),
            workload("a1", &["b1"]),
            workload("c1", &["a1", "c1", "unknown"]),
        ];
        assert_eq!(order(&ring), "a1 b1 c1");
    }
}
