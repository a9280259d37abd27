//! Services outside: where they are, who uses them, and with which files.

mod url;

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Given, Name, OutsideService, Project, message};
use serde_json::Value;

use super::{Declared, project_file};
use crate::finding::{Findings, Spot, instead};
use crate::load::Sources;

pub(super) fn check(
    project: &Project,
    declared: &Declared,
    sources: Sources,
    found: &mut Findings,
) {
    two_urls(project, declared, found);
    misnamed(project, declared, found);
    for (environment, of) in &project.environments {
        for (name, service) in &of.outside {
            let place = Place {
                project,
                declared,
                environment,
                name,
            };
            location(&place, service, found);
            only_of_http(&place, service, found);
            users(&place, service, found);
            login(&place, service, found);
            if sources == Sources::Beside {
                authority(&place, service, found);
            }
        }
    }
}

/// A service of an environment.
struct Place<'p> {
    project: &'p Project,
    declared: &'p Declared,
    environment: &'p Name,
    name: &'p Name,
}

impl Place<'_> {
    /// Where a key of it is: in the environment, or for the whole project.
    fn spot(&self, key: &str) -> Spot {
        let file = project_file(self.project);
        let name = self.name.as_str();
        let of_environment = [
            "environments",
            self.environment.as_str(),
            "outside",
            name,
            key,
        ];
        let of_project = ["outside", name, key];
        let is_here = |path: &[&str]| self.declared.has_outside(path);
        match is_here(&of_environment) || !is_here(&of_project[..2]) {
            true => Spot::value(&file, &of_environment),
            false => Spot::value(&file, &of_project),
        }
    }
}

fn two_urls(project: &Project, declared: &Declared, found: &mut Findings) {
    let file = project_file(project);
    for key in &declared.outside.keys {
        let mut path: Vec<&str> = key.iter().map(String::as_str).collect();
        if path.pop() != Some("url") {
            continue;
        }
        path.push("url-from");
        if !declared.has_outside(&path) {
            continue;
        }
        found.error(
            "two-urls",
            Spot::value(&file, &path),
            message!(
                "a service is at one URL: `url` or `url-from`",
                "un servicio está en una sola URL: `url` o `url-from`"
            ),
            message!("remove one of the two", "quite una de las dos"),
        );
    }
}

fn location(place: &Place<'_>, service: &OutsideService, found: &mut Findings) {
    let (name, environment) = (place.name, place.environment);
    let url = match &service.url {
        Given::Secret(_) => return,
        Given::Here(url) => url,
        Given::Nowhere => {
            return found.error(
                "no-url",
                place.spot("url"),
                message!(
                    "{name} has no `url` in {environment}",
                    "{name} no tiene `url` en {environment}"
                ),
                message!(
                    "add `url`, or `url-from` with the name of a secret",
                    "agregue `url`, o `url-from` con el nombre de un secreto"
                ),
            );
        }
    };
    url::check(url, environment.as_str(), &place.spot("url"), found);
}

/// Services whose name is none are told by the schema, and are nothing to the other
/// rules: their URLs are judged as they stand in the file.
fn misnamed(project: &Project, declared: &Declared, found: &mut Findings) {
    let file = project_file(project);
    let any = project.environments.keys().next();
    let any = any.map_or("ENVIRONMENT", Name::as_str);
    for (path, url) in &declared.outside.misnamed {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let environment = match path.as_slice() {
            ["environments", environment, ..] => environment,
            _ => any,
        };
        url::check(url, environment, &Spot::value(&file, &path), found);
    }
}

