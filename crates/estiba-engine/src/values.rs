//! Placeholders to values, and workloads to instances that lack nothing.

use std::collections::BTreeMap;

use estiba_model::{
    Container, Exposure, File, FileData, Fingerprint, Message, Name, ReleasedWorkload, ResourceId,
    SMTP, SecretString, VolumeMount, Workload, message,
};
use estiba_score::placeholder::{Reference, Root, Template, value_to_text};
use estiba_target::{
    ContainerSpec, FileContent, FileSpec, Outputs, Task, TaskSpec, VolumeSpec, WorkloadSpec,
};
use serde_json::{Map, Value};

use crate::bind::{Bound, ENVIRONMENT};
use crate::desired::port_name;
use crate::file_logs;

/// The variable that tells acceptance tests that the data may be reset.
const RESET_VARIABLE: &str = "ESTIBA_RESET";

/// Outputs of resources, as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Known(BTreeMap<ResourceId, Outputs>);

impl Known {
    /// Remembers what a resource gives.
    pub fn insert(&mut self, id: ResourceId, outputs: Outputs) {
        self.0.insert(id, outputs);
    }

    /// What a resource gives.
    #[must_use]
    pub fn get(&self, id: &ResourceId) -> Option<&Outputs> {
        self.0.get(id)
    }
}

/// Expands the placeholders of `text` as one of `workload`.
///
/// # Errors
/// When a reference has no value.
pub fn expand_text(
    bound: &Bound,
    workload: &Workload,
    text: &str,
    known: &Known,
) -> Result<SecretString, Message> {
    let template = Template::parse(text).map_err(|error| error.message())?;
    template
        .expand(&|reference| resolve(bound, workload, reference, known))
        .map(SecretString::new)
}

fn resolve(
    bound: &Bound,
    workload: &Workload,
    reference: &Reference,
    known: &Known,
) -> Result<String, Message> {
    match reference.root {
        Root::Metadata => metadata(workload, &reference.path),
        Root::Resources => resource_output(bound, workload, &reference.path, known),
    }
}

fn metadata(workload: &Workload, path: &[String]) -> Result<String, Message> {
    let mut keys = path.iter();
    let first = keys.next().and_then(|key| workload.metadata.get(key));
    keys.try_fold(first, |value, key| value.map(|v| v.get(key)))
        .flatten()
        .map(value_to_text)
        .ok_or_else(|| unknown(workload, "metadata", path))
}

fn resource_output(
    bound: &Bound,
    workload: &Workload,
    path: &[String],
    known: &Known,
) -> Result<String, Message> {
    let unknown = || unknown(workload, "resources", path);
    let (name, keys) = path.split_first().ok_or_else(unknown)?;
    let (name, resource) = workload
        .resources
        .get_key_value(name.as_str())
        .ok_or_else(unknown)?;
    let id = resource.identity(&workload.name, name);
    if resource.kind == ENVIRONMENT {
        let value = keys.first().and_then(|key| bound.inputs.value(key));
        return value.map(|v| v.expose().to_owned()).ok_or_else(unknown);
    }
    let key = match keys {
        [key] => key.as_str(),
        // A volume stands for its source; any other resource for its identity.
        [] if resource.kind == "volume" => "source",
        [] => return Ok(id.to_string()),
        _ => return Err(unknown()),
    };
    known
        .get(&id)
        .and_then(|outputs| outputs.get(key))
        .map(|value| value.expose().to_owned())
        .ok_or_else(unknown)
}

fn unknown(workload: &Workload, root: &str, path: &[String]) -> Message {
    let (name, path) = (&workload.name, path.join("."));
    message!(
        "{name} refers to ${{{root}.{path}}}, which has no value here",
        "{name} se refiere a ${{{root}.{path}}}, que no tiene valor aquí"
    )
}

/// `params` of a resource with their placeholders expanded, and the port of a
/// `service-port` by its name, with the number that clients use beside it.
///
/// # Errors
/// When a reference has no value, or the port is none of the workload's.
pub fn expand_params(
    bound: &Bound,
    workload: &Workload,
    kind: &str,
    params: &Map<String, Value>,
    known: &Known,
) -> Result<Map<String, Value>, Message> {
    let mut expanded = Map::new();
    for (key, value) in params {
        expanded.insert(key.clone(), expand_value(bound, workload, value, known)?);
    }
    if kind == "service-port" {
        let provider = expanded.get("workload").and_then(Value::as_str);
        let provider = provider.and_then(|name| bound.release.workloads.get(name));
        let port =
            provider.and_then(|provider| port_name(&provider.workload, expanded.get("port")));
        let port = port.ok_or_else(|| {
            let name = &workload.name;
            message!(
                "{name} refers to a port of another workload that this release does not have",
                "{name} se refiere a un puerto de otro componente que esta versión no tiene"
            )
        })?;
        let number = provider
            .and_then(|provider| provider.workload.ports.get(&port))
            .map(|port| port.port);
        expanded.insert("port".to_owned(), Value::String(port));
        expanded.insert("number".to_owned(), number.into());
    }
    Ok(expanded)
}

fn expand_value(
    bound: &Bound,
    workload: &Workload,
    value: &Value,
    known: &Known,
) -> Result<Value, Message> {
    Ok(match value {
        Value::String(text) => {
            let text = expand_text(bound, workload, text, known)?;
            Value::String(text.expose().to_owned())
        }
        Value::Array(items) => items
            .iter()
            .map(|item| expand_value(bound, workload, item, known))
            .collect::<Result<_, _>>()?,
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| Ok((key.clone(), expand_value(bound, workload, item, known)?)))
            .collect::<Result<Map<_, _>, Message>>()?
            .into(),
        other => other.clone(),
    })
}

