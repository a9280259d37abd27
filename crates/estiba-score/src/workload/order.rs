//! The order in which containers start: `before`.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{MIGRATION_ANNOTATION, message};

use super::node::{Findings, Node};
use crate::suggest;

pub(super) fn check(root: &Node<'_>, found: &mut Findings<'_>) {
    let containers: BTreeMap<&str, Node<'_>> = root.entries("containers").collect();
    let annotations = root
        .get("metadata")
        .and_then(|metadata| metadata.get("annotations"));
    let migration = annotations
        .as_ref()
        .and_then(|all| all.text(MIGRATION_ANNOTATION));
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, container) in &containers {
        for (other, entry) in container.entries("before") {
            if !containers.contains_key(other) {
                unknown(other, &entry, containers.keys().copied(), found);
                continue;
            }
            followers.entry(name).or_default().push(other);
            if migration == Some(other) {
                before_migration(name, &entry, found);
            }
            if entry.text("ready") == Some("healthy") && container.get("readinessProbe").is_none() {
                unprobed(name, &entry, found);
            }
        }
    }
    if let Some(cycle) = cycle(&followers) {
        let path = cycle.join(" → ");
        let entry = containers
            .get(cycle[0])
            .and_then(|c| c.get("before")?.get(cycle[1]));
        let Some(entry) = entry else { return };
        found.error(
            "cycle",
            found.key(&entry),
            message!(
                "these containers wait for one another: {path}",
                "estos contenedores se esperan entre sí: {path}"
            ),
            message!(
                "remove one of these `before`",
                "quite uno de estos `before`"
            ),
        );
    }
}

fn unknown<'c>(
    name: &str,
    entry: &Node<'_>,
    containers: impl Iterator<Item = &'c str>,
    found: &mut Findings<'_>,
) {
    found.error(
        "unknown-container",
        found.key(entry),
        message!(
            "there is no container \"{name}\"",
            "no hay un contenedor «{name}»"
        ),
        suggest::instead(name, containers),
    );
}

fn before_migration(name: &str, entry: &Node<'_>, found: &mut Findings<'_>) {
    found.error(
        "before-migration",
        found.key(entry),
        message!(
            "\"{name}\" can't start before the migration, which ends before any instance starts",
            "«{name}» no puede iniciar antes de la migración, que termina antes de que inicie cualquier instancia"
        ),
        message!("remove this `before`", "quite este `before`"),
    );
}

fn unprobed(name: &str, entry: &Node<'_>, found: &mut Findings<'_>) {
    let node = entry.get("ready").unwrap_or_else(|| entry.clone());
    found.error(
        "unprobed-container",
        found.value(&node),
        message!(
            "\"{name}\" has no readinessProbe, so nothing tells when it is healthy",
            "«{name}» no tiene readinessProbe, así que nada indica cuándo está sano"
        ),
        message!(
            "add a readinessProbe to \"{name}\", or wait for `started`",
            "agregue un readinessProbe a «{name}», o espere a `started`"
        ),
    );
}

/// A way from a name back to itself, the name at both ends.
pub(super) fn cycle<'n>(edges: &BTreeMap<&'n str, Vec<&'n str>>) -> Option<Vec<&'n str>> {
    let mut done = BTreeSet::new();
    for start in edges.keys().copied() {
        // A stack of its own: chains are as long as a file can have them.
        let mut path: Vec<(&str, usize)> = vec![(start, 0)];
        let mut on_path = BTreeSet::from([start]);
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let target = edges
                .get(name)
                .and_then(|targets| targets.get(*next))
                .copied();
            *next += 1;
            match target {
                None => {
                    done.insert(name);
                    on_path.remove(name);
                    path.pop();
                }
                Some(target) if done.contains(target) => {}
                Some(target) if on_path.insert(target) => path.push((target, 0)),
                Some(target) => {
                    let names = path.iter().map(|(name, _)| *name);
                    return Some(
                        names
                            .skip_while(|name| *name != target)
                            .chain([target])
                            .collect(),
                    );
                }
            }
        }
    }
    None
}
