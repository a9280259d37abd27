//! What should run, from a bound release: fingerprints, order, exposure. Pure
//! but for the key, which the caller holds.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Desired, DesiredAcceptance, DesiredResource, DesiredWorkload, Digest, ExposedPort, Exposure,
    Fingerprint, MAIL_SINK, Name, ReleasedWorkload, ResourceId, Route, SMTP, SecretString,
    Strategy, Workload,
};
use estiba_target::Reach;
use serde_json::{Value, json};

use crate::bind::{Bound, BoundResource, SERVICE_PORT};
use crate::database::POSTGRES;
use crate::inputs::Inputs;
use crate::mail::{sends_mail, sink_material, sink_name};
use crate::runtime::Targets;
use crate::values::{Known, expand_text};

/// The annotation that overrides how instances are replaced: `rolling` or
/// `replace`.
pub const STRATEGY_ANNOTATION: &str = "estiba.dev/strategy";

/// A keyed hash, so that a fingerprint does not betray a short secret.
pub type Keyed<'a> = &'a dyn Fn(&[u8]) -> [u8; 32];

/// What should run. `known` holds the outputs that are known by now; of those
/// only host names matter here. Of `targets` it matters how they run workloads.
#[must_use]
pub fn desired(bound: &Bound, known: &Known, targets: &Targets, keyed: Keyed<'_>) -> Desired {
    let resources: Vec<_> = bound
        .resources
        .iter()
        .map(|resource| DesiredResource {
            id: resource.id.clone(),
            target: resource.target.clone(),
            fingerprint: resource_fingerprint(bound, resource, keyed),
        })
        .collect();
    let fingerprints: BTreeMap<&ResourceId, &Fingerprint> =
        resources.iter().map(|r| (&r.id, &r.fingerprint)).collect();
    let workloads: Vec<_> = bound
        .release
        .workloads
        .iter()
        .filter_map(|(name, released)| {
            let hashed = Hashed {
                bound,
                name,
                released,
                resources: &fingerprints,
                keyed,
            };
            let target = bound.inputs.target_of(name)?;
            if !released.workload.has_instances() {
                return None;
            }
            Some(DesiredWorkload {
                name: name.clone(),
                target: target.clone(),
                fingerprint: hashed.workload(),
                replicas: bound.inputs.replicas.get(name).copied().unwrap_or(1),
                strategy: strategy(&released.workload),
                rollout: targets
                    .get(target)
                    .map(|target| target.runner().kind())
                    .unwrap_or_default(),
                migration: hashed.migration(),
                after: needed_workloads(&released.workload, &bound.inputs),
                smoke: released.workload.smoke().is_some(),
                images: running_images(bound, released),
                exposure: exposure(bound, name, &released.workload, known),
            })
        })
        .collect();
    Desired {
        environment: bound.inputs.environment.clone(),
        version: bound.inputs.version.clone(),
        resources,
        acceptance: acceptance(bound, &workloads, keyed),
        workloads,
    }
}

/// The images of all but the acceptance tests, and of what Estiba places beside them.
fn running_images(bound: &Bound, released: &ReleasedWorkload) -> BTreeSet<Digest> {
    let tests = released.workload.acceptance().map(|(name, _)| name);
    let running = released
        .images
        .iter()
        .filter(|(name, _)| Some(*name) != tests);
    let shipper = released
        .workload
        .file_logs()
        .and(bound.inputs.shipper.as_ref());
    let running = running.map(|(_, image)| image).chain(shipper);
    running.cloned().collect()
}

/// The tests that the environment asks for. They pass for all that runs beside them.
fn acceptance(
    bound: &Bound,
    running: &[DesiredWorkload],
    keyed: Keyed<'_>,
) -> Vec<DesiredAcceptance> {
    if !bound.inputs.acceptance {
        return Vec::new();
    }
    let running: BTreeMap<&Name, &Fingerprint> = running
        .iter()
        .map(|one| (&one.name, &one.fingerprint))
        .collect();
    let of = |(name, released): (&Name, &ReleasedWorkload)| {
        let (container_name, container) = released.workload.acceptance()?;
        let image = released.images.get(container_name)?;
        let material = json!({
            "environment": bound.inputs.environment,
            "acceptance": container,
            "image": image,
            "version": bound.inputs.version,
            "running": running,
        });
        Some(DesiredAcceptance {
            workload: name.clone(),
            target: bound.inputs.target_of(name)?.clone(),
            fingerprint: fingerprint(&material, keyed),
            image: image.clone(),
        })
    };
    bound.release.workloads.iter().filter_map(of).collect()
}

