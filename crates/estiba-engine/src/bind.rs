//! A release bound to an environment: which values and resources each workload
//! refers to, and whether all of them are there. Pure.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Container, FileData, Message, Name, Release, Resource, ResourceId, SMTP, Workload, message,
};
use estiba_score::placeholder::{Reference, Root, Template};
use estiba_target::Reach;
use serde_json::{Map, Value};

use crate::inputs::Inputs;
use crate::mail::{sends_mail, server_problem, sink_ports};

/// The Score type whose outputs are the environment's own values.
pub const ENVIRONMENT: &str = "environment";

/// The Score type of a port of another workload.
pub const SERVICE_PORT: &str = "service-port";

/// A release bound to an environment.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The environment's choices.
    pub inputs: Inputs,
    /// What ships.
    pub release: Release,
    /// What the targets provide, each after those that it refers to.
    pub resources: Vec<BoundResource>,
    /// The environment's values that each workload refers to.
    pub values_used: BTreeMap<Name, BTreeSet<String>>,
}

/// A resource that a target provides.
#[derive(Debug, Clone)]
pub struct BoundResource {
    /// Its identity in the environment.
    pub id: ResourceId,
    /// What the workload says of it.
    pub resource: Resource,
    /// The workload that names it, the first by name where several do.
    pub workload: Name,
    /// The target that provides it.
    pub target: Name,
    /// The workloads that use it.
    pub users: BTreeSet<Name>,
}

impl Bound {
    /// Binds `release` to the environment of `inputs`.
    ///
    /// # Errors
    /// Everything that has no value or no place, at once.
    pub fn new(inputs: Inputs, release: Release) -> Result<Self, Vec<Message>> {
        let mut problems = Vec::new();
        let mut values_used = BTreeMap::new();
        let mut resources: BTreeMap<ResourceId, BoundResource> = BTreeMap::new();
        let mut order = Vec::new();
        for (name, released) in &release.workloads {
            let workload = &released.workload;
            let used = values_used_by(workload);
            problems.extend(missing_values(&inputs, name, &used));
            values_used.insert(name.clone(), used);
            for resource_name in in_dependency_order(workload) {
                let resource = &workload.resources[&resource_name];
                if resource.kind == ENVIRONMENT || resource.kind == SMTP {
                    continue;
                }
                let id = resource.identity(name, &resource_name);
                if let Some(known) = resources.get_mut(&id) {
                    known.users.insert(name.clone());
                    if known.resource.params.is_empty() {
                        known.resource.params = resource.params.clone();
                        known.workload = name.clone();
                    }
                    continue;
                }
                match home(&inputs, name, resource) {
                    Some(target) => {
                        order.push(id.clone());
                        resources.insert(
                            id.clone(),
                            BoundResource {
                                id,
                                resource: resource.clone(),
                                workload: name.clone(),
                                target,
                                users: BTreeSet::from([name.clone()]),
                            },
                        );
                    }
                    None => problems.push(no_place(&inputs, name)),
                }
            }
        }
        let mut workloads = release.workloads.values();
        if workloads.any(|released| sends_mail(&released.workload)) {
            problems.extend(server_problem(&inputs));
        }
        for port in sink_ports(&inputs, &release) {
            order.push(port.id.clone());
            resources.insert(port.id.clone(), port);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let resources = order.iter().filter_map(|id| resources.remove(id)).collect();
        Ok(Self {
            inputs,
            release,
            resources,
            values_used,
        })
    }

    /// The release in its environment with nothing looked up.
    #[must_use]
    pub fn unresolved(inputs: Inputs, release: Release) -> Self {
        Self {
            inputs,
            release,
            resources: Vec::new(),
            values_used: BTreeMap::new(),
        }
    }

    /// The resource of this identity.
    #[must_use]
    pub fn resource(&self, id: &ResourceId) -> Option<&BoundResource> {
        self.resources.iter().find(|resource| resource.id == *id)
    }

    /// Whether a workload runs on another target than a resource.
    #[must_use]
    pub fn is_elsewhere(&self, workload: &Name, resource: &BoundResource) -> bool {
        self.inputs.target_of(workload) != Some(&resource.target)
    }

    /// The farthest from where a resource is used.
    #[must_use]
    pub fn reach(&self, resource: &BoundResource) -> Reach {
        let mut users = resource.users.iter();
        match users.any(|user| self.is_elsewhere(user, resource)) {
            true => Reach::Outside,
            false => Reach::Inside,
        }
    }

    /// The resources that a workload uses.
    pub fn resources_of<'b>(
        &'b self,
        workload: &'b Name,
    ) -> impl Iterator<Item = &'b BoundResource> {
        self.resources
            .iter()
            .filter(move |resource| resource.users.contains(workload))
    }
}

