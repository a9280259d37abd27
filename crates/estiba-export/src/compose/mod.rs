//! A Compose file (<https://github.com/compose-spec/compose-spec/blob/main/spec.md>)
//! that both `docker compose` and docker-compose 1.29 take.

mod files;
mod health;
mod readme;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Message, Name, ResourceId, Workload, message};
use estiba_score::yaml::emit;
use serde_json::{Map, Value, json};

use crate::parts::{Addresses, external_note, mail_notes, own_name, password_name, slug};
use crate::source::{comment, fill_script, indented, to_fill_in};
use crate::{Export, Exported, ExportedFile, explain};

/// The first port of this machine that a workload is published at.
const FIRST_PUBLISHED: u16 = 8080;

/// How a volume for files of logs is mounted.
const LOG_OPTIONS: &str = "mode=1777,size=256m";

/// How services find one another: by their names, at the ports that programs
/// listen on.
struct Network<'a> {
    export: &'a Export,
}

impl Addresses for Network<'_> {
    fn port(&self, workload: &Name, provider: &Workload, port: &str) -> (String, u16) {
        (workload.to_string(), provider.ports[port].target_port)
    }

    fn database_host(&self, id: &ResourceId) -> String {
        slug(own_name(id))
    }

    fn database_name(&self, _: &ResourceId) -> String {
        self.export.environment.project.as_str().replace('-', "_")
    }

    fn volume(&self, id: &ResourceId) -> String {
        slug(own_name(id))
    }
}

/// What is gathered while services are written.
#[derive(Default)]
struct Parts {
    services: Vec<(String, Value, Message)>,
    volumes: BTreeSet<String>,
    /// Those that services share for files of logs.
    log_volumes: BTreeSet<String>,
    secrets: BTreeSet<String>,
    files: Vec<ExportedFile>,
    /// Files whose secrets are filled in before anything is started.
    templates: Vec<String>,
    notes: Vec<Message>,
}

/// The Compose file of an environment, with what it refers to.
///
/// # Errors
/// Everything that a Compose file can't be given.
pub fn compose(export: &Export) -> Result<Exported, Vec<Message>> {
    let network = Network { export };
    let mut parts = Parts::default();
    let mut problems = Vec::new();
    for (id, users) in databases(export) {
        if export.database.external {
            parts.notes.push(external_note(export, &id));
        } else {
            database(&network, &id, &users, &mut parts);
        }
    }
    parts.notes.extend(mail_notes(export));
    let mut published = FIRST_PUBLISHED;
    for (name, released) in &export.workloads {
        let writer = service::Writer {
            export,
            network: &network,
            name,
            workload: &released.workload,
        };
        if let Err(problem) = writer.write(&mut published, &mut parts) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut files = vec![ExportedFile::new(
        "docker-compose.yml",
        text(export, &parts),
    )];
    if !parts.secrets.is_empty() {
        let head = message!(
            "Copy this file to .env, which nobody else may read (chmod 600 .env), and write\neach value after its `=`. Letters and digits are safe everywhere.",
            "Copie este archivo como .env, que nadie más pueda leer (chmod 600 .env), y escriba\ncada valor después de su `=`. Las letras y los dígitos sirven en todos lados."
        );
        let example = to_fill_in(&parts.secrets, &head, export.lang);
        files.push(ExportedFile::new(".env.example", example));
    }
    if !parts.templates.is_empty() {
        files.push(fill_script(&parts.templates));
    }
    files.push(readme::readme(export, &parts));
    files.push(ExportedFile::new(".gitignore", ".env\nfilled/\nimages/\n"));
    files.append(&mut parts.files);
    Ok(Exported {
        files,
        images: export.images(),
        notes: parts.notes,
    })
}

/// The databases of the environment, each with the workloads that use it.
fn databases(export: &Export) -> BTreeMap<ResourceId, BTreeSet<Name>> {
    let mut databases: BTreeMap<ResourceId, BTreeSet<Name>> = BTreeMap::new();
    for (name, released) in &export.workloads {
        for (resource_name, resource) in &released.workload.resources {
            if resource.kind == "postgres" {
                let id = resource.identity(name, resource_name);
                databases.entry(id).or_default().insert(name.clone());
            }
        }
    }
    databases
}

fn database(network: &Network<'_>, id: &ResourceId, users: &BTreeSet<Name>, parts: &mut Parts) {
    let (service, name) = (network.database_host(id), network.database_name(id));
    let image = network.export.database.image();
    let password = password_name(id);
    let volume = format!("{service}-data");
    let value = json!({
        "image": service::literal(image),
        "restart": "unless-stopped",
        "environment": {
            "POSTGRES_USER": name,
            "POSTGRES_DB": name,
            "POSTGRES_PASSWORD": format!("${{{password}:?}}"),
        },
        "volumes": [format!("{volume}:/var/lib/postgresql/data")],
        "healthcheck": {
            "test": ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", name, "-d", name],
            "interval": "2s",
            "timeout": "5s",
            "retries": 30,
        },
    });
    parts.volumes.insert(volume);
    parts.secrets.insert(password);
    let users: Vec<&str> = users.iter().map(Name::as_str).collect();
    let users = users.join(", ");
    let about = message!("The database of {users}.", "La base de datos de {users}.");
    parts.services.push((service, value, about));
}

fn text(export: &Export, parts: &Parts) -> String {
    let environment = &export.environment;
    let version = &export.version;
    let head = message!(
        "{environment}, version {version}. It runs without Estiba: see README.md.",
        "{environment}, versión {version}. Corre sin Estiba: vea README.md."
    );
    let mut text = comment(&head, export.lang);
    text.push_str("services:\n");
    for (name, value, about) in &parts.services {
        if let Some(lang) = export.explain {
            text.push_str(&indented(&comment(about, lang), 2));
        }
        let mut named = Map::new();
        named.insert(name.clone(), value.clone());
        text.push_str(&indented(&emit(&Value::Object(named)), 2));
    }
    if let Some(lang) = export.explain {
        text = explain::beside_keys(&text, Some(4), explain::of_service, lang);
    }
    // A volume on a disk would be root's, and images have users of their own.
    let shared = json!({ "driver_opts": { "type": "tmpfs", "device": "tmpfs", "o": LOG_OPTIONS } });
    let log_volumes = parts.log_volumes.iter().map(|name| (name, shared.clone()));
    let volumes = parts.volumes.iter().map(|name| (name, json!({})));
    let volumes: Map<String, Value> = volumes
        .chain(log_volumes)
        .map(|(name, value)| (name.clone(), value))
        .collect();
    if !volumes.is_empty() {
        text.push_str(&emit(&json!({ "volumes": volumes })));
    }
    text
}
