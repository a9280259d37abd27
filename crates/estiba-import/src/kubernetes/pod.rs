//! The containers of a pod.

use estiba_model::{MIGRATION_ANNOTATION, Name, message};
use serde_json::{Map, Value};

use super::{Cluster, dropped};
use crate::compose::add_port;
use crate::draft::{Container, Image, Workload};
use crate::names::Names;
use crate::node::Node;

impl<'a> Cluster<'a> {
    /// Adds the containers of a pod; only the values of what is there already
    /// where it is not the first.
    pub fn pod(
        &mut self,
        workload: &mut Workload,
        pod: &Node<'a>,
        environment: Option<&str>,
        first: bool,
    ) {
        let mut names = Names::default();
        let mut main: Vec<Name> = Vec::new();
        let mut before: Vec<(Name, Node<'a>)> = Vec::new();
        for node in pod.items("containers") {
            main.extend(self.named(&mut names, workload, &node, pod, environment, first));
        }
        for node in pod.items("initContainers") {
            let sidecar = node.text("restartPolicy").as_deref() == Some("Always");
            let name = self.named(&mut names, workload, &node, pod, environment, first);
            if let Some(name) = name.filter(|_| !sidecar) {
                before.push((name, node));
            }
        }
        if !first {
            return;
        }
        self.order(workload, &main, &before);
        for (key, node) in pod.fields() {
            dropped::of_pod(key, &node, self.report);
        }
    }

    fn named(
        &mut self,
        names: &mut Names,
        workload: &mut Workload,
        node: &Node<'a>,
        pod: &Node<'a>,
        environment: Option<&str>,
        first: bool,
    ) -> Option<Name> {
        let text = node.text("name").unwrap_or_default();
        let name = names.give(&text, "container");
        let image = node.text("image").unwrap_or_default();
        if image.is_empty() {
            self.report.error(
                "no-image",
                node.key_place(),
                message!(
                    "this container has no `image`",
                    "este contenedor no tiene `image`"
                ),
                message!("name one", "indique una"),
            );
        }
        let known = workload.containers.shift_remove(&name);
        let mut container = match known {
            Some(known) => {
                self.differs(&known, &image, node, environment);
                known
            }
            None if !first => return None,
            None => self.container(workload, node, image),
        };
        self.variables(&mut container, node, environment);
        self.mounts(workload, &mut container, node, pod, environment);
        workload.containers.insert(name.clone(), container);
        Some(name)
    }

    fn container(&mut self, workload: &mut Workload, node: &Node<'a>, image: String) -> Container {
        let place = node.get("image").unwrap_or_else(|| node.clone()).place();
        let mut container = Container::new(Image::Reference(image), place);
        container.command = node.texts("command");
        container.args = node.texts("args");
        for words in ["command", "args"] {
            self.references_in(node, words);
        }
        self.quantities(&mut container, node);
        container.liveness = self.probe(node, "livenessProbe");
        container.readiness = self.probe(node, "readinessProbe");
        // A port that a probe asks is one that the program listens on.
        if workload.ports.is_empty() {
            let probed = [&container.readiness, &container.liveness];
            let port = probed
                .into_iter()
                .flatten()
                .find_map(|probe| probe.pointer("/httpGet/port")?.as_u64());
            if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
                add_port(workload, port);
            }
        }
        for (key, field) in node.fields() {
            dropped::of_container(key, &field, self.report);
        }
        container
    }

    fn references_in(&mut self, node: &Node<'a>, key: &str) {
        for word in node.items(key) {
            if word.scalar().is_some_and(|word| word.contains("$(")) {
                self.report.warn(
                    "not-carried-over",
                    word.place(),
                    message!(
                        "`$(NAME)` in {key} was carried over as it is, and is not expanded",
                        "`$(NOMBRE)` en {key} se trasladó como está, y no se expande"
                    ),
                    message!(
                        "have a shell expand it (`sh -c`), or have the program read the variable",
                        "haga que lo expanda un shell (`sh -c`), o que el programa lea la variable"
                    ),
                );
            }
        }
    }