/// A port of another workload is where that workload is; all else is where its
/// user is.
fn home(inputs: &Inputs, workload: &Name, resource: &Resource) -> Option<Name> {
    let provider = match resource.kind.as_str() {
        SERVICE_PORT => resource.params.get("workload").and_then(Value::as_str),
        _ => None,
    };
    let placed = provider.and_then(|provider| inputs.placement.get(provider));
    placed.or_else(|| inputs.target_of(workload)).cloned()
}

fn no_place(inputs: &Inputs, workload: &Name) -> Message {
    let environment = &inputs.environment.environment;
    message!(
        "{environment} places no workload, so there is nowhere to run {workload}; name a target in `on`",
        "{environment} no ubica ningún componente, así que no hay dónde ejecutar {workload}; nombre una plataforma en `on`"
    )
}

fn missing_values<'a>(
    inputs: &'a Inputs,
    workload: &'a Name,
    used: &'a BTreeSet<String>,
) -> impl Iterator<Item = Message> + 'a {
    let environment = &inputs.environment.environment;
    used.iter()
        .filter(|key| inputs.value(key).is_none())
        .map(move |key| {
            message!(
                "{workload} needs {key}, which has no value in {environment}: `estiba secret set {key} --env {environment}`, or `config` of the environment in estiba.yaml if it is no secret",
                "{workload} necesita {key}, que no tiene valor en {environment}: `estiba secret set {key} --env {environment}`, o `config` del ambiente en estiba.yaml si no es un secreto"
            )
        })
}

/// The keys of `type: environment` resources that a workload refers to.
fn values_used_by(workload: &Workload) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for_each_reference(workload, &mut |reference| {
        if let Some((resource, key)) = resource_key(reference)
            && workload
                .resources
                .get(resource)
                .is_some_and(|found| found.kind == ENVIRONMENT)
        {
            keys.insert(key.to_owned());
        }
    });
    keys
}

/// The resource and the output key that `${resources.NAME.KEY}` names.
pub fn resource_key(reference: &Reference) -> Option<(&str, &str)> {
    match (&reference.root, reference.path.as_slice()) {
        (Root::Resources, [name, key]) => Some((name, key)),
        _ => None,
    }
}

fn for_each_reference(workload: &Workload, found: &mut dyn FnMut(&Reference)) {
    let mut in_text = |text: &str| {
        if let Ok(template) = Template::parse(text) {
            template.references().for_each(&mut *found);
        }
    };
    for container in workload.containers.values() {
        container_texts(container).for_each(&mut in_text);
    }
    for resource in workload.resources.values() {
        for text in params_texts(&resource.params) {
            in_text(text);
        }
    }
}

/// The texts of a container in which placeholders are expanded.
fn container_texts(container: &Container) -> impl Iterator<Item = &str> {
    let files = container
        .files
        .values()
        .filter_map(|file| match &file.data {
            FileData::Content(text) if !file.no_expand => Some(text.as_str()),
            _ => None,
        });
    let volumes = container.volumes.values().map(|v| v.source.as_str());
    let variables = container.variables.values().map(String::as_str);
    variables.chain(files).chain(volumes)
}

fn params_texts(params: &Map<String, Value>) -> Vec<&str> {
    fn walk<'v>(value: &'v Value, texts: &mut Vec<&'v str>) {
        match value {
            Value::String(text) => texts.push(text),
            Value::Array(items) => items.iter().for_each(|item| walk(item, texts)),
            Value::Object(map) => map.values().for_each(|item| walk(item, texts)),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    params.values().for_each(|value| walk(value, &mut texts));
    texts
}

/// A workload's resources, each after those that its params refer to. The
/// Score reader refuses cycles.
fn in_dependency_order(workload: &Workload) -> Vec<Name> {
    fn visit(workload: &Workload, name: &Name, seen: &mut BTreeSet<Name>, order: &mut Vec<Name>) {
        let Some(resource) = workload.resources.get(name) else {
            return;
        };
        if !seen.insert(name.clone()) {
            return;
        }
        for text in params_texts(&resource.params) {
            for reference in Template::parse(text).iter().flat_map(Template::references) {
                if reference.root == Root::Resources
                    && let Some(needed) = reference.path.first()
                    && let Ok(needed) = needed.parse()
                {
                    visit(workload, &needed, seen, order);
                }
            }
        }
        order.push(name.clone());
    }
    let mut seen = BTreeSet::new();
    let mut order = Vec::new();
    for name in workload.resources.keys() {
        visit(workload, name, &mut seen, &mut order);
    }
    order
}