/// Makes the specifications of one workload's containers.
pub struct Specifier<'a> {
    /// The release in its environment.
    pub bound: &'a Bound,
    /// The workload's name.
    pub name: &'a Name,
    /// What the release has of it.
    pub released: &'a ReleasedWorkload,
    /// Outputs of the resources that it uses.
    pub known: &'a Known,
}

impl Specifier<'_> {
    /// The workload as it should run.
    ///
    /// # Errors
    /// When a placeholder has no value.
    pub fn workload(
        &self,
        fingerprint: Fingerprint,
        exposure: Exposure,
    ) -> Result<WorkloadSpec, Message> {
        let workload = &self.released.workload;
        let mut containers = workload
            .start_order()
            .into_iter()
            .map(|name| self.container(name, &workload.containers[name]))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(logs) = workload.file_logs() {
            file_logs::collect(&logs, self.bound.inputs.shipper.as_ref(), &mut containers);
        }
        Ok(WorkloadSpec {
            environment: self.bound.inputs.environment.clone(),
            workload: self.name.clone(),
            version: self.bound.inputs.version.clone(),
            fingerprint,
            containers,
            exposure,
            secrets: self.secrets(),
        })
    }

    /// What the workload has for a task; `None` where it has nothing.
    ///
    /// # Errors
    /// When a placeholder has no value.
    pub fn task(&self, task: Task, fingerprint: Fingerprint) -> Result<Option<TaskSpec>, Message> {
        let workload = &self.released.workload;
        let (found, time_limit) = match task {
            Task::Migration => (workload.migration(), None),
            Task::Acceptance => (workload.acceptance(), Some(workload.acceptance_limit())),
            // It is no workload's.
            Task::Preflight => return Ok(None),
        };
        let Some((name, container)) = found else {
            return Ok(None);
        };
        let mut container = self.container(name, container)?;
        if task == Task::Acceptance && self.bound.inputs.reset {
            let yes = SecretString::new("true");
            container.variables.insert(RESET_VARIABLE.to_owned(), yes);
        }
        Ok(Some(TaskSpec {
            task,
            time_limit,
            environment: self.bound.inputs.environment.clone(),
            workload: self.name.clone(),
            version: self.bound.inputs.version.clone(),
            fingerprint,
            container,
            secrets: self.secrets(),
        }))
    }

    /// What this workload could tell that nobody else may know.
    fn secrets(&self) -> Vec<SecretString> {
        let passwords = self
            .bound
            .resources_of(self.name)
            .filter_map(|resource| self.known.get(&resource.id)?.get("password").cloned());
        let workload = &self.released.workload;
        let mail = workload.resources.iter().filter_map(|(name, resource)| {
            let id = (resource.kind == SMTP).then(|| resource.identity(self.name, name))?;
            self.known.get(&id)?.get("password").cloned()
        });
        let mail = mail.filter(|password| !password.expose().is_empty());
        let named = self.bound.inputs.secrets.values().cloned();
        named.chain(passwords).chain(mail).collect()
    }

    fn container(&self, name: &Name, container: &Container) -> Result<ContainerSpec, Message> {
        let image = self.released.images.get(name).cloned().ok_or_else(|| {
            let (workload, version) = (self.name, &self.bound.inputs.version);
            message!(
                "release {version} has no image for container {name} of {workload}",
                "la versión {version} no tiene imagen para el contenedor {name} de {workload}"
            )
        })?;
        let variables = container
            .variables
            .iter()
            .map(|(key, text)| Ok((key.clone(), self.expand(text)?)))
            .collect::<Result<_, Message>>()?;
        let files = container
            .files
            .iter()
            .map(|(path, file)| self.file(path, file))
            .collect::<Result<_, _>>()?;
        let volumes = container
            .volumes
            .iter()
            .map(|(target, mount)| self.volume(target, mount))
            .collect::<Result<_, _>>()?;
        Ok(ContainerSpec {
            name: name.clone(),
            image,
            command: container.command.clone(),
            args: container.args.clone(),
            variables,
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
        })
    }

    fn file(&self, path: &str, file: &File) -> Result<FileSpec, Message> {
        let content = match &file.data {
            FileData::Content(text) if file.no_expand => text.clone().into_bytes(),
            FileData::Content(text) => self.expand(text)?.expose().as_bytes().to_vec(),
            FileData::Binary(bytes) => bytes.clone(),
            FileData::Source(source) => {
                let source = source.display();
                return Err(message!(
                    "{path} still refers to {source}: a release holds the content itself",
                    "{path} todavía se refiere a {source}: una versión contiene los datos mismos"
                ));
            }
        };
        Ok(FileSpec {
            path: path.to_owned(),
            content: FileContent(content),
            mode: file.mode,
        })
    }

    fn volume(&self, target: &str, mount: &VolumeMount) -> Result<VolumeSpec, Message> {
        Ok(VolumeSpec {
            target: target.to_owned(),
            source: self.expand(&mount.source)?.expose().to_owned(),
            path: mount.path.clone(),
            read_only: mount.read_only,
        })
    }

    fn expand(&self, text: &str) -> Result<SecretString, Message> {
        expand_text(self.bound, &self.released.workload, text, self.known)
    }
}
