//! A service to a workload of one container.

use std::collections::BTreeMap;
use std::path::Path;

use estiba_model::{Name, message};
use serde_json::{Map, Value};

use super::{Compose, dropped, health};
use crate::draft::{Container, Image, Workload};
use crate::files::beside;
use crate::node::Node;

/// The name of the only container of a workload.
const MAIN: &str = "main";

/// A service on its way.
pub(crate) struct Service {
    pub name: String,
    pub workload: Workload,
    /// The named volumes that it mounts, by the names of their resources.
    pub volumes: Vec<String>,
    /// Services that it waits for, with the condition.
    pub depends_on: Vec<(String, String, estiba_model::Place)>,
}

impl Service {
    pub fn new(name: &str, mut workload: Workload) -> Self {
        workload.hosts.insert(name.to_owned());
        Self {
            name: name.to_owned(),
            workload,
            volumes: Vec::new(),
            depends_on: Vec::new(),
        }
    }
}

impl<'a> Compose<'a> {
    /// Adds what `node` says to `service`; only what may differ between
    /// environments where it speaks of one.
    pub fn service(&mut self, service: &mut Service, node: &Node<'a>, environment: Option<&str>) {
        let Ok(main) = MAIN.parse::<Name>() else {
            return;
        };
        let mut container = service.workload.containers.shift_remove(&main);
        let container = container.get_or_insert_with(|| {
            Container::new(Image::Reference(String::new()), node.key_place())
        });
        self.env_files(container, node, environment);
        for (key, field) in node.fields() {
            match (key, environment) {
                ("env_file", _) => {}
                ("environment", _) => self.environment(container, &field, environment),
                ("scale", _) => self.replicas(service, &field, environment),
                ("deploy", _) => self.deploy(service, container, &field, environment),
                (_, Some(environment)) => dropped::differs(&field, key, environment, self.report),
                (_, None) => self.field(service, container, key, &field),
            }
        }
        if environment.is_none() {
            self.image(service, container, node);
        }
        service.workload.containers.insert(main, container.clone());
    }

    fn field(
        &mut self,
        service: &mut Service,
        container: &mut Container,
        key: &str,
        field: &Node<'a>,
    ) {
        match key {
            // Both are read together, by `image`.
            "image" | "build" => {}
            "command" => container.args = self.words(field),
            "entrypoint" => container.command = self.words(field),
            "ports" => self.ports(service, field),
            "expose" => self.expose(service, field),
            "volumes" => self.mounts(service, container, field),
            "secrets" => self.given_files(container, field, "secrets"),
            "configs" => self.given_files(container, field, "configs"),
            "healthcheck" => container.readiness = health::read(self, field),
            "depends_on" => depends_on(service, field),
            "networks" => {
                for (_, network) in field.fields() {
                    service.workload.hosts.extend(network.texts("aliases"));
                }
            }
            "container_name" | "hostname" => service.workload.hosts.extend(field.scalar()),
            "links" | "external_links" => {}
            "mem_limit" => self.quantity(container, "limits", "memory", field),
            "mem_reservation" => self.quantity(container, "requests", "memory", field),
            "cpus" => self.quantity(container, "limits", "cpu", field),
            "extends" => self.report.error(
                "not-carried-over",
                field.key_place(),
                message!("`extends` is not followed", "no se sigue `extends`"),
                message!(
                    "write the service out, or import what `docker compose config` prints",
                    "escriba el servicio completo, o importe lo que imprime `docker compose config`"
                ),
            ),
            other => dropped::field(other, field, self.report),
        }
    }

    fn image(&mut self, service: &mut Service, container: &mut Container, node: &Node<'a>) {
        if let Some(build) = node.get("build") {
            let context = build.scalar().or_else(|| build.text("context"));
            let context = self.plain(&context.unwrap_or_else(|| ".".to_owned()), &build);
            service.workload.folder = Some(beside(build.file(), &context));
            container.image = Image::Built;
            self.build_options(&build);
        } else if let Some(image) = node.get("image") {
            let text = image.scalar().unwrap_or_default();
            container.image = Image::Reference(self.plain(&text, &image));
        } else if container.image == Image::Reference(String::new()) {
            service.workload.folder = Some(node.file().parent().unwrap_or(Path::new("")).into());
            container.image = Image::Built;
            self.report.error(
                "no-image",
                node.key_place(),
                message!(
                    "this service has neither `image` nor `build`",
                    "este servicio no tiene ni `image` ni `build`"
                ),
                message!(
                    "add one, or import what `docker compose config` prints",
                    "agregue uno, o importe lo que imprime `docker compose config`"
                ),
            );
        }
    }

    fn build_options(&mut self, build: &Node<'_>) {
        for (key, option) in build.fields() {
            let usual = match key {
                "context" => true,
                "dockerfile" => matches!(
                    option.scalar().as_deref(),
                    Some("Dockerfile" | "./Dockerfile" | "Containerfile")
                ),
                _ => false,
            };
            if usual {
                continue;
            }
            self.report.dropped(
                option.key_place(),
                &format!("build.{key}"),
                &message!(
                    "an image is built from the Dockerfile beside the Score file, with nothing else given",
                    "una imagen se construye con el Dockerfile que está junto al archivo Score, sin nada más"
                ),
                match key {
                    "dockerfile" => message!(
                        "name the file Dockerfile, in the folder that is built",
                        "llame Dockerfile al archivo, en la carpeta que se construye"
                    ),
                    _ => message!(
                        "write it into the Dockerfile",
                        "escríbalo en el Dockerfile"
                    ),
                },
            );
        }
    }