/// What a resource is made from: provisioned anew when it changes.
#[must_use]
pub fn resource_fingerprint(
    bound: &Bound,
    resource: &BoundResource,
    keyed: Keyed<'_>,
) -> Fingerprint {
    let settings = exposed_settings(bound, &resource.resource.kind);
    let material = json!({
        "id": resource.id,
        "type": resource.resource.kind,
        "class": resource.resource.class,
        "params": resource.resource.params,
        "target": bound.inputs.targets.get(&resource.target),
        "settings": settings,
        // One that other targets use has to be opened to them.
        "outside": bound.reach(resource) == Reach::Outside,
    });
    fingerprint(&material, keyed)
}

fn exposed_settings(bound: &Bound, kind: &str) -> BTreeMap<String, String> {
    let settings = resource_settings(bound, kind).into_iter();
    settings
        .map(|(key, value)| (key, value.expose().to_owned()))
        .collect()
}

/// What the environment says about resources of a type; `KEY-from: NAME`
/// becomes `KEY` with the value of that name.
#[must_use]
pub fn resource_settings(bound: &Bound, kind: &str) -> BTreeMap<String, SecretString> {
    let Some(settings) = bound.inputs.provision.get(kind) else {
        return BTreeMap::new();
    };
    settings
        .iter()
        .filter_map(|(key, value)| {
            let text = value.as_str()?;
            match key.strip_suffix("-from") {
                Some(key) => Some((key.to_owned(), bound.inputs.value(text)?)),
                None => Some((key.clone(), SecretString::new(text))),
            }
        })
        .collect()
}

struct Hashed<'a> {
    bound: &'a Bound,
    name: &'a Name,
    released: &'a ReleasedWorkload,
    resources: &'a BTreeMap<&'a ResourceId, &'a Fingerprint>,
    keyed: Keyed<'a>,
}

impl Hashed<'_> {
    fn workload(&self) -> Fingerprint {
        let inputs = &self.bound.inputs;
        if self.name.as_str() == MAIL_SINK {
            return fingerprint(&sink_material(inputs), self.keyed);
        }
        let values: BTreeMap<&str, String> = self
            .bound
            .values_used
            .get(self.name)
            .into_iter()
            .flatten()
            .filter_map(|key| Some((key.as_str(), inputs.value(key)?.expose().to_owned())))
            .collect();
        let mut material = json!({
            "environment": inputs.environment,
            "workload": self.released.workload,
            "images": self.released.images,
            "version": inputs.version,
            "values": values,
            "resources": self.resource_fingerprints(),
            "restarts": inputs.restarts.get(self.name).copied().unwrap_or(0),
        });
        if sends_mail(&self.released.workload) {
            let settings = exposed_settings(self.bound, SMTP);
            material["mail"] = json!(settings);
        }
        self.mark_emptied(&mut material);
        fingerprint(&material, self.keyed)
    }

    /// A migration runs again when its image, its words or its database change,
    /// and not for every version.
    fn migration(&self) -> Option<Fingerprint> {
        let (name, container) = self.released.workload.migration()?;
        let mut material = json!({
            "environment": self.bound.inputs.environment,
            "container": container,
            "image": self.released.images.get(name),
            "resources": self.resource_fingerprints(),
        });
        self.mark_emptied(&mut material);
        Some(fingerprint(&material, self.keyed))
    }

    /// Whoever uses a database that was emptied begins anew.
    fn mark_emptied(&self, material: &mut Value) {
        let mut resources = self.bound.resources_of(self.name);
        if let Some(emptied_ms) = self.bound.inputs.emptied_ms
            && resources.any(|one| one.resource.kind == POSTGRES)
        {
            material["emptied"] = emptied_ms.into();
        }
    }

    fn resource_fingerprints(&self) -> Vec<&Fingerprint> {
        self.bound
            .resources_of(self.name)
            .filter_map(|resource| self.resources.get(&resource.id).copied())
            .collect()
    }
}

