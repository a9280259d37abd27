//! The project as specifications, with marks in place of values that only the
//! cluster will have.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Container, Digest, ExposedPort, Exposure, FileData, Fingerprint, ImageSource, Message, Name,
    Ready, ReleasedWorkload, ResourceId, Route, SecretString, Strategy, Workload, message,
};
use estiba_target::{
    ContainerSpec, FileContent, FileSpec, Reach, ResourceSpec, RolloutSpec, TaskSpec, VolumeSpec,
    WorkloadSpec,
};
use estiba_target_kubernetes::manifests::{DatabaseNames, Manifests, NOBODY, ServerVersion};
use serde_json::Value;

use crate::file_logs;
use crate::parts::{Addresses, Lookup, Part, port_name};
use crate::{Export, RunsAs};

/// The annotation that says how instances are replaced.
const STRATEGY_ANNOTATION: &str = "estiba.dev/strategy";

/// The oldest version that the manifests are for: what it has, every newer one has.
/// 1.20 would need `policy/v1beta1`, which 1.25 has no more.
const OLDEST: ServerVersion = ServerVersion(21);
/// The same where a container has to be up before another starts.
const WITH_SIDECARS: ServerVersion = ServerVersion(29);

fn oldest(export: &Export) -> ServerVersion {
    let workloads = export.workloads.values();
    let mut containers = workloads.flat_map(|one| one.workload.containers.values());
    let needs_sidecars =
        containers.any(|one| one.before.values().any(|ready| *ready == Ready::Healthy));
    if needs_sidecars {
        WITH_SIDECARS
    } else {
        OLDEST
    }
}

/// Makes the specifications of one export.
pub(crate) struct Builder<'a> {
    pub export: &'a Export,
    pub manifests: Manifests,
}

/// A container's values, by which the objects are rewritten.
pub(crate) struct Values {
    pub container: Name,
    pub image: String,
    pub variables: BTreeMap<String, Vec<Part>>,
    /// In the order of the specification.
    pub files: Vec<Vec<Part>>,
}

impl Addresses for Builder<'_> {
    fn port(&self, workload: &Name, provider: &Workload, port: &str) -> (String, u16) {
        let host = self.manifests.place().workload(workload);
        (host, provider.ports[port].port)
    }

    fn database_host(&self, id: &ResourceId) -> String {
        DatabaseNames::of(&self.manifests, id).host
    }

    fn database_name(&self, id: &ResourceId) -> String {
        DatabaseNames::of(&self.manifests, id).name
    }

    fn volume(&self, id: &ResourceId) -> String {
        self.manifests.place().resource(id)
    }
}

impl<'a> Builder<'a> {
    pub fn new(export: &'a Export) -> Self {
        let users = export
            .users
            .iter()
            .filter_map(|((workload, container), runs)| {
                let RunsAs::User(user) = *runs else {
                    return None;
                };
                Some((image_mark(workload, container), user))
            });
        Self {
            manifests: Manifests {
                settings: export.cluster.clone(),
                environment: export.environment.clone(),
                registry: String::new(),
                server: oldest(export),
                users: users.collect(),
                pull_secret: export.cluster.pull_secret.clone(),
            },
            export,
        }
    }

    /// What runs of a workload.
    pub fn rollout(
        &self,
        name: &Name,
        released: &ReleasedWorkload,
        notes: &mut Vec<Message>,
    ) -> Result<(RolloutSpec, Vec<Values>), Message> {
        let workload = &released.workload;
        let mut containers = Vec::new();
        let mut values = Vec::new();
        for container in workload.start_order() {
            let (mut spec, own) = self.container(name, workload, container)?;
            spec.scratch.extend(file_logs::shared(workload));
            containers.push(spec);
            values.push(own);
        }
        notes.extend(file_logs::kubernetes_note(name, workload));
        for (container, own) in &workload.containers {
            notes.extend(self.ordinary_user(name, container, own));
        }
        let replicas = self.export.replicas.get(name).copied().unwrap_or(1);
        let spec = RolloutSpec {
            of: WorkloadSpec {
                environment: self.export.environment.clone(),
                workload: name.clone(),
                version: self.export.version.clone(),
                fingerprint: self.fingerprint(),
                containers,
                exposure: self.exposure(name, workload, notes),
                secrets: Vec::new(),
            },
            replicas,
            strategy: strategy(workload),
        };
        Ok((spec, values))
    }

