//! PostgreSQL among the workloads: the environment provides it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use estiba_model::message;
use indexmap::IndexMap;
use regex::Regex;

use super::pattern::{self, WORD};
use crate::draft::{Container, Draft, Resource, Workload};
use crate::report::Report;
use crate::text::{Piece, Setting, Text};

/// Images that are PostgreSQL.
const IMAGES: [&str; 5] = [
    "postgres",
    "postgresql",
    "postgis",
    "pgvector",
    "timescaledb",
];

/// Where an image runs scripts when the database is new.
const SCRIPTS: &str = "/docker-entrypoint-initdb.d";

/// A database that was a container.
struct Database {
    name: String,
    hosts: BTreeSet<String>,
    /// The workload whose own pod it was in.
    only: Option<String>,
    users: Vec<Text>,
    passwords: Vec<Text>,
    databases: Vec<Text>,
}

/// Takes databases out of the workloads, and has those that used them refer to
/// a resource of type postgres.
pub(super) fn link(draft: &mut Draft, report: &mut Report) {
    let mut databases = take_out(draft, report);
    databases.sort_by(|a, b| a.name.cmp(&b.name));
    for database in &databases {
        let mut users = Vec::new();
        for (index, workload) in draft.workloads.iter_mut().enumerate() {
            let name = workload.name.as_str();
            if database.only.as_deref().is_none_or(|only| only == name)
                && use_it(workload, database)
            {
                users.push(index);
            }
        }
        let shared = (users.len() > 1).then(|| database.name.clone());
        for index in users {
            let mut resource = Resource::new("postgres");
            resource.id.clone_from(&shared);
            draft.workloads[index]
                .resources
                .insert(database.name.clone(), resource);
        }
    }
}

fn take_out(draft: &mut Draft, report: &mut Report) -> Vec<Database> {
    let mut databases = Vec::new();
    for workload in &mut draft.workloads {
        let is_database = |container: &Container| {
            let base = container.image.base();
            base.is_some_and(|base| IMAGES.contains(&base))
        };
        let alone = workload.containers.values().all(is_database);
        let names: Vec<_> = workload
            .containers
            .iter()
            .filter(|(_, container)| is_database(container))
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let Some(container) = workload.containers.shift_remove(&name) else {
                continue;
            };
            databases.push(database(workload, name.as_str(), &container, alone));
            tell(workload, &container, alone, report);
            if !alone {
                drop_port(workload);
            }
            for other in workload.containers.values_mut() {
                other.before.remove(&name);
            }
        }
    }
    draft
        .workloads
        .retain(|workload| !workload.containers.is_empty());
    databases
}

fn database(
    workload: &Workload,
    container_name: &str,
    container: &Container,
    alone: bool,
) -> Database {
    let texts = |name: &str| -> Vec<Text> {
        let setting = container.variables.get(name);
        setting
            .map(|s| s.texts().cloned().collect())
            .unwrap_or_default()
    };
    let or = |texts: Vec<Text>, otherwise: &[Text]| {
        if texts.is_empty() {
            otherwise.to_vec()
        } else {
            texts
        }
    };
    let users = or(texts("POSTGRES_USER"), &[Text::plain("postgres")]);
    let own = ["localhost", "127.0.0.1"].map(str::to_owned);
    Database {
        name: if alone {
            workload.name.to_string()
        } else {
            container_name.to_owned()
        },
        hosts: if alone {
            workload.hosts.clone()
        } else {
            own.into()
        },
        only: (!alone).then(|| workload.name.to_string()),
        passwords: texts("POSTGRES_PASSWORD"),
        databases: or(texts("POSTGRES_DB"), &users),
        users,
    }
}

/// The port of a database that was in the pod of a program.
fn drop_port(workload: &mut Workload) {
    workload.ports.retain(|_, port| port.target != 5432);
}

