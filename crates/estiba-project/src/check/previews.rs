//! Environments that come and go.

use std::borrow::Cow;

use estiba_model::{Name, Project, message};

use super::{Declared, environment_spot, project_file};
use crate::finding::{Findings, Spot, instead};

/// A preview that stands for all.
pub(super) const SAMPLE: &str = "preview-0";

pub(super) fn check(project: &Project, declared: &Declared, found: &mut Findings) {
    let Some(like) = &declared.like else {
        return;
    };
    if !declared.environments.contains(like) {
        found.error(
            "unknown-environment",
            Spot::value(&project_file(project), &["previews", "like"]),
            message!(
                "there is no environment \"{like}\"",
                "no hay ningún ambiente «{like}»"
            ),
            instead(like, declared.environments.iter().map(String::as_str)),
        );
    }
    let environments = project.environments.keys();
    for name in environments.filter(|name| name.is_of_preview()) {
        found.error(
            "name-of-a-preview",
            environment_spot(project, name, &[]).of_key(),
            message!(
                "{name} is a name that previews have",
                "{name} es un nombre de los ambientes de prueba de cambios"
            ),
            message!(
                "give this environment another name, which does not begin with `preview-`",
                "dé a este ambiente otro nombre, que no empiece con `preview-`"
            ),
        );
    }
}

/// The project with a preview among its environments, where it has previews.
pub(super) fn with_one(project: &Project) -> Cow<'_, Project> {
    match (&project.previews, SAMPLE.parse::<Name>()) {
        (Some(_), Ok(sample)) => Cow::Owned(project.clone().including(&sample)),
        _ => Cow::Borrowed(project),
    }
}