    /// As with Estiba, a container whose image asks for root runs as an ordinary
    /// user, which not every image of others bears.
    fn ordinary_user(&self, workload: &Name, name: &Name, own: &Container) -> Option<Message> {
        let ImageSource::Reference(image) = &own.image else {
            return None;
        };
        let key = (workload.clone(), name.clone());
        match self.export.users.get(&key) {
            Some(RunsAs::User(_)) => None,
            Some(RunsAs::Root) => Some(message!(
                "{name} of {workload} runs as the user {NOBODY}, as on a cluster with Estiba: {image} asks for root. If it does not work so, use an image that is made for an ordinary user",
                "{name} de {workload} corre como el usuario {NOBODY}, igual que en un clúster con Estiba: {image} pide root. Si así no funciona, use una imagen hecha para un usuario común"
            )),
            None => Some(message!(
                "{name} of {workload} runs as the user {NOBODY}, since {image} was not looked at: after a deployment, an export knows the user that it names",
                "{name} de {workload} corre como el usuario {NOBODY}, porque no se miró {image}: después de un despliegue, una exportación conoce el usuario que nombra"
            )),
        }
    }

    /// What migrates, where a workload has that.
    pub fn migration(
        &self,
        name: &Name,
        released: &ReleasedWorkload,
    ) -> Result<Option<(TaskSpec, Values)>, Message> {
        let workload = &released.workload;
        let Some((container, _)) = workload.migration() else {
            return Ok(None);
        };
        let (container, values) = self.container(name, workload, container)?;
        let spec = TaskSpec {
            task: estiba_target::Task::Migration,
            time_limit: None,
            environment: self.export.environment.clone(),
            workload: name.clone(),
            version: self.export.version.clone(),
            fingerprint: self.fingerprint(),
            container,
            secrets: Vec::new(),
        };
        Ok(Some((spec, values)))
    }

    /// The databases and volumes of the environment.
    pub fn resources(&self) -> Vec<ResourceSpec> {
        let mut seen = BTreeSet::new();
        let mut resources = Vec::new();
        for (workload, released) in &self.export.workloads {
            for (name, resource) in &released.workload.resources {
                let id = resource.identity(workload, name);
                let made = match resource.kind.as_str() {
                    "postgres" => !self.export.database.external,
                    kind => kind == "volume",
                };
                if !made || !seen.insert(id.clone()) {
                    continue;
                }
                resources.push(ResourceSpec {
                    id,
                    kind: resource.kind.clone(),
                    class: resource.class.clone(),
                    workload: workload.clone(),
                    params: resource.params.clone(),
                    settings: self.settings(&resource.kind),
                    credential: SecretString::new(""),
                    reach: Reach::Inside,
                    fingerprint: self.fingerprint(),
                });
            }
        }
        resources
    }

    /// Databases that are in a server of the user's.
    pub fn external_databases(&self) -> BTreeSet<ResourceId> {
        let mut databases = BTreeSet::new();
        if self.export.database.external {
            for (workload, released) in &self.export.workloads {
                let resources = released.workload.resources.iter();
                let used = resources.filter(|(_, resource)| resource.kind == "postgres");
                databases.extend(used.map(|(name, resource)| resource.identity(workload, name)));
            }
        }
        databases
    }

    /// What the environment says about resources of a kind.
    fn settings(&self, kind: &str) -> BTreeMap<String, SecretString> {
        let database = &self.export.database;
        let settings = match kind {
            "postgres" => [("image", &database.image), ("size", &database.size)],
            _ => return BTreeMap::new(),
        };
        let given = settings.into_iter().filter_map(|(key, value)| {
            let value = value.as_deref()?;
            Some((key.to_owned(), SecretString::new(value)))
        });
        given.collect()
    }

    /// One for a version: what is exported again changes what runs.
    fn fingerprint(&self) -> Fingerprint {
        let digest = Digest::of(self.export.version.as_str().as_bytes());
        let hex = digest.hex().parse();
        hex.unwrap_or_else(|_| Fingerprint::from_hash(digest.hex().as_bytes()))
    }