    fn quantities(&mut self, container: &mut Container, node: &Node<'a>) {
        for section in ["limits", "requests"] {
            let Some(amounts) = node.find(&["resources", section]) else {
                continue;
            };
            let mut score = Map::new();
            for (key, amount) in amounts.fields() {
                let text = amount.scalar().unwrap_or_default();
                match (key, valid(key, &text)) {
                    ("cpu" | "memory", Some(text)) => {
                        score.insert(key.to_owned(), Value::String(text));
                    }
                    ("cpu" | "memory", None) => self.report.error(
                        "bad-quantity",
                        amount.place(),
                        message!(
                            "\"{text}\" is not an amount of {key} that makes sense",
                            "«{text}» no es una cantidad de {key} con sentido"
                        ),
                        message!(
                            "write for example 250m of cpu and 128Mi of memory",
                            "escriba por ejemplo 250m de cpu y 128Mi de memory"
                        ),
                    ),
                    _ => self.report.dropped(
                        amount.key_place(),
                        key,
                        &message!(
                            "Score has limits of cpu and memory only",
                            "Score solo tiene límites de cpu y memory"
                        ),
                        message!("nothing needs to be done", "no hace falta hacer nada"),
                    ),
                }
            }
            if !score.is_empty() {
                container
                    .quantities
                    .insert(section.to_owned(), score.into());
            }
        }
    }

    fn differs(
        &mut self,
        known: &Container,
        image: &str,
        node: &Node<'a>,
        environment: Option<&str>,
    ) {
        let environment = environment.unwrap_or_default();
        if known.image != Image::Reference(image.to_owned()) {
            self.report.warn(
                "not-carried-over",
                node.get("image").unwrap_or_else(|| node.clone()).place(),
                message!(
                    "{environment} has another image; one was taken, since the same release goes to every environment",
                    "{environment} tiene otra imagen; se tomó una, porque la misma versión va a todos los ambientes"
                ),
                message!(
                    "`estiba promote` takes what ran in one environment to the next",
                    "`estiba promote` lleva lo que corrió en un ambiente al siguiente"
                ),
            );
        }
    }

    /// Init containers run before the others; one that migrates, once for a
    /// release.
    fn order(&mut self, workload: &mut Workload, main: &[Name], before: &[(Name, Node<'a>)]) {
        let mut previous: Option<Name> = None;
        for (name, node) in before {
            let migrates = workload
                .containers
                .get(name)
                .is_some_and(|container| migrates(name, container));
            if migrates && !workload.annotations.contains_key(MIGRATION_ANNOTATION) {
                let annotation = MIGRATION_ANNOTATION.to_owned();
                workload.annotations.insert(annotation, name.to_string());
                self.report.warn(
                    "migration",
                    node.key_place(),
                    message!(
                        "the init container {name} became the migration: it runs once for a release, and not for every pod",
                        "el contenedor de inicio {name} pasó a ser la migración: corre una vez por versión, y no por cada pod"
                    ),
                    message!(
                        "see the annotation estiba.dev/migration in its Score file",
                        "vea la anotación estiba.dev/migration en su archivo Score"
                    ),
                );
                continue;
            }
            if let Some(container) = previous
                .as_ref()
                .and_then(|previous| workload.containers.get_mut(previous))
            {
                container.before.insert(name.clone(), "complete");
            }
            if let Some(container) = workload.containers.get_mut(name) {
                let waiting = main.iter().map(|main| (main.clone(), "complete"));
                container.before.extend(waiting);
            }
            previous = Some(name.clone());
        }
    }
}

/// Whether a container migrates a database, by its name or what it runs.
pub(super) fn migrates(name: &Name, container: &Container) -> bool {
    let mut words = container.command.iter().chain(&container.args);
    name.as_str().contains("migra") || words.any(|word| word.to_lowercase().contains("migra"))
}

/// An amount as Score takes it
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
fn valid(key: &str, text: &str) -> Option<String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let amount: f64 = number.parse().ok()?;
    if !(amount > 0.0 && amount.is_finite()) {
        return None;
    }
    match (key, unit) {
        ("cpu", "" | "m") => Some(text.to_owned()),
        // Thousandths of a byte, which nobody means.
        ("memory", "m") => None,
        ("memory", "k") => Some(format!("{number}K")),
        ("memory", "" | "M" | "G" | "T" | "Ki" | "Mi" | "Gi" | "Ti") => Some(text.to_owned()),
        _ => None,
    }
}
