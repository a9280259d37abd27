//! What targets need of the project, and settings that contradict themselves.

use std::collections::BTreeMap;

use estiba_model::{Name, Project, message};

use super::project_file;
use crate::finding::{Findings, Spot};
use crate::kinds::{self, Kind};

pub(super) fn check(project: &Project, found: &mut Findings) {
    let used: BTreeMap<&Name, &Kind> = project
        .targets
        .iter()
        .filter(|(name, _)| is_used(project, name))
        .filter_map(|(name, target)| Some((name, kinds::find(&target.kind)?)))
        .collect();
    for (name, kind) in used {
        registry(project, name, kind, found);
        let settings = &project.targets[name].settings;
        for mistake in (kind.mistakes)(settings) {
            let spot = target_spot(project, name, mistake.key);
            found.error("bad-setting", spot, mistake.what, mistake.hint);
        }
    }
}

fn is_used(project: &Project, target: &Name) -> bool {
    let mut environments = project.environments.values();
    environments.any(|environment| environment.placement.values().any(|used| used == target))
}

fn registry(project: &Project, name: &Name, kind: &Kind, found: &mut Findings) {
    if !kind.needs_registry || project.registry.is_some() {
        return;
    }
    let kind = kind.name;
    found.error(
        "no-registry",
        target_spot(project, name, "kind"),
        message!(
            "target {name} is of kind {kind}, which takes images from a registry, and the project has none",
            "la plataforma {name} es de tipo {kind}, que toma las imágenes de un registro, y el proyecto no tiene ninguno"
        ),
        message!(
            "add for example: registry: registry.example.edu/{project}",
            "agregue por ejemplo: registry: registry.example.edu/{project}",
            project = project.id.project
        ),
    );
}

fn target_spot(project: &Project, target: &Name, key: &str) -> Spot {
    Spot::value(&project_file(project), &["targets", target.as_str(), key])
}
