//! Names of apps: each is one that the platform takes, and of one workload alone.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use estiba_model::{Name, Project, message};

use super::project_file;
use crate::finding::{Findings, Spot};
use crate::kinds;

pub(super) fn check(project: &Project, found: &mut Findings) {
    let mut taken: BTreeMap<String, (&Name, &Name)> = BTreeMap::new();
    for (environment, placed) in &project.environments {
        for (workload, target) in &placed.placement {
            let config = project.targets.get(target);
            let app = config.and_then(|config| kinds::find(&config.kind)?.app);
            let (Some(config), Some(app)) = (config, app) else {
                continue;
            };
            let spot = || {
                let key = if config.settings.contains_key("app") {
                    "app"
                } else {
                    "kind"
                };
                Spot::value(&project_file(project), &["targets", target.as_str(), key])
            };
            let name = match app(&config.settings, &project.id, environment, workload) {
                Ok(name) => name,
                Err(why) => {
                    found.error(
                        "bad-app-name",
                        spot(),
                        why,
                        message!(
                            "write a pattern into `app` that gives 3 to 30 lower-case letters, digits and hyphens, a letter first",
                            "escriba en `app` un patrón que dé de 3 a 30 letras minúsculas, dígitos y guiones, primero una letra"
                        ),
                    );
                    continue;
                }
            };
            let (other_environment, other) = match taken.entry(name.clone()) {
                Entry::Vacant(free) => {
                    free.insert((environment, workload));
                    continue;
                }
                Entry::Occupied(owner) => *owner.get(),
            };
            found.error(
                "same-place",
                spot(),
                message!(
                    "{other} of {other_environment} and {workload} of {environment} would be one app, {name}",
                    "{other} de {other_environment} y {workload} de {environment} serían una sola aplicación, {name}"
                ),
                message!(
                    "put what tells them apart into `app`: {{environment}}, {{workload}}",
                    "agregue a `app` lo que las distingue: {{environment}}, {{workload}}"
                ),
            );
        }
    }
}