    /// A list, or a text that is split as a shell would.
    fn words(&mut self, field: &Node<'a>) -> Vec<String> {
        let Some(text) = field.scalar() else {
            let items = field.list();
            return items
                .iter()
                .filter_map(|item| Some(self.plain(&item.scalar()?, item)))
                .collect();
        };
        let text = self.plain(&text, field);
        shlex::split(&text).unwrap_or_else(|| vec![text])
    }

    /// `text` where Score takes no placeholders.
    pub fn plain(&mut self, text: &str, node: &Node<'_>) -> String {
        self.variables.plain(text, &node.place(), self.report)
    }

    fn replicas(&mut self, service: &mut Service, field: &Node<'_>, environment: Option<&str>) {
        let text = field.scalar().unwrap_or_default();
        let Ok(count) = self.plain(&text, field).parse::<u64>() else {
            return;
        };
        match environment {
            Some(environment) => {
                let own = &mut service.workload.own_replicas;
                own.insert(environment.to_owned(), count);
            }
            None => service.workload.replicas = Some(count),
        }
    }

    fn deploy(
        &mut self,
        service: &mut Service,
        container: &mut Container,
        field: &Node<'a>,
        environment: Option<&str>,
    ) {
        for (key, value) in field.fields() {
            match (key, environment) {
                ("replicas", _) => self.replicas(service, &value, environment),
                ("resources", None) => self.resources(container, &value),
                (_, Some(environment)) => {
                    dropped::differs(&value, &format!("deploy.{key}"), environment, self.report);
                }
                ("mode" | "restart_policy" | "update_config" | "rollback_config", None) => {}
                (other, None) => dropped::field(&format!("deploy.{other}"), &value, self.report),
            }
        }
    }

    fn resources(&mut self, container: &mut Container, field: &Node<'a>) {
        for (section, score) in [("limits", "limits"), ("reservations", "requests")] {
            for (key, value) in field.entries(section) {
                match key {
                    "memory" => self.quantity(container, score, "memory", &value),
                    "cpus" => self.quantity(container, score, "cpu", &value),
                    other => {
                        let key = format!("deploy.resources.{section}.{other}");
                        dropped::field(&key, &value, self.report);
                    }
                }
            }
        }
    }

    fn quantity(&mut self, container: &mut Container, section: &str, key: &str, field: &Node<'_>) {
        let text = field.scalar().unwrap_or_default();
        let text = self.plain(&text, field);
        let amount = match key {
            "memory" => memory(&text),
            _ => cpu(&text),
        };
        let Some(amount) = amount else {
            self.report.error(
                "bad-quantity",
                field.place(),
                message!(
                    "\"{text}\" is not an amount of {key}",
                    "«{text}» no es una cantidad de {key}"
                ),
                message!(
                    "write for example 256M, or 0.5 for cpus",
                    "escriba por ejemplo 256M, o 0.5 para cpus"
                ),
            );
            return;
        };
        let amounts = container
            .quantities
            .entry(section)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(amounts) = amounts {
            amounts.insert(key.to_owned(), amount.into());
        }
    }
}

fn depends_on(service: &mut Service, field: &Node<'_>) {
    let listed = field.list();
    let listed = listed.iter().filter_map(|item| {
        let started = "service_started".to_owned();
        Some((item.scalar()?, started, item.place()))
    });
    let mapped = field.fields();
    let mapped = mapped.iter().map(|(name, node)| {
        let condition = node.text("condition");
        let condition = condition.unwrap_or_else(|| "service_started".to_owned());
        ((*name).to_owned(), condition, node.key_place())
    });
    let all: BTreeMap<String, _> = listed
        .chain(mapped)
        .map(|(name, condition, place)| (name, (condition, place)))
        .collect();
    let all = all.into_iter();
    service
        .depends_on
        .extend(all.map(|(name, (condition, place))| (name, condition, place)));
}

/// Compose's units are powers of 1024, whatever their case
/// (<https://github.com/compose-spec/compose-spec/blob/main/11-extension.md#specifying-byte-values>).
fn memory(text: &str) -> Option<String> {
    let lower = text.trim().to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &lower[digits.len()..] {
        "" | "b" => "",
        "k" | "kb" => "Ki",
        "m" | "mb" => "Mi",
        "g" | "gb" => "Gi",
        _ => return None,
    };
    let amount: f64 = digits.trim().parse().ok()?;
    (amount > 0.0 && amount.is_finite()).then(|| format!("{}{unit}", digits.trim()))
}

fn cpu(text: &str) -> Option<String> {
    let cores: f64 = text.trim().parse().ok()?;
    (cores > 0.0 && cores < 1e6).then(|| format!("{}m", (cores * 1000.0).ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_translated() {
        for (text, score) in [("256m", "256Mi"), ("1.5GB", "1.5Gi"), ("1024", "1024")] {
            assert_eq!(memory(text).as_deref(), Some(score), "{text}");
        }
        assert_eq!(memory("lots"), None);
        assert_eq!(cpu("0.5").as_deref(), Some("500m"));
        assert_eq!(cpu("-1"), None);
    }
}
