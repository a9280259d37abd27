//! The rules that look across the teams of a course.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use estiba_model::{Diagnostic, Name, message};
use estiba_project::{FILE_NAME, taken};
use estiba_score::yaml::{Document, join};
use indexmap::IndexMap;

use crate::Team;
use crate::file::{CourseFile, TeamFile};
use crate::load::{ENVIRONMENT, Reading, TEAM};

/// Texts that have to differ from team to team, and from environment to environment.
pub(crate) fn patterns(reading: &Reading<'_>, file: &CourseFile, found: &mut Vec<Diagnostic>) {
    let mut need = |key: &str, text: &str, parts: &[&str]| {
        let lacking: Vec<&str> = parts
            .iter()
            .copied()
            .filter(|part| !text.contains(part))
            .collect();
        if lacking.is_empty() {
            return;
        }
        let lacking = lacking.join(", ");
        found.push(reading.error(
            "same-file",
            &join("", key),
            message!(
                "\"{text}\" is one file for what belongs to several",
                "«{text}» es un solo archivo para lo que es de varios"
            ),
            message!("put {lacking} into it", "agregue {lacking}"),
        ));
    };
    need("keys", &file.keys, &[TEAM]);
    if let Some(secrets) = &file.secrets {
        need("secrets", secrets, &[TEAM, ENVIRONMENT]);
    }
    match (&file.project, file.workloads.is_empty()) {
        (Some(_), false) => found.push(reading.error(
            "two-projects",
            "/workloads",
            message!(
                "the workloads are those of `project`, and are sketched here too",
                "los componentes son los de `project`, y aquí también se esbozan"
            ),
            message!("remove one of the two", "quite uno de los dos"),
        )),
        (None, true) if file.teams.values().any(|team| team.project.is_none()) => {
            found.push(reading.error(
                "no-project",
                "",
                message!(
                    "the course has no project for its teams",
                    "el curso no tiene un proyecto para sus equipos"
                ),
                message!(
                    "add `project: FOLDER`, that of an estiba.yaml; or, to reckon before there is one, `workloads`",
                    "agregue `project: CARPETA`, la de un estiba.yaml; o, para calcular antes de que haya uno, `workloads`"
                ),
            ));
        }
        _ => {}
    }
}

/// Environments that a team is to be without, and that there are not.
pub(crate) fn without(
    reading: &Reading<'_>,
    name: &Name,
    team: &TeamFile,
    folder: &Path,
    found: &mut Vec<Diagnostic>,
) {
    let file = folder.join(FILE_NAME);
    let own = std::fs::read_to_string(&file).unwrap_or_default();
    let own = Document::recover(&file, &own).document;
    let documents = [own.as_ref(), Some(reading.document)];
    let there_is = |environment: &Name| {
        let environments = documents.iter().flatten();
        let mut environments = environments.filter_map(|d| d.value.get("environments"));
        environments.any(|all| all.get(environment.as_str()).is_some())
    };
    for (index, environment) in team.without.iter().enumerate() {
        if there_is(environment) {
            continue;
        }
        let place = join(&join("/teams", name.as_str()), "without");
        found.push(reading.error(
            "unknown-environment",
            &join(&place, &index.to_string()),
            message!(
                "there is no environment \"{environment}\"",
                "no hay ningún ambiente «{environment}»"
            ),
            message!(
                "remove it, or correct its name",
                "quítelo, o corrija su nombre"
            ),
        ));
    }
}

/// Two teams never resolve to the same namespace, app or address.
pub(crate) fn apart(
    reading: &Reading<'_>,
    teams: &IndexMap<Name, Team>,
    found: &mut Vec<Diagnostic>,
) {
    let mut owners: BTreeMap<(String, String), (&Name, Name)> = BTreeMap::new();
    // A pattern that is wrong is wrong once, for however many teams.
    let mut told = BTreeSet::new();
    for (name, team) in teams {
        for one in team.project.iter().flat_map(taken) {
            let (owner, of) = owners
                .entry(one.name.clone())
                .or_insert_with(|| (name, one.environment.clone()));
            if *owner == name || !told.insert((one.file.clone(), one.pointer.clone())) {
                continue;
            }
            let (environment, thing) = (&one.environment, &one.name.1);
            let finding = Diagnostic::error(
                "same-place",
                message!(
                    "{of} of {owner} and {environment} of {name} are both {thing}",
                    "{of} de {owner} y {environment} de {name} son ambos {thing}"
                ),
            )
            .hint(message!(
                "put {{team}} and {{environment}} into it; where they are there, give a team another name",
                "agregue {{team}} y {{environment}}; si ya están, dé otro nombre a un equipo"
            ));
            found.push(reading.told(finding, &one.file, &one.pointer));
        }
    }
}

/// Nodes of targets that there are not.
pub(crate) fn nodes(
    reading: &Reading<'_>,
    file: &CourseFile,
    teams: &IndexMap<Name, Team>,
    known: &BTreeSet<Name>,
    found: &mut Vec<Diagnostic>,
) {
    let has_unread = teams.values().any(|team| team.project.is_none()) && file.workloads.is_empty();
    for target in file.size.nodes.keys() {
        if has_unread || known.contains(target) {
            continue;
        }
        let finding = unknown_target(target, known);
        let pointer = join("/size/nodes", target.as_str());
        found.push(reading.told(finding, reading.document.file(), &pointer));
    }
}

/// A target that there is not.
pub(crate) fn unknown_target(target: &Name, known: &BTreeSet<Name>) -> Diagnostic {
    let names: Vec<&str> = known.iter().map(Name::as_str).collect();
    let names = names.join(", ");
    Diagnostic::error(
        "unknown-target",
        message!(
            "there is no target \"{target}\"",
            "no hay ninguna plataforma «{target}»"
        ),
    )
    .hint(message!("it can be: {names}", "puede ser: {names}"))
}