    fn container(
        &self,
        name: &Name,
        workload: &Workload,
        container_name: &Name,
    ) -> Result<(ContainerSpec, Values), Message> {
        let container = &workload.containers[container_name];
        let lookup = Lookup {
            export: self.export,
            addresses: self,
            workload,
        };
        let mut values = Values {
            container: container_name.clone(),
            image: match &container.image {
                ImageSource::Built => self.export.built_image(name),
                ImageSource::Reference(reference) => reference.clone(),
            },
            variables: BTreeMap::new(),
            files: Vec::new(),
        };
        for (variable, text) in &container.variables {
            values
                .variables
                .insert(variable.clone(), lookup.parts(text)?);
        }
        let mut volumes = Vec::new();
        for (target, mount) in &container.volumes {
            let source = lookup.parts(&mount.source)?;
            volumes.push(VolumeSpec {
                target: target.clone(),
                source: source.iter().filter_map(text_of).collect(),
                path: mount.path.clone(),
                read_only: mount.read_only,
            });
        }
        let files = files(&lookup, container, &mut values)?;
        let empty = |name: &String| (name.clone(), SecretString::new(""));
        let spec = ContainerSpec {
            name: container_name.clone(),
            image: image_mark(name, container_name),
            command: container.command.clone(),
            args: container.args.clone(),
            variables: container.variables.keys().map(empty).collect(),
            files,
            volumes,
            scratch: Vec::new(),
            ships_logs: false,
            user_of: None,
            limits: container.limits,
            requests: container.requests,
            liveness: container.liveness.clone(),
            readiness: container.readiness.clone(),
            before: container.before.clone(),
        };
        Ok((spec, values))
    }

    fn exposure(&self, name: &Name, workload: &Workload, notes: &mut Vec<Message>) -> Exposure {
        let ports = workload.ports.iter().map(|(name, port)| {
            let exposed = ExposedPort {
                port: port.port,
                target_port: port.target_port,
                protocol: port.protocol,
            };
            (name.clone(), exposed)
        });
        let mut routes = BTreeSet::new();
        for resource in workload.resources.values().filter(|r| r.kind == "route") {
            let text = |key| resource.params.get(key).and_then(Value::as_str);
            let host = text("host").and_then(|host| self.fixed(workload, host));
            let own = self
                .manifests
                .settings
                .address(&self.export.environment, name);
            if host.is_none() && own.is_none() {
                notes.push(message!(
                    "{name} has a route without a host, so there is no Ingress for it: set `host` of the route, or `ingress` of a kubernetes target",
                    "{name} tiene un route sin host, así que no hay un Ingress para él: defina `host` del route, o `ingress` de una plataforma kubernetes"
                ));
                continue;
            }
            if let Some(port) = port_name(workload, resource.params.get("port")) {
                let path = text("path").unwrap_or("/").to_owned();
                routes.insert(Route { host, path, port });
            }
        }
        Exposure {
            ports: ports.collect(),
            routes,
            ..Exposure::default()
        }
    }

    /// A text whose values are all in clear.
    fn fixed(&self, workload: &Workload, text: &str) -> Option<String> {
        let lookup = Lookup {
            export: self.export,
            addresses: self,
            workload,
        };
        let parts = lookup.parts(text).ok()?;
        let texts = parts.iter().map(|part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Config(name) => self.export.config.get(name).cloned(),
            Part::Secret(_) => None,
        });
        texts.collect()
    }
}

fn files(
    lookup: &Lookup<'_>,
    container: &Container,
    values: &mut Values,
) -> Result<Vec<FileSpec>, Message> {
    let mut files = Vec::new();
    for (path, file) in &container.files {
        let mut content = Vec::new();
        let parts = match &file.data {
            FileData::Content(text) if file.no_expand => vec![Part::Text(text.clone())],
            FileData::Content(text) => lookup.parts(text)?,
            FileData::Binary(bytes) => {
                content.clone_from(bytes);
                Vec::new()
            }
            FileData::Source(source) => {
                return Err(message!(
                    "{path} still refers to {source}",
                    "{path} todavía se refiere a {source}",
                    source = source.display()
                ));
            }
        };
        values.files.push(parts);
        files.push(FileSpec {
            path: path.clone(),
            content: FileContent(content),
            mode: file.mode,
        });
    }
    Ok(files)
}

fn text_of(part: &Part) -> Option<&str> {
    match part {
        Part::Text(text) => Some(text),
        _ => None,
    }
}

/// Stands for an image until its name is written.
fn image_mark(workload: &Name, container: &Name) -> Digest {
    Digest::of(format!("{workload}/{container}").as_bytes())
}

fn strategy(workload: &Workload) -> Strategy {
    let asked = workload.annotations.get(STRATEGY_ANNOTATION);
    match asked.map(String::as_str) {
        Some("rolling") => Strategy::Rolling,
        Some("replace") => Strategy::Replace,
        _ if workload.ports.is_empty() => Strategy::Replace,
        _ => Strategy::Rolling,
    }
}
