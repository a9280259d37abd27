//! Where the mail of each environment goes.

use std::collections::BTreeSet;

use estiba_model::{
    Environment, MAIL_SINK, MailServer, Name, Project, ProjectWorkload, SMTP, message,
    names_mail_server,
};
use estiba_target::Capability;
use serde_json::Value;

use super::environment_spot;
use super::kind_of;
use crate::finding::{Findings, Spot};

pub(super) fn check(project: &Project, found: &mut Findings) {
    for (name, environment) in &project.environments {
        url(project, name, environment, found);
        let users: Vec<_> = users(project, environment).collect();
        if users.is_empty() || names_mail_server(environment.resources.get(SMTP)) {
            continue;
        }
        no_room_for_a_sink(project, &users, found);
        several_targets(name, &users, found);
        goes_nowhere(project, name, environment, found);
    }
    taken_name(project, found);
}

/// The workloads of an environment that send mail, with their targets.
fn users<'p>(
    project: &'p Project,
    environment: &'p Environment,
) -> impl Iterator<Item = (&'p ProjectWorkload, &'p Name)> {
    let placed = environment.placement.iter();
    placed.filter_map(|(workload, target)| {
        let user = project.workloads.get(workload)?;
        resource_of(user)?;
        Some((user, target))
    })
}

fn resource_of(user: &ProjectWorkload) -> Option<&Name> {
    let mut resources = user.workload.resources.iter();
    let found = resources.find(|(_, resource)| resource.kind == SMTP);
    found.map(|(name, _)| name)
}

fn url(project: &Project, name: &Name, environment: &Environment, found: &mut Findings) {
    let settings = environment.resources.get(SMTP);
    let url = settings.and_then(|settings| settings.get("url"));
    let Some(Err(why)) = url.and_then(Value::as_str).map(MailServer::parse) else {
        return;
    };
    found.error(
        "bad-setting",
        environment_spot(project, name, &["resources", SMTP, "url"]),
        why,
        message!(
            "for example: smtp://mail.example.edu:587; with a password, keep the URL by `estiba secret set SMTP_URL --env {name}` and write `url-from: SMTP_URL`",
            "por ejemplo: smtp://mail.example.edu:587; si tiene contraseña, guarde la URL con `estiba secret set SMTP_URL --env {name}` y escriba `url-from: SMTP_URL`"
        ),
    );
}

fn no_room_for_a_sink(
    project: &Project,
    users: &[(&ProjectWorkload, &Name)],
    found: &mut Findings,
) {
    for (user, target) in users {
        let Some(kind) = kind_of(project, target) else {
            continue;
        };
        if kind.capabilities.contains(&Capability::PrivateNetwork) {
            continue;
        }
        let kind = kind.name;
        found.error(
            "unsupported-resource",
            spot(user),
            message!(
                "a target of kind {kind} has no network of its own in which a sink could take the mail",
                "una plataforma de tipo {kind} no tiene una red propia en la que un sumidero pueda recibir el correo"
            ),
            message!(
                "name a mail server in the environment: resources: {{ smtp: {{ url-from: SMTP_URL }} }}, with smtp://USER:PASSWORD@HOST as that secret",
                "indique un servidor de correo en el ambiente: resources: {{ smtp: {{ url-from: SMTP_URL }} }}, con smtp://USUARIO:CONTRASEÑA@HOST como ese secreto"
            ),
        );
    }
}

fn several_targets(name: &Name, users: &[(&ProjectWorkload, &Name)], found: &mut Findings) {
    let targets: BTreeSet<&Name> = users.iter().map(|(_, target)| *target).collect();
    if targets.len() < 2 {
        return;
    }
    let Some((user, _)) = users.iter().find(|(_, target)| *target != users[0].1) else {
        return;
    };
    found.error(
        "several-mail-targets",
        spot(user),
        message!(
            "workloads that send mail are on several targets in {name}, and the sink that takes it is on one",
            "los componentes que envían correo están en varias plataformas en {name}, y el sumidero que lo recibe está en una"
        ),
        message!(
            "place them on one target, or name a mail server that all of them reach: resources: {{ smtp: {{ url-from: SMTP_URL }} }}",
            "ubíquelos en una plataforma, o indique un servidor de correo al que todos lleguen: resources: {{ smtp: {{ url-from: SMTP_URL }} }}"
        ),
    );
}

/// An environment that people use: nothing comes after it, or a person has to agree.
fn goes_nowhere(project: &Project, name: &Name, environment: &Environment, found: &mut Findings) {
    let mut others = project.environments.values();
    let is_last =
        environment.after.is_some() && !others.any(|one| one.after.as_ref() == Some(name));
    if !is_last && !environment.approve {
        return;
    }
    found.warning(
        "mail-goes-nowhere",
        environment_spot(project, name, &[]).of_key(),
        message!(
            "{name} names no mail server, so what workloads send there reaches nobody",
            "{name} no indica un servidor de correo, así que lo que los componentes envíen allí no llega a nadie"
        ),
        message!(
            "add resources: {{ smtp: {{ url-from: SMTP_URL }} }}, and keep smtp://USER:PASSWORD@HOST by `estiba secret set SMTP_URL --env {name}`",
            "agregue resources: {{ smtp: {{ url-from: SMTP_URL }} }}, y guarde smtp://USUARIO:CONTRASEÑA@HOST con `estiba secret set SMTP_URL --env {name}`"
        ),
    );
}

fn taken_name(project: &Project, found: &mut Findings) {
    let Some(own) = project.workloads.get(MAIL_SINK) else {
        return;
    };
    found.error(
        "reserved-name",
        Spot::value(&own.file, &["metadata", "name"]),
        message!(
            "{MAIL_SINK} is the name of what takes mail in environments for tests",
            "{MAIL_SINK} es el nombre de lo que recibe el correo en los ambientes de prueba"
        ),
        message!(
            "give this workload another name",
            "dé otro nombre a este componente"
        ),
    );
}

fn spot(user: &ProjectWorkload) -> Spot {
    let name = resource_of(user).map_or("", Name::as_str);
    Spot::value(&user.file, &["resources", name, "type"])
}
