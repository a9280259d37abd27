//! `depends_on`: what runs once before another becomes its migration; the rest
//! is for Estiba to order, or for the program to wait for.

use std::collections::BTreeSet;

use estiba_model::{MIGRATION_ANNOTATION, message};
use indexmap::IndexMap;

use super::service::Service;
use crate::draft::{Image, Workload};
use crate::report::Report;

/// The workloads of the services, with those that run once taken into those
/// that wait for them.
pub(super) fn workloads(
    mut services: IndexMap<String, Service>,
    report: &mut Report,
) -> Vec<Workload> {
    let mut taken = BTreeSet::new();
    let names: Vec<String> = services.keys().cloned().collect();
    for name in &names {
        let waits = std::mem::take(&mut services[name].depends_on);
        for (other, condition, place) in waits {
            if condition != "service_completed_successfully" || !services.contains_key(&other) {
                if condition == "service_healthy" {
                    report.warn_once(
                        "depends-on",
                        place,
                        message!(
                            "a workload is started after those that it refers to, but does not wait until they are healthy",
                            "un componente se inicia después de aquellos a los que se refiere, pero no espera a que estén sanos"
                        ),
                        message!(
                            "see that the program tries again until the other answers",
                            "compruebe que el programa reintente hasta que el otro responda"
                        ),
                    );
                }
                continue;
            }
            if taken.contains(&other) {
                report.warn(
                    "migration-once",
                    place,
                    message!(
                        "{name} waits for {other} too, which became the migration of another workload",
                        "{name} también espera a {other}, que pasó a ser la migración de otro componente"
                    ),
                    message!(
                        "migrations run in the order of the workloads; nothing needs to be done if both share a database",
                        "las migraciones corren en el orden de los componentes; no hace falta nada si ambos comparten la base"
                    ),
                );
                continue;
            }
            if take_in(&mut services, name, &other) {
                taken.insert(other.clone());
                report.warn(
                    "migration",
                    place,
                    message!(
                        "{other} became the migration of {name}: it runs once for a release, before new instances",
                        "{other} pasó a ser la migración de {name}: corre una vez por versión, antes de las instancias nuevas"
                    ),
                    message!(
                        "see the annotation estiba.dev/migration in its Score file",
                        "vea la anotación estiba.dev/migration en su archivo Score"
                    ),
                );
            }
        }
    }
    let left = services.into_iter();
    left.filter(|(name, _)| !taken.contains(name))
        .map(|(_, service)| service.workload)
        .collect()
}

/// Makes the container of `other` the migration of `name`; not where both are
/// built from different sources, since a workload has one.
fn take_in(services: &mut IndexMap<String, Service>, name: &str, other: &str) -> bool {
    let (Some(first), Some(second)) = (services.get(name), services.get(other)) else {
        return false;
    };
    let (first, second) = (&first.workload, &second.workload);
    let built = second.containers.values().any(|c| c.image == Image::Built);
    if built && first.folder.is_some() && first.folder != second.folder {
        return false;
    }
    if first.annotations.contains_key(MIGRATION_ANNOTATION) {
        return false;
    }
    let migration = second.name.clone();
    let container = second.containers.values().next().cloned();
    let (folder, resources) = (second.folder.clone(), second.resources.clone());
    let Some(container) = container else {
        return false;
    };
    let workload = &mut services[name].workload;
    if workload.containers.contains_key(&migration) {
        return false;
    }
    if built {
        workload.folder = folder;
    }
    for (name, resource) in resources {
        workload.resources.entry(name).or_insert(resource);
    }
    let annotation = MIGRATION_ANNOTATION.to_owned();
    workload
        .annotations
        .insert(annotation, migration.to_string());
    workload.containers.insert(migration, container);
    true
}
