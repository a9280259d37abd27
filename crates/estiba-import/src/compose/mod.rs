//! Compose files (<https://github.com/compose-spec/compose-spec/blob/main/spec.md>).

mod dropped;
mod environment;
mod health;
mod interpolate;
mod mounts;
mod order;
mod ports;
mod service;

use std::collections::BTreeMap;

use estiba_model::message;
use estiba_score::yaml::Document;
use indexmap::IndexMap;

use crate::draft::{Draft, Workload};
use crate::files::Files;
use crate::names::Names;
use crate::node::Node;
use crate::report::Report;
use crate::source::{Source, in_order};
use interpolate::Variables;
use service::Service;

pub(crate) use mounts::value_name;
pub(crate) use ports::add_port;

/// What the readers of services share.
pub(crate) struct Compose<'a> {
    files: &'a dyn Files,
    report: &'a mut Report,
    variables: Variables,
    /// Top-level `volumes`, `configs` and `secrets` by section and name.
    declared: BTreeMap<(&'static str, String), Node<'a>>,
}

/// The workloads of Compose files. Those for an environment say what differs
/// there.
pub(crate) fn read(files: &dyn Files, sources: &[Source], report: &mut Report) -> Draft {
    let mut documents: Vec<(Option<&str>, Document)> = Vec::new();
    for source in in_file_order(sources) {
        let (read, findings) = Document::all(&source.path, &source.text);
        report.extend(findings);
        let environment = source.environment.as_deref();
        documents.extend(read.into_iter().map(|document| (environment, document)));
    }
    let mut compose = Compose {
        files,
        report,
        variables: Variables::read(files, sources),
        declared: BTreeMap::new(),
    };
    for (_, document) in &documents {
        compose.declare(&Node::root(document));
    }
    let mut services: IndexMap<String, Service> = IndexMap::new();
    let mut names = Names::default();
    for (environment, document) in &documents {
        for (name, node) in Node::root(document).entries("services") {
            let environment = environment.filter(|_| services.contains_key(name));
            let service = services.entry(name.to_owned()).or_insert_with(|| {
                let workload = Workload::new(names.give(name, "service"), node.key_place());
                Service::new(name, workload)
            });
            compose.service(service, &node, environment);
        }
    }
    let own = documents.iter().filter_map(|(environment, _)| *environment);
    let own = own
        .map(str::to_owned)
        .chain(compose.variables.environments());
    let environments = in_order(own);
    compose.shared_volumes(&mut services);
    let named = std::mem::take(&mut compose.variables).into_named();
    let workloads = order::workloads(services, compose.report);
    Draft {
        workloads,
        environments,
        named,
        team: None,
        ..Draft::default()
    }
}

/// What holds everywhere before what holds in an environment, and a file before
/// its `.override`.
fn in_file_order(sources: &[Source]) -> Vec<&Source> {
    let mut ordered: Vec<&Source> = sources.iter().collect();
    ordered.sort_by_key(|source| {
        let name = source
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        (source.environment.is_some(), name.contains("override"))
    });
    ordered
}

impl<'a> Compose<'a> {
    /// Keeps what services refer to, and tells what has no counterpart.
    fn declare(&mut self, root: &Node<'a>) {
        for section in ["volumes", "configs", "secrets"] {
            for (name, node) in root.entries(section) {
                if section == "volumes" {
                    self.volume_options(name, &node);
                }
                self.declared.insert((section, name.to_owned()), node);
            }
        }
        for (key, node) in root.fields() {
            match key {
                "services" | "volumes" | "configs" | "secrets" | "version" | "name" => {}
                "networks" if node.fields().len() < 2 => {}
                "networks" => self.report.dropped(
                    node.key_place(),
                    key,
                    &message!(
                        "the workloads of an environment all see one another",
                        "los componentes de un ambiente se ven todos entre sí"
                    ),
                    message!(
                        "if they must not, deploy them as two projects",
                        "si no deben verse, despliéguelos como dos proyectos"
                    ),
                ),
                "include" => self.report.error(
                    "not-carried-over",
                    node.key_place(),
                    message!("`include` is not followed", "no se sigue `include`"),
                    message!(
                        "name the included files on the command line too",
                        "nombre también los archivos incluidos en la línea de comandos"
                    ),
                ),
                extension if extension.starts_with("x-") => {}
                other => dropped::unknown(&node, other, self.report),
            }
        }
    }

    fn volume_options(&mut self, name: &str, node: &Node<'_>) {
        for (key, option) in node.fields() {
            if matches!(key, "name" | "labels") {
                continue;
            }
            self.report.dropped(
                option.key_place(),
                key,
                &message!(
                    "the environment's target provides the volume {name}",
                    "el volumen {name} lo provee la plataforma del ambiente"
                ),
                message!(
                    "copy what is in the old volume into the new one where it matters",
                    "copie al volumen nuevo lo que había en el viejo, si importa"
                ),
            );
        }
    }

    /// A volume that several services mount is one resource for all of them.
    fn shared_volumes(&mut self, services: &mut IndexMap<String, Service>) {
        let mut users: BTreeMap<String, usize> = BTreeMap::new();
        for volume in services.values().flat_map(|service| &service.volumes) {
            *users.entry(volume.clone()).or_default() += 1;
        }
        for service in services.values_mut() {
            for (name, resource) in &mut service.workload.resources {
                if resource.kind == "volume" && users.get(name).is_some_and(|users| *users > 1) {
                    resource.id = Some(name.clone());
                }
            }
        }
    }
}
