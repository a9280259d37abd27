//! Annotations of the workload, above all Estiba's own.

use std::collections::BTreeMap;

use estiba_model::{
    ACCEPTANCE_ANNOTATION, ACCEPTANCE_SECONDS_ANNOTATION, FileLogs, LOGS_ANNOTATION,
    MIGRATION_ANNOTATION, Message, PROGRAM_ANNOTATION, SMOKE_ANNOTATION, Smoke, message,
};

use super::node::{Findings, Node};
use crate::suggest;

const PREFIX: &str = "estiba.dev/";

/// The annotations that mean something to Estiba.
const KNOWN: [&str; 8] = [
    MIGRATION_ANNOTATION,
    ACCEPTANCE_ANNOTATION,
    ACCEPTANCE_SECONDS_ANNOTATION,
    SMOKE_ANNOTATION,
    LOGS_ANNOTATION,
    PROGRAM_ANNOTATION,
    // Files that are packed with the program.
    "estiba.dev/include",
    STRATEGY,
];

/// How instances are replaced.
const STRATEGY: &str = "estiba.dev/strategy";
/// A day: tests that take longer hang.
const MOST_SECONDS: u32 = 24 * 60 * 60;
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
        match key {
            MIGRATION_ANNOTATION => {
                ending(root, &node, &message!("migrates", "migra"), found);
                only_migration(root, &node, found);
            }
            ACCEPTANCE_ANNOTATION => {
                ending(root, &node, &message!("tests", "prueba"), found);
            }
            ACCEPTANCE_SECONDS_ANNOTATION => seconds(&node, found),
            SMOKE_ANNOTATION => smoke(&node, found),
            LOGS_ANNOTATION => file_logs(root, &node, found),
            STRATEGY => strategy(&node, found),
            key if key.starts_with(PREFIX) && !KNOWN.contains(&key) => found.warning(
                "unknown-annotation",
                found.key(&node),
                message!(
                    "the annotation {key} means nothing to Estiba",
                    "la anotación {key} no significa nada para Estiba"
                ),
                suggest::instead(key, KNOWN),
            ),
            _ => {}
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

/// A container that runs to its end, by what it `does`.
fn ending(root: &Node<'_>, node: &Node<'_>, does: &Message, found: &mut Findings<'_>) {
    let Some(name) = node.value.as_str() else {
        return;
    };
    let containers: Vec<&str> = root.entries("containers").map(|(name, _)| name).collect();
    if !containers.contains(&name) {
        let Message { en, es } = does;
        found.error(
            "unknown-container",
            found.value(node),
            message!(
                "the container that {en}, \"{name}\", is not in this file",
                "el contenedor que {es}, «{name}», no está en este archivo"
            ),
            suggest::instead(name, containers),
        );
    }
}

/// A file whose only container migrates has nothing to run; one that only has
/// acceptance tests is for nothing else.
fn only_migration(root: &Node<'_>, node: &Node<'_>, found: &mut Findings<'_>) {
    let mut containers = root.entries("containers").map(|(name, _)| name);
    let (only, more) = (containers.next(), containers.next());
    if let (Some(name), None) = (only, more)
        && node.value.as_str() == Some(name)
    {
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

fn smoke(node: &Node<'_>, found: &mut Findings<'_>) {
    if let Some(Err(wrong)) = node.value.as_str().map(str::parse::<Smoke>) {
        let hint = message!(
            "name the path that answers with the version",
            "indique la ruta que responde con la versión"
        );
        found.error("bad-smoke-test", found.value(node), wrong, hint);
    }
}

fn seconds(node: &Node<'_>, found: &mut Findings<'_>) {
    let Some(text) = node.value.as_str() else {
        return;
    };
    if !text
        .parse::<u32>()
        .is_ok_and(|seconds| (1..=MOST_SECONDS).contains(&seconds))
    {
        found.error(
            "bad-seconds",
            found.value(node),
            message!(
                "\"{text}\" is no number of seconds",
                "«{text}» no es una cantidad de segundos"
            ),
            message!(
                "write a whole number from 1 to {MOST_SECONDS}, in quotes",
                "escriba un número entero de 1 a {MOST_SECONDS}, entre comillas"
            ),
        );
    }
}

/// Files of logs, whose folders the containers share with the one that reads them.
fn file_logs(root: &Node<'_>, node: &Node<'_>, found: &mut Findings<'_>) {
    let Some(text) = node.value.as_str() else {
        return;
    };
    let logs = match text.parse::<FileLogs>() {
        Ok(logs) => logs,
        Err(wrong) => {
            let hint = message!(
                "name the files by absolute paths in a folder of their own: /data/logs/*.log",
                "nombre los archivos por rutas absolutas en una carpeta propia: /data/logs/*.log"
            );
            return found.error("bad-logs", found.value(node), wrong, hint);
        }
    };
    for (name, container) in root.entries("containers") {
        if name == FileLogs::CONTAINER {
            found.error(
                "name-taken",
                found.key(&container),
                message!(
                    "the container that reads the files of {LOGS_ANNOTATION} is called \"{name}\" too",
                    "el contenedor que lee los archivos de {LOGS_ANNOTATION} también se llama «{name}»"
                ),
                message!("give this one another name", "dé otro nombre a este"),
            );
        }
        for (path, mounted) in container
            .entries("files")
            .chain(container.entries("volumes"))
        {
            let Some(folder) = logs.overlaps(path) else {
                continue;
            };
            found.error(
                "logs-over-mount",
                found.key(&mounted),
                message!(
                    "{path} and {folder}, which the containers share for the files of {LOGS_ANNOTATION}, are in each other's way",
                    "{path} y {folder}, que los contenedores comparten para los archivos de {LOGS_ANNOTATION}, se estorban"
                ),
                message!(
                    "write the logs to a folder of their own, such as /data/logs: it lives as long as the instance",
                    "escriba los logs en una carpeta propia, como /data/logs: vive tanto como la instancia"
                ),
            );
        }
    }
}