fn tell(workload: &Workload, container: &Container, alone: bool, report: &mut Report) {
    let name = &workload.name;
    let hint = message!(
        "the new database is empty: `pg_dump -Fc` the old one, then `estiba db restore FILE --env ENVIRONMENT`",
        "la base nueva está vacía: haga `pg_dump -Fc` de la vieja y después `estiba db restore ARCHIVO --env AMBIENTE`"
    );
    let place = container.place.clone();
    if alone {
        report.warn(
            "database",
            place,
            message!(
                "{name} is PostgreSQL: it became a resource that each environment provides",
                "{name} es PostgreSQL: pasó a ser un recurso que cada ambiente provee"
            ),
            hint,
        );
    } else {
        report.warn(
            "database-in-pod",
            place,
            message!(
                "PostgreSQL runs in the same pod as {name}, so every new version of {name} restarts it, and copies don't share it: it became a resource of its own",
                "PostgreSQL corre en el mismo pod que {name}, así que cada versión nueva de {name} lo reinicia, y las copias no lo comparten: pasó a ser un recurso propio"
            ),
            hint,
        );
    }
    let scripts = |target: &&String| target.starts_with(SCRIPTS);
    let targets = container.files.keys().chain(container.volumes.keys());
    if targets.into_iter().any(|target| scripts(&target)) {
        report.dropped(
            container.place.clone(),
            SCRIPTS,
            &message!(
                "the environment provides the database",
                "la base la provee el ambiente"
            ),
            message!(
                "run these scripts in a migration",
                "ejecute estos scripts en una migración"
            ),
        );
    }
}

static URL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"((?:jdbc:)?postgres(?:ql)?(?:\+[a-z0-9]+)?://)(?:({WORD}*)(?::([^\s/@]*))?@)?({WORD}+)(?::({WORD}+))?(/{WORD}*)?"
    ))
    .ok()
});

/// Replaces what refers to the database; whether anything did.
fn use_it(workload: &mut Workload, database: &Database) -> bool {
    let mut used = false;
    for setting in settings_mut(workload) {
        for text in setting.texts_mut() {
            let replaced = in_urls(text, database);
            used |= replaced != *text;
            *text = replaced;
        }
    }
    let by_parts = workload.containers.values().any(|container| {
        let mut texts = container.variables.values().flat_map(Setting::texts);
        texts.any(|text| is_host(text, database))
    });
    if by_parts {
        for container in workload.containers.values_mut() {
            in_parts(&mut container.variables, database);
        }
    }
    used || by_parts
}

/// All values of a workload.
pub(super) fn settings_mut(workload: &mut Workload) -> impl Iterator<Item = &mut Setting> {
    workload.containers.values_mut().flat_map(|container| {
        let files = container.files.values_mut();
        let files = files.filter_map(|file| match &mut file.content {
            crate::draft::Content::Text { value, .. } => Some(value),
            _ => None,
        });
        container.variables.values_mut().chain(files)
    })
}

fn output(database: &Database, key: &'static str) -> Piece {
    Piece::Output {
        resource: database.name.clone(),
        key,
    }
}

fn in_urls(text: &Text, database: &Database) -> Text {
    let Some(url) = URL.as_ref() else {
        return text.clone();
    };
    pattern::replace(text, url, &mut |found, _| {
        let host = found.get(4)?.as_str();
        if !database.hosts.contains(host) {
            return None;
        }
        let colon = || Piece::Plain(":".to_owned());
        let mut new = Text::plain(found.get(1)?.as_str());
        if found.get(2).is_some() {
            new.push(output(database, "username"));
            new.push(colon());
            new.push(output(database, "password"));
            new.push(Piece::Plain("@".to_owned()));
        }
        new.push(output(database, "host"));
        new.push(colon());
        new.push(output(database, "port"));
        if found.get(6).is_some() {
            new.push(Piece::Plain("/".to_owned()));
            new.push(output(database, "name"));
        }
        Some(new)
    })
}

fn is_host(text: &Text, database: &Database) -> bool {
    let plain = text.as_plain();
    let host = plain.map(|plain| plain.strip_suffix(":5432").unwrap_or(plain));
    host.is_some_and(|host| database.hosts.contains(host))
}

/// Variables that have the parts of an address each for itself.
fn in_parts(variables: &mut IndexMap<String, Setting>, database: &Database) {
    for (name, setting) in variables {
        let name = name.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let (host, port) = (has(&["host", "server", "addr", "url"]), has(&["port"]));
        let (user, password) = (has(&["user"]), has(&["pass", "pwd"]));
        let database_name = has(&["name", "database", "db"]);
        for text in setting.texts_mut() {
            let replaced = if host && is_host(text, database) {
                let mut address = Text(vec![output(database, "host")]);
                if text.as_plain().is_some_and(|plain| plain.contains(':')) {
                    address.push(Piece::Plain(":".to_owned()));
                    address.push(output(database, "port"));
                }
                address
            } else if port && text.as_plain() == Some("5432") {
                Text(vec![output(database, "port")])
            } else if password && database.passwords.contains(text) {
                Text(vec![output(database, "password")])
            } else if user && database.users.contains(text) {
                Text(vec![output(database, "username")])
            } else if database_name && database.databases.contains(text) {
                Text(vec![output(database, "name")])
            } else {
                continue;
            };
            *text = replaced;
        }
    }
}
