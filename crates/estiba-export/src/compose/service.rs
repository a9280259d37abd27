//! A workload as services: one for each container.

use std::collections::BTreeMap;

use estiba_model::{
    Container, ImageSource, MIGRATION_ANNOTATION, Message, Name, Quantities, Ready, Workload,
    message,
};
use serde_json::{Map, Value, json};

use super::{Network, Parts, files, health};
use crate::parts::{Addresses, Lookup, Part, constant, own_name, secrets_in, slug};
use crate::source::given;
use crate::{Export, file_logs};

/// Writes one workload.
pub(super) struct Writer<'a> {
    pub export: &'a Export,
    pub network: &'a Network<'a>,
    pub name: &'a Name,
    pub workload: &'a Workload,
}

impl Writer<'_> {
    /// Adds the services of the workload; `published` is the next free port of
    /// the machine.
    pub fn write(&self, published: &mut u16, parts: &mut Parts) -> Result<(), Message> {
        let Some(main) = self.main() else {
            return Ok(());
        };
        parts
            .notes
            .extend(file_logs::compose_note(self.name, self.workload));
        for (container_name, container) in &self.workload.containers {
            let mut service = self.container(container_name, container, parts)?;
            let role = self.role(container_name, main);
            self.order(&mut service, container_name, main);
            match role {
                Role::Main => {
                    service.insert("restart".to_owned(), "unless-stopped".into());
                    self.publish(&mut service, published, parts);
                    self.copies(&mut service, parts);
                }
                Role::Beside => {
                    service.insert("restart".to_owned(), "unless-stopped".into());
                    let network = format!("service:{}", self.name);
                    service.insert("network_mode".to_owned(), network.into());
                }
                Role::Before => {}
            }
            if role != Role::Before {
                self.share_logs(&mut service, parts);
            }
            let (name, about) = self.described(container_name, main);
            parts.services.push((name, service.into(), about));
        }
        Ok(())
    }

    /// Mounts the folders of its logs, which several containers may write to.
    fn share_logs(&self, service: &mut Map<String, Value>, parts: &mut Parts) {
        let shared = file_logs::shared(self.workload).into_iter();
        let mounts: Vec<Value> = shared
            .map(|shared| {
                let volume = format!("{}-{}", self.name, shared.name);
                let mount = format!("{volume}:{}", shared.target);
                parts.log_volumes.insert(volume);
                mount.into()
            })
            .collect();
        if mounts.is_empty() {
            return;
        }
        let volumes = service.entry("volumes").or_insert_with(|| json!([]));
        if let Value::Array(volumes) = volumes {
            volumes.extend(mounts);
        }
    }

    /// The container that has the workload's name and ports.
    fn main(&self) -> Option<&Name> {
        let stays = |name: &&Name| self.role_of(name) != Role::Before;
        let mut names = self.workload.containers.keys().filter(stays);
        let wanted = ["main", self.name.as_str()];
        let named = self.workload.containers.keys().filter(stays);
        let named = named.into_iter().find(|n| wanted.contains(&n.as_str()));
        named.or_else(|| names.next())
    }

    fn role_of(&self, name: &Name) -> Role {
        let migrates = self.workload.annotations.get(MIGRATION_ANNOTATION);
        let before = &self.workload.containers[name].before;
        let ends = before.values().any(|ready| *ready == Ready::Complete);
        if ends || migrates.is_some_and(|migration| migration == name.as_str()) {
            Role::Before
        } else {
            Role::Beside
        }
    }

    fn role(&self, name: &Name, main: &Name) -> Role {
        if name == main {
            Role::Main
        } else {
            self.role_of(name)
        }
    }

    fn service_name(&self, container: &Name, main: &Name) -> String {
        if container == main {
            self.name.to_string()
        } else {
            format!("{}-{container}", self.name)
        }
    }

    fn described(&self, container: &Name, main: &Name) -> (String, Message) {
        let name = self.name;
        let about = match self.role(container, main) {
            Role::Main => message!("The workload {name}.", "El componente {name}."),
            Role::Beside => message!("Beside {name}.", "Junto a {name}."),
            Role::Before => message!(
                "Runs to its end before {name} starts.",
                "Corre hasta terminar antes de que arranque {name}."
            ),
        };
        (self.service_name(container, main), about)
    }

    fn container(
        &self,
        name: &Name,
        container: &Container,
        parts: &mut Parts,
    ) -> Result<Map<String, Value>, Message> {
        let built = container.image == ImageSource::Built;
        let mut service = Map::new();
        let mut set = |key: &str, value: Value| service.insert(key.to_owned(), value);
        let image = match &container.image {
            ImageSource::Built => self.export.built_image(self.name),
            ImageSource::Reference(reference) => reference.clone(),
        };
        set("image", literal(&image).into());
        let words =
            |words: &[String]| -> Vec<String> { words.iter().map(|w| literal(w)).collect() };
        if !container.command.is_empty() {
            set("entrypoint", words(&container.command).into());
        }
        if !container.args.is_empty() {
            set("command", words(&container.args).into());
        }
        set("environment", self.variables(container, parts)?.into());
        let mut volumes = self.volumes(container, parts)?;
        volumes.extend(files::mounts(self, name, container, parts)?);
        if !volumes.is_empty() {
            set("volumes", volumes.into());
        }
        let Quantities {
            cpu_millis,
            memory_bytes,
        } = container.limits;
        if let Some(bytes) = memory_bytes {
            set("mem_limit", bytes.into());
        }
        if let Some(millis) = cpu_millis {
            set("cpus", (millis as f64 / 1000.0).into());
        }
        set("security_opt", json!(["no-new-privileges:true"]));
        if built {
            // Images of others may need to change their files, or a right.
            set("cap_drop", json!(["ALL"]));
            set("read_only", true.into());
            set("tmpfs", json!(["/tmp"]));
        }
        let probe = container.readiness.as_ref().or(container.liveness.as_ref());
        let shell = !(built && self.export.without_shell.contains(self.name));
        let check = probe.and_then(|probe| health::check(probe, shell));
        match (check, probe) {
            (Some(check), _) => {
                set("healthcheck", check);
            }
            (None, Some(_)) => parts.notes.push(message!(
                "{name} of {workload} has no health check in the Compose file: its image has no shell to ask over HTTP with",
                "{name} de {workload} no tiene healthcheck en el archivo Compose: su imagen no tiene un shell con el que preguntar por HTTP",
                workload = self.name
            )),
            (None, None) => {}
        }
        Ok(service)
    }

    fn lookup(&self) -> Lookup<'_> {
        Lookup {
            export: self.export,
            addresses: self.network,
            workload: self.workload,
        }
    }

    /// The parts of a text of this workload.
    pub fn parts(&self, text: &str) -> Result<Vec<Part>, Message> {
        self.lookup().parts(text)
    }

    fn variables(
        &self,
        container: &Container,
        parts: &mut Parts,
    ) -> Result<Map<String, Value>, Message> {
        let mut variables = Map::new();
        for (name, text) in &container.variables {
            let found = self.parts(text)?;
            parts.secrets.extend(secrets_in(&found));
            let text: String = found.iter().map(|part| self.interpolated(part)).collect();
            variables.insert(name.clone(), text.into());
        }
        // As with Estiba, what it gives wins.
        for (name, value) in given(self.export, self.name, self.workload) {
            variables.insert(name, literal(&value).into());
        }
        Ok(variables)
    }

    /// A part in Compose's own syntax
    /// (<https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>).
    fn interpolated(&self, part: &Part) -> String {
        match part {
            Part::Text(text) => literal(text),
            Part::Secret(name) => format!("${{{name}:?}}"),
            Part::Config(name) => {
                let value = self.export.config.get(name).cloned().unwrap_or_default();
                // A default has no way to hold these.
                if value.contains(['}', '$', '\n']) {
                    literal(&value)
                } else {
                    format!("${{{name}:-{value}}}")
                }
            }
        }
    }

    fn volumes(&self, container: &Container, parts: &mut Parts) -> Result<Vec<String>, Message> {
        let mut volumes = Vec::new();
        for (target, mount) in &container.volumes {
            let source = self.parts(&mount.source)?;
            let source: String = source.iter().map(|part| self.interpolated(part)).collect();
            parts.volumes.insert(source.clone());
            if let Some(path) = &mount.path {
                parts.notes.push(message!(
                    "{name} mounts the folder {path} of the volume {source}, and a Compose file the whole volume: move what is in it",
                    "{name} monta la carpeta {path} del volumen {source}, y un archivo Compose el volumen entero: mueva lo que tenga",
                    name = self.name
                ));
            }
            let only = if mount.read_only { ":ro" } else { "" };
            volumes.push(format!("{source}:{target}{only}"));
        }
        Ok(volumes)
    }

    /// What has to be there first: databases, migrations, containers that come
    /// before.
    fn order(&self, service: &mut Map<String, Value>, name: &Name, main: &Name) {
        let mut waits: BTreeMap<String, &str> = BTreeMap::new();
        for (resource_name, resource) in &self.workload.resources {
            let id = resource.identity(self.name, resource_name);
            if resource.kind == "postgres" && !self.export.database.external {
                waits.insert(self.network.database_host(&id), "service_healthy");
            }
            let provider = resource.params.get("workload").and_then(Value::as_str);
            if resource.kind == "service-port"
                && let Some(provider) = provider
                && provider != self.name.as_str()
                && !self.called_by(provider)
            {
                waits.insert(provider.to_owned(), "service_started");
            }
        }
        for (other, container) in &self.workload.containers {
            let migrates = self.workload.annotations.get(MIGRATION_ANNOTATION);
            let migrates = migrates.is_some_and(|migration| migration == other.as_str());
            let condition = match container.before.get(name) {
                _ if migrates && other != name => "service_completed_successfully",
                Some(Ready::Complete) => "service_completed_successfully",
                Some(Ready::Healthy) => "service_healthy",
                Some(Ready::Started) => "service_started",
                None => continue,
            };
            waits.insert(self.service_name(other, main), condition);
        }
        if !waits.is_empty() {
            let waits = waits.into_iter();
            let waits = waits.map(|(name, condition)| (name, json!({ "condition": condition })));
            service.insert("depends_on".to_owned(), waits.collect::<Map<_, _>>().into());
        }
    }

    /// Two workloads that call one another can't both wait.
    fn called_by(&self, other: &str) -> bool {
        let other = self.export.workloads.get(other);
        let resources = other
            .into_iter()
            .flat_map(|o| o.workload.resources.values());
        let mut ports = resources.filter(|resource| resource.kind == "service-port");
        ports.any(|port| {
            port.params.get("workload").and_then(Value::as_str) == Some(self.name.as_str())
        })
    }

    fn publish(&self, service: &mut Map<String, Value>, published: &mut u16, parts: &mut Parts) {
        let mut routes = self
            .workload
            .resources
            .iter()
            .filter(|(_, r)| r.kind == "route");
        let Some((route_name, route)) = routes.next() else {
            return;
        };
        let port = crate::parts::port_name(self.workload, route.params.get("port"));
        let Some(port) = port.and_then(|port| self.workload.ports.get(&port)) else {
            let id = route.identity(self.name, route_name);
            let id = slug(own_name(&id));
            parts.notes.push(message!(
                "the route {id} leads to no port",
                "el route {id} no lleva a ningún puerto"
            ));
            return;
        };
        let variable = format!("{}_PUBLISHED_PORT", constant(self.name.as_str()));
        let text = format!("${{{variable}:-{published}}}:{}", port.target_port);
        *published = published.saturating_add(1);
        service.insert("ports".to_owned(), json!([text]));
    }

    fn copies(&self, service: &mut Map<String, Value>, parts: &mut Parts) {
        let copies = self.export.replicas.get(self.name).copied().unwrap_or(1);
        if copies == 1 {
            return;
        }
        if service.contains_key("ports") && copies > 1 {
            parts.notes.push(message!(
                "{name} runs in one copy: Compose has nothing that shares a published port among several",
                "{name} corre en una copia: Compose no tiene nada que reparta un puerto publicado entre varias",
                name = self.name
            ));
            return;
        }
        service.insert("scale".to_owned(), copies.into());
    }
}

/// What a container is to its workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// It has the workload's name and ports.
    Main,
    /// It runs as long as the main one.
    Beside,
    /// It ends before the others start.
    Before,
}

/// A text in which Compose takes nothing for a variable.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}
