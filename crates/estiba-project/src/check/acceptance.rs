//! Whether environments that ask for acceptance tests get them.

use estiba_model::{ACCEPTANCE_ANNOTATION, Project, message};
use estiba_target::Capability;

use super::{Declared, environment_spot, kind_of};
use crate::finding::{Findings, Spot};

pub(super) fn check(project: &Project, declared: &Declared, found: &mut Findings) {
    for (name, environment) in &project.environments {
        if !environment.acceptance {
            continue;
        }
        let mut has_tests = false;
        for (workload, target) in &environment.placement {
            let user = project.workloads.get(workload);
            let Some(user) = user.filter(|user| user.workload.acceptance().is_some()) else {
                continue;
            };
            has_tests = true;
            let Some(kind) = kind_of(project, target) else {
                continue;
            };
            if kind.capabilities.contains(&Capability::Tasks) {
                continue;
            }
            let target = kind.name;
            let path = ["metadata", "annotations", ACCEPTANCE_ANNOTATION];
            found.error(
                "unsupported-capability",
                Spot::value(&user.file, &path).of_key(),
                message!(
                    "a target of kind {target} runs no acceptance tests",
                    "una plataforma de tipo {target} no ejecuta pruebas de aceptación"
                ),
                message!(
                    "make a workload of its own of them, and place it on another target in `on`",
                    "haga de ellas un componente propio, y ubíquelo en otra plataforma en `on`"
                ),
            );
        }
        // A Score file that could not be read may be the one.
        if !has_tests && declared.workloads.is_some() {
            found.error(
                "no-acceptance-tests",
                environment_spot(project, name, &["acceptance"]),
                message!(
                    "{name} asks for acceptance tests, and no Score file has any",
                    "{name} pide pruebas de aceptación, y ningún archivo Score las tiene"
                ),
                message!(
                    "name the container with the tests by the annotation {ACCEPTANCE_ANNOTATION}, or remove `acceptance`",
                    "indique el contenedor con las pruebas con la anotación {ACCEPTANCE_ANNOTATION}, o quite `acceptance`"
                ),
            );
        }
    }
}
