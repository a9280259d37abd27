//! Kubernetes manifests (<https://kubernetes.io/docs/reference/kubernetes-api/>).

mod config;
mod dropped;
mod env;
mod faults;
mod ingress;
mod jobs;
mod objects;
mod pod;
mod probes;
mod services;
mod volumes;

use std::collections::BTreeSet;

use estiba_model::message;
use estiba_score::yaml::Document;
use indexmap::IndexMap;

use crate::draft::{Draft, Workload};
use crate::files::Files;
use crate::names::Names;
use crate::report::Report;
use crate::source::{Source, in_order};
use objects::{Object, Objects};

/// The annotation that says how instances are replaced.
const STRATEGY_ANNOTATION: &str = "estiba.dev/strategy";

/// What the readers of objects share.
struct Cluster<'a> {
    objects: Objects<'a>,
    environments: Vec<String>,
    report: &'a mut Report,
}

/// The workloads of manifests.
pub(crate) fn read(_files: &dyn Files, sources: &[Source], report: &mut Report) -> Draft {
    let mut documents = Vec::new();
    for source in sources {
        let (read, findings) = Document::all(&source.path, &source.text);
        report.extend(findings);
        let environment = source.environment.as_deref();
        documents.extend(read.into_iter().map(|document| (environment, document)));
    }
    let objects = Objects::of(&documents);
    let environments = in_order(
        objects
            .all()
            .filter_map(|object| object.environment.clone()),
    );
    let team = objects.team();
    let mut cluster = Cluster {
        objects,
        environments,
        report,
    };
    let workloads = cluster.workloads();
    Draft {
        workloads,
        environments: cluster.environments,
        team,
        ..Draft::default()
    }
}

impl<'a> Cluster<'a> {
    fn workloads(&mut self) -> Vec<Workload> {
        let mut names = Names::default();
        let mut workloads: IndexMap<String, Workload> = IndexMap::new();
        for object in self.objects.that_run() {
            let key = object.name_without_environment();
            let first = !workloads.contains_key(&key);
            let workload = workloads.entry(key.clone()).or_insert_with(|| {
                Workload::new(names.give(&key, "workload"), object.node.key_place())
            });
            self.workload(workload, &object, first);
        }
        self.jobs(&mut workloads);
        let mut workloads: Vec<Workload> = workloads.into_values().collect();
        self.ingresses(&mut workloads);
        self.shared_hosts(&mut workloads);
        share_volumes(&mut workloads);
        self.faults();
        self.tell_dropped_kinds();
        workloads
    }

    /// Adds what an object says; only values and copies where another
    /// environment's object came first.
    fn workload(&mut self, workload: &mut Workload, object: &Object<'a>, first: bool) {
        let environment = object.environment.as_deref();
        let Some(spec) = object.node.get("spec") else {
            return;
        };
        if let Some(count) = spec.number("replicas") {
            match environment {
                Some(environment) => {
                    let own = &mut workload.own_replicas;
                    own.insert(environment.to_owned(), count);
                }
                None => workload.replicas = Some(count),
            }
        }
        let recreate = spec.find(&["strategy", "type"]).and_then(|n| n.scalar());
        if recreate.as_deref() == Some("Recreate") {
            let annotation = STRATEGY_ANNOTATION.to_owned();
            workload
                .annotations
                .insert(annotation, "replace".to_owned());
        }
        let (pod, labels) = match object.kind.as_str() {
            "Pod" => (
                Some(spec.clone()),
                object.node.find(&["metadata", "labels"]),
            ),
            _ => (
                spec.find(&["template", "spec"]),
                spec.find(&["template", "metadata", "labels"]),
            ),
        };
        let Some(pod) = pod else {
            self.report.error(
                "no-pod",
                object.node.key_place(),
                message!(
                    "{kind} {name} has no `spec.template.spec`",
                    "{kind} {name} no tiene `spec.template.spec`",
                    kind = object.kind,
                    name = object.name
                ),
                message!("see `kubectl explain`", "vea `kubectl explain`"),
            );
            return;
        };
        if first {
            self.services(workload, labels.as_ref(), &pod, environment);
            self.dropped_of_workload(object, &spec);
        }
        self.pod(workload, &pod, environment, first);
        if first {
            self.claims(workload, &spec);
            self.path_case(workload);
        }
    }
}

/// A claim that several workloads mount is one resource for all of them.
fn share_volumes(workloads: &mut [Workload]) {
    let mut seen = BTreeSet::new();
    let mut shared = BTreeSet::new();
    let volumes = |workload: &Workload| -> Vec<String> {
        let resources = workload.resources.iter();
        let claims = resources.filter(|(_, r)| r.kind == "volume" && r.id.is_some());
        claims.filter_map(|(_, r)| r.id.clone()).collect()
    };
    for id in workloads.iter().flat_map(volumes) {
        if !seen.insert(id.clone()) {
            shared.insert(id);
        }
    }
    for resource in workloads.iter_mut().flat_map(|w| w.resources.values_mut()) {
        if resource.kind == "volume" {
            resource.id = resource.id.take().filter(|id| shared.contains(id));
        }
    }
}
