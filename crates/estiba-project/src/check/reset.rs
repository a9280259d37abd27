//! Environments whose databases may be emptied.

use estiba_model::{Project, message};

use super::environment_spot;
use crate::finding::Findings;

pub(super) fn check(project: &Project, found: &mut Findings) {
    let both = project
        .environments
        .iter()
        .filter(|(_, environment)| environment.reset && environment.approve);
    for (name, _) in both {
        found.error(
            "reset-of-approved",
            environment_spot(project, name, &["reset"]),
            message!(
                "{name} wants a person to agree to each deployment, and lets anybody who may deploy empty its databases",
                "{name} pide que una persona acuerde cada despliegue, y deja que cualquiera que pueda desplegar vacíe sus bases de datos"
            ),
            message!(
                "remove `reset`: only an environment whose data nobody misses may have it",
                "quite `reset`: solo puede tenerlo un ambiente cuyos datos nadie eche de menos"
            ),
        );
    }
}
