//! Annotations of the workload, above all Estiba's own.

use std::collections::BTreeMap;

use estiba_model::{MIGRATION_ANNOTATION, PROGRAM_ANNOTATION, message};

use super::node::{Findings, Node};
use crate::suggest;

const PREFIX: &str = "estiba.dev/";

/// The annotations that mean something to Estiba.
const KNOWN: [&str; 4] = [
    MIGRATION_ANNOTATION,
    PROGRAM_ANNOTATION,
    // Files that are packed with the program.
    "estiba.dev/include",
    STRATEGY,
];

/// How instances are replaced.
const STRATEGY: &str = "estiba.dev/strategy";
const STRATEGIES: [&str; 2] = ["rolling", "replace"];

pub(super) fn read(metadata: &Node<'_>) -> BTreeMap<String, String> {
    let entries = metadata.entries("annotations");
    entries
        .filter_map(|(key, node)| Some((key.to_owned(), node.value.as_str()?.to_owned())))
        .collect()
}

pub(super) fn check(root: &Node<'_>, found: &mut Findings<'_>) {
    let Some(metadata) = root.get("metadata") else {
        return;
    };
    for (key, node) in metadata.entries("annotations") {
        if key == MIGRATION_ANNOTATION {
            migration(root, &node, found);
        } else if key == STRATEGY {
            strategy(&node, found);
        } else if key.starts_with(PREFIX) && !KNOWN.contains(&key) {
            found.warning(
                "unknown-annotation",
                found.key(&node),
                message!(
                    "the annotation {key} means nothing to Estiba",
                    "la anotación {key} no significa nada para Estiba"
                ),
                suggest::instead(key, KNOWN),
            );
        }
    }
}

fn strategy(node: &Node<'_>, found: &mut Findings<'_>) {
    let Some(name) = node.value.as_str() else {
        return;
    };
    if !STRATEGIES.contains(&name) {
        found.error(
            "unknown-strategy",
            found.value(node),
            message!(
                "there is no strategy \"{name}\"; there is rolling and replace",
                "no existe la estrategia «{name}»; existen rolling y replace"
            ),
            suggest::instead(name, STRATEGIES),
        );
    }
}

fn migration(root: &Node<'_>, node: &Node<'_>, found: &mut Findings<'_>) {
    let Some(name) = node.value.as_str() else {
        return;
    };
    let containers: Vec<&str> = root.entries("containers").map(|(name, _)| name).collect();
    if !containers.contains(&name) {
        found.error(
            "unknown-container",
            found.value(node),
            message!(
                "the container that migrates, \"{name}\", is not in this file",
                "el contenedor que migra, «{name}», no está en este archivo"
            ),
            suggest::instead(name, containers),
        );
    } else if containers.len() == 1 {
        found.error(
            "only-migration",
            found.value(node),
            message!(
                "\"{name}\" migrates and ends, and there is no other container to run",
                "«{name}» migra y termina, y no hay otro contenedor que ejecutar"
            ),
            message!(
                "add a container for the program, or remove the annotation",
                "agregue un contenedor para el programa, o quite la anotación"
            ),
        );
    }
}