/// What is asked of a service that speaks HTTP, and of others is not.
fn only_of_http(place: &Place<'_>, service: &OutsideService, found: &mut Findings) {
    let Given::Here(url) = &service.url else {
        return;
    };
    let Some(scheme) = url::scheme(url).filter(|scheme| !scheme.starts_with("http")) else {
        return;
    };
    let keys = [
        ("expect", service.expect.is_some()),
        ("wsdl", service.wsdl.is_some()),
        ("user", service.user.is_some()),
        ("token-from", service.token_from.is_some()),
    ];
    for (key, _) in keys.into_iter().filter(|(_, is_there)| *is_there) {
        found.error(
            "only-http",
            place.spot(key),
            message!(
                "`{key}` is of services that speak HTTP, and {scheme}:// is none",
                "`{key}` es de los servicios que usan HTTP, y {scheme}:// no lo es"
            ),
            match (key, scheme.starts_with("postgres")) {
                ("user", true) => message!(
                    "remove it, and keep the URL with its user and password as a secret: `url-from`",
                    "quítela, y guarde la URL con su usuario y clave como un secreto: `url-from`"
                ),
                _ => message!(
                    "remove it, or correct `url`",
                    "quítela, o corrija `url`"
                ),
            },
        );
    }
}

fn users(place: &Place<'_>, service: &OutsideService, found: &mut Findings) {
    let Some(workloads) = &place.declared.workloads else {
        return;
    };
    for workload in &service.by {
        if workloads.contains(workload.as_str()) {
            continue;
        }
        found.error(
            "unknown-workload",
            place.spot("by").words(workload.as_str()),
            message!(
                "no Score file of this project has a workload \"{workload}\"",
                "ningún archivo Score de este proyecto tiene un componente «{workload}»"
            ),
            instead(workload.as_str(), workloads.iter().map(String::as_str)),
        );
    }
}

fn login(place: &Place<'_>, service: &OutsideService, found: &mut Findings) {
    let halves = [
        (
            &service.user,
            &service.password_from,
            "user",
            "password-from",
        ),
        (
            &service.password_from,
            &service.user,
            "password-from",
            "user",
        ),
    ];
    for (there, missing, key, other) in halves {
        if there.is_none() || missing.is_some() {
            continue;
        }
        found.error(
            "half-login",
            place.spot(key),
            message!(
                "`{key}` is of no use without `{other}`",
                "`{key}` no sirve sin `{other}`"
            ),
            message!("add `{other}`", "agregue `{other}`"),
        );
    }
    if service.token_from.is_some() && service.user.is_some() {
        found.error(
            "two-logins",
            place.spot("token-from"),
            message!(
                "a request has one login: a user or a token",
                "un pedido lleva un solo ingreso: un usuario o un token"
            ),
            message!(
                "remove `token-from`, or `user` and `password-from`",
                "quite `token-from`, o `user` y `password-from`"
            ),
        );
    }
}

fn authority(place: &Place<'_>, service: &OutsideService, found: &mut Findings) {
    let Some(ca) = &service.ca else { return };
    if place.project.directory.join(ca).is_file() {
        return;
    }
    found.error(
        "missing-source",
        place.spot("ca"),
        message!("there is no file {ca}", "no existe el archivo {ca}"),
        message!(
            "`ca` is relative to estiba.yaml",
            "`ca` es relativo a estiba.yaml"
        ),
    );
}

/// What the file has about services outside.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The paths of all keys.
    pub keys: BTreeSet<Vec<String>>,
    /// The paths of the URLs of services whose name is none, and those URLs.
    pub misnamed: BTreeMap<Vec<String>, String>,
}

pub(super) fn written(file: &Value) -> Written {
    let mut all = Written::default();
    let mut of = |base: &[&str], section: Option<&Value>| {
        let services = section.and_then(Value::as_object).into_iter().flatten();
        for (name, service) in services {
            let base = base.iter().copied().chain(["outside", name.as_str()]);
            let base: Vec<String> = base.map(str::to_owned).collect();
            for (key, value) in service.as_object().into_iter().flatten() {
                let path: Vec<String> = base.iter().cloned().chain([key.clone()]).collect();
                if let (Err(_), "url", Some(url)) =
                    (name.parse::<Name>(), key.as_str(), value.as_str())
                {
                    all.misnamed.insert(path.clone(), url.to_owned());
                }
                all.keys.insert(path);
            }
            all.keys.insert(base);
        }
    };
    of(&[], file.get("outside"));
    let environments = file.get("environments").and_then(Value::as_object);
    for (name, environment) in environments.into_iter().flatten() {
        of(&["environments", name], environment.get("outside"));
    }
    all
}