fn fingerprint(material: &Value, keyed: Keyed<'_>) -> Fingerprint {
    Fingerprint::from_hash(&keyed(material.to_string().as_bytes()))
}

fn strategy(workload: &Workload) -> Strategy {
    let asked = workload
        .annotations
        .get(STRATEGY_ANNOTATION)
        .map(String::as_str);
    match asked {
        Some("replace") => Strategy::Replace,
        Some("rolling") => Strategy::Rolling,
        _ if workload.ports.is_empty() => Strategy::Replace,
        _ => Strategy::Rolling,
    }
}

/// The workloads whose ports this one uses.
fn needed_workloads(workload: &Workload, inputs: &Inputs) -> BTreeSet<Name> {
    let sink = inputs.mail_sink.as_ref().and_then(|_| sink_name().ok());
    let sink = sink.filter(|sink| sends_mail(workload) && *sink != workload.name);
    workload
        .resources
        .values()
        .filter(|resource| resource.kind == SERVICE_PORT)
        .filter_map(|resource| resource.params.get("workload")?.as_str()?.parse().ok())
        .filter(|needed| *needed != workload.name)
        .chain(sink)
        .collect()
}

fn exposure(bound: &Bound, name: &Name, workload: &Workload, known: &Known) -> Exposure {
    let ports = workload
        .ports
        .iter()
        .map(|(port_name, port)| {
            let exposed = ExposedPort {
                port: port.port,
                target_port: port.target_port,
                protocol: port.protocol,
            };
            (port_name.clone(), exposed)
        })
        .collect();
    let routes = bound
        .resources_of(name)
        .filter(|resource| resource.resource.kind == "route" && resource.workload == *name)
        .filter_map(|resource| route(bound, workload, resource, known))
        .collect();
    Exposure {
        ports,
        routes,
        outside: used_outside(bound, workload),
    }
}

/// The names of a workload's ports that workloads on other targets use.
fn used_outside(bound: &Bound, workload: &Workload) -> BTreeSet<String> {
    let of_workload = |resource: &&BoundResource| {
        let provider = resource.resource.params.get("workload");
        resource.resource.kind == SERVICE_PORT
            && provider.and_then(Value::as_str) == Some(workload.name.as_str())
    };
    bound
        .resources
        .iter()
        .filter(of_workload)
        .filter(|resource| bound.reach(resource) == Reach::Outside)
        .filter_map(|resource| port_name(workload, resource.resource.params.get("port")))
        .collect()
}

fn route(
    bound: &Bound,
    workload: &Workload,
    resource: &BoundResource,
    known: &Known,
) -> Option<Route> {
    let params = &resource.resource.params;
    let host = params.get("host").and_then(Value::as_str);
    let host = host.and_then(|host| expand_text(bound, workload, host, known).ok());
    let path = params.get("path").and_then(Value::as_str).unwrap_or("/");
    Some(Route {
        host: host.map(|host| host.expose().to_owned()),
        path: path.to_owned(),
        port: port_name(workload, params.get("port"))?,
    })
}

/// The name of the service's port that `port` means: a name, the number that
/// clients use, or nothing where there is only one.
pub fn port_name(workload: &Workload, port: Option<&Value>) -> Option<String> {
    let text = match port {
        None => return workload.ports.keys().next().cloned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    if workload.ports.contains_key(&text) {
        return Some(text);
    }
    let number: u16 = text.parse().ok()?;
    let by_number = |of: fn(&estiba_model::ServicePort) -> u16| {
        workload
            .ports
            .iter()
            .find(|(_, port)| of(port) == number)
            .map(|(name, _)| name.clone())
    };
    by_number(|port| port.port).or_else(|| by_number(|port| port.target_port))
}
