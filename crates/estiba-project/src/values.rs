//! Values that workloads read from their environment: config and secrets.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Diagnostic, Name, Project, message};

use crate::check::project_file;
use crate::finding::{Findings, Spot, nearest};
use crate::references::{self, ResourceReference};

/// Who reads a value: a workload, or an environment that has a resource
/// provided with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueUser {
    /// By a placeholder.
    Workload(Name),
    /// By a `-from` setting for this type of resource.
    Resource(String),
}

struct Use {
    user: ValueUser,
    spot: Spot,
}

/// The values that must be in `config` or among the secrets of `environment`
/// for a deployment, by name, with who reads them.
#[must_use]
pub fn required_values(
    project: &Project,
    environment: &Name,
) -> BTreeMap<String, BTreeSet<ValueUser>> {
    let uses = uses(project, &references::all(project), environment);
    let users = |uses: Vec<Use>| uses.into_iter().map(|found| found.user).collect();
    uses.into_iter()
        .map(|(key, uses)| (key, users(uses)))
        .collect()
}

/// An error for each required value that is neither in `config` of
/// `environment` nor among `secrets`.
#[must_use]
pub fn missing_values(
    project: &Project,
    environment: &Name,
    secrets: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let mut found = Findings::default();
    missing(
        project,
        &references::all(project),
        environment,
        secrets,
        &mut found,
    );
    found.into_diagnostics(&project_file(project), None)
}

fn uses(
    project: &Project,
    references: &[ResourceReference<'_>],
    environment: &Name,
) -> BTreeMap<String, Vec<Use>> {
    let mut uses: BTreeMap<String, Vec<Use>> = BTreeMap::new();
    for reference in references {
        if let Some(key) = reference.value_key() {
            uses.entry(key.to_owned()).or_default().push(Use {
                user: ValueUser::Workload(reference.user.workload.name.clone()),
                spot: reference.spot.clone(),
            });
        }
    }
    let settings = project
        .environments
        .get(environment)
        .into_iter()
        .flat_map(|e| &e.resources);
    let file = project_file(project);
    for (kind, settings) in settings {
        for (key, value) in settings.iter().filter(|(key, _)| key.ends_with("-from")) {
            let Some(secret) = value.as_str() else {
                continue;
            };
            let path = ["environments", environment.as_str(), "resources", kind, key];
            uses.entry(secret.to_owned()).or_default().push(Use {
                user: ValueUser::Resource(kind.clone()),
                spot: Spot::value(&file, &path),
            });
        }
    }
    uses
}

pub(crate) fn missing(
    project: &Project,
    references: &[ResourceReference<'_>],
    environment: &Name,
    secrets: &BTreeSet<String>,
    found: &mut Findings,
) {
    let Some(config) = project.environments.get(environment).map(|e| &e.config) else {
        return;
    };
    for (key, uses) in uses(project, references, environment) {
        if config.contains_key(&key) || secrets.contains(&key) {
            continue;
        }
        let Some(first) = uses.into_iter().next() else {
            continue;
        };
        let message = match first.user {
            ValueUser::Workload(reader) => message!(
                "{reader} reads {key}, which has no value in {environment}",
                "{reader} lee {key}, que no tiene valor en {environment}"
            ),
            ValueUser::Resource(kind) => message!(
                "{kind} is provided with the secret {key}, which has no value in {environment}",
                "{kind} se provee con el secreto {key}, que no tiene valor en {environment}"
            ),
        };
        found.error(
            "missing-value",
            first.spot,
            message,
            message!(
                "`estiba secret set {key} --env {environment}`, or add {key} to `config` of {environment} in estiba.yaml if it is no secret",
                "`estiba secret set {key} --env {environment}`, o agregue {key} a `config` de {environment} en estiba.yaml si no es un secreto"
            ),
        );
    }
}

/// A value that nothing reads is most often a misspelt one.
pub(crate) fn unused(
    project: &Project,
    references: &[ResourceReference<'_>],
    found: &mut Findings,
) {
    let read: BTreeSet<&str> = references
        .iter()
        .filter_map(ResourceReference::value_key)
        .collect();
    let file = project_file(project);
    for (name, environment) in &project.environments {
        for key in environment
            .config
            .keys()
            .filter(|key| !read.contains(key.as_str()))
        {
            let unset = read
                .iter()
                .copied()
                .filter(|read| !environment.config.contains_key(*read));
            let hint = match nearest(key, unset) {
                Some(meant) => message!("did you mean \"{meant}\"?", "¿quiso decir «{meant}»?"),
                None => message!(
                    "remove it, or read it as `${{resources.NAME.{key}}}`, NAME being a resource of `type: environment`",
                    "quítelo, o léalo como `${{resources.NOMBRE.{key}}}`, donde NOMBRE es un recurso `type: environment`"
                ),
            };
            found.warning(
                "unused-value",
                Spot::value(&file, &["environments", name.as_str(), "config", key]).of_key(),
                message!("no workload reads {key}", "ningún componente lee {key}"),
                hint,
            );
        }
    }
}
