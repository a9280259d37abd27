//! Texts with their placeholders looked up, as far as that can be done before
//! anything runs.

use std::collections::BTreeSet;

use estiba_model::{Message, Name, Resource, ResourceId, SMTP, Workload, message};
use estiba_score::placeholder::{Reference, Root, Template, value_to_text};
use serde_json::Value;

use crate::Export;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// As it is.
    Text(String),
    /// A value in clear, by its name.
    Config(String),
    /// A secret, by its name.
    Secret(String),
}

/// How a format gives workloads what they refer to.
pub(crate) trait Addresses {
    /// The host and port at which a port of another workload is reached.
    fn port(&self, workload: &Name, provider: &Workload, port: &str) -> (String, u16);

    /// The host of a database.
    fn database_host(&self, id: &ResourceId) -> String;

    /// The name of a database and of its owner.
    fn database_name(&self, id: &ResourceId) -> String;

    /// What a volume is called.
    fn volume(&self, id: &ResourceId) -> String;
}

/// The secret with the password of a database.
pub(crate) fn password_name(id: &ResourceId) -> String {
    format!("{}_PASSWORD", constant(own_name(id)))
}

/// What a person has to say about a database in a server of theirs.
const EXTERNAL_KEYS: [&str; 5] = ["HOST", "PORT", "NAME", "USERNAME", "PASSWORD"];

/// The value that says something about a database in a server that is there
/// already.
fn external_name(id: &ResourceId, key: &str) -> String {
    format!("{}_{key}", constant(own_name(id)))
}

fn external_key(output: &str) -> Option<&'static str> {
    let output = match output {
        "database" => "NAME".to_owned(),
        other => other.to_ascii_uppercase(),
    };
    EXTERNAL_KEYS.into_iter().find(|key| *key == output)
}

/// What to write where a database is in a server that is there already.
pub(crate) fn external_note(export: &Export, id: &ResourceId) -> Message {
    let own = own_name(id);
    let names = EXTERNAL_KEYS.map(|key| external_name(id, key)).join(", ");
    let made: String = export
        .environment
        .to_string()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    message!(
        "the database {own} is in a server of yours: {names} say where it is and who comes in. The one that Estiba made there is named like {made}…",
        "la base de datos {own} está en un servidor suyo: {names} dicen dónde está y quién entra. La que Estiba hizo allí se llama como {made}…"
    )
}

/// What a person has to say about the mail server.
const MAIL_KEYS: [&str; 6] = ["HOST", "PORT", "USERNAME", "PASSWORD", "FROM", "ENCRYPTION"];

/// What to write about the mail servers that workloads use: there is no sink without
/// Estiba.
pub(crate) fn mail_notes(export: &Export) -> Vec<Message> {
    let all = export.workloads.iter().flat_map(|(name, released)| {
        let resources = released.workload.resources.iter();
        let mail = resources.filter(|(_, resource)| resource.kind == SMTP);
        mail.map(move |(own, resource)| resource.identity(name, own))
    });
    let all: BTreeSet<ResourceId> = all.collect();
    let note = |id: &ResourceId| {
        let own = own_name(id);
        let names = MAIL_KEYS.map(|key| external_name(id, key)).join(", ");
        message!(
            "mail of {own} is delivered: {names} say by which server. Without Estiba there is no sink that takes it, so name one of your own where nobody is to get it",
            "el correo de {own} se entrega: {names} dicen por qué servidor. Sin Estiba no hay un sumidero que lo reciba, así que indique uno propio donde nadie deba recibirlo"
        )
    };
    all.iter().map(note).collect()
}

/// What tells a resource from others of its type: `api.db`.
pub(crate) fn own_name(id: &ResourceId) -> &str {
    id.0.split_once('#').map_or(id.0.as_str(), |(_, own)| own)
}

/// `api.db` as `API_DB`.
pub(crate) fn constant(text: &str) -> String {
    let word = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    };
    text.chars().map(word).collect()
}

/// `api.db` as `api-db`.
pub(crate) fn slug(text: &str) -> String {
    let word = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => '-',
    };
    text.chars().map(word).collect()
}

/// Looks placeholders up for one workload.
pub(crate) struct Lookup<'a> {
    pub export: &'a Export,
    pub addresses: &'a dyn Addresses,
    pub workload: &'a Workload,
}

impl Lookup<'_> {
    /// The parts of a text.
    ///
    /// # Errors
    /// When a placeholder refers to what an export can't know.
    pub fn parts(&self, text: &str) -> Result<Vec<Part>, Message> {
        let template = Template::parse(text).map_err(|error| error.message())?;
        // Each reference stands between marks that no text has.
        let mut found: Vec<Part> = Vec::new();
        for reference in template.references() {
            found.push(self.reference(reference)?);
        }
        let mut numbers = 0..found.len();
        let numbers = std::cell::RefCell::new(&mut numbers);
        let marked = template.expand::<Message>(&|_| {
            let number = numbers.borrow_mut().next().unwrap_or_default();
            Ok(format!("\u{E000}{number}\u{E001}"))
        })?;
        let mut parts = Vec::new();
        let mut rest = marked.as_str();
        while let Some((plain, after)) = rest.split_once('\u{E000}') {
            push(&mut parts, Part::Text(plain.to_owned()));
            let (number, after) = after.split_once('\u{E001}').unwrap_or((after, ""));
            if let Some(part) = number.parse().ok().and_then(|n: usize| found.get(n)) {
                push(&mut parts, part.clone());
            }
            rest = after;
        }
        push(&mut parts, Part::Text(rest.to_owned()));
        Ok(parts)
    }

    fn reference(&self, reference: &Reference) -> Result<Part, Message> {
        match reference.root {
            Root::Metadata => {
                let mut keys = reference.path.iter();
                let first = keys.next().and_then(|key| self.workload.metadata.get(key));
                let value = keys.try_fold(first, |value, key| value.map(|v| v.get(key)));
                let value = value.flatten().map(value_to_text);
                value.map(Part::Text).ok_or_else(|| self.unknown(reference))
            }
            Root::Resources => self.output(reference),
        }
    }

    fn output(&self, reference: &Reference) -> Result<Part, Message> {
        let unknown = || self.unknown(reference);
        let (name, keys) = reference.path.split_first().ok_or_else(unknown)?;
        let resource = self.workload.resources.get_key_value(name.as_str());
        let (name, resource) = resource.ok_or_else(unknown)?;
        let id = resource.identity(&self.workload.name, name);
        let key = keys.first().map(String::as_str);
        Ok(match (resource.kind.as_str(), key) {
            ("environment", Some(key)) => self.value(key),
            ("postgres", Some(key)) if self.export.database.external => {
                let key = external_key(key).ok_or_else(unknown)?;
                Part::Secret(external_name(&id, key))
            }
            ("postgres", Some("host")) => Part::Text(self.addresses.database_host(&id)),
            ("postgres", Some("port")) => Part::Text("5432".to_owned()),
            ("postgres", Some("name" | "database" | "username")) => {
                Part::Text(self.addresses.database_name(&id))
            }
            ("postgres", Some("password")) => Part::Secret(password_name(&id)),
            // Whoever delivers does not tell what.
            ("smtp", Some("api")) => Part::Text(String::new()),
            ("smtp", Some(key)) => {
                let key = key.to_ascii_uppercase();
                let known = MAIL_KEYS.contains(&key.as_str());
                Part::Secret(external_name(
                    &id,
                    known.then_some(&*key).ok_or_else(unknown)?,
                ))
            }
            ("volume", None | Some("source")) => Part::Text(self.addresses.volume(&id)),
            ("dns", Some("host")) => Part::Text("localhost".to_owned()),
            ("service-port", Some(key)) => {
                let (host, port) = self.service_port(resource).ok_or_else(unknown)?;
                match key {
                    "hostname" => Part::Text(host),
                    "port" => Part::Text(port.to_string()),
                    _ => return Err(unknown()),
                }
            }
            (_, None) => Part::Text(id.to_string()),
            _ => return Err(unknown()),
        })
    }

    fn value(&self, key: &str) -> Part {
        let in_clear = self.export.config.contains_key(key) && !self.export.secrets.contains(key);
        if in_clear {
            Part::Config(key.to_owned())
        } else {
            Part::Secret(key.to_owned())
        }
    }

    fn service_port(&self, resource: &Resource) -> Option<(String, u16)> {
        let provider = resource.params.get("workload")?.as_str()?;
        let (name, provider) = self.export.workloads.get_key_value(provider)?;
        let provider = &provider.workload;
        let port = port_name(provider, resource.params.get("port"))?;
        Some(self.addresses.port(name, provider, &port))
    }

    fn unknown(&self, reference: &Reference) -> Message {
        let name = &self.workload.name;
        message!(
            "{name} refers to ${{{reference}}}, which an export can't know",
            "{name} se refiere a ${{{reference}}}, que una exportación no puede conocer"
        )
    }
}

fn push(parts: &mut Vec<Part>, part: Part) {
    match part {
        Part::Text(text) if text.is_empty() => {}
        part => parts.push(part),
    }
}

/// The port of a workload that `wanted` names, by name or number; its only one
/// where nothing is wanted.
pub(crate) fn port_name(workload: &Workload, wanted: Option<&Value>) -> Option<String> {
    let Some(wanted) = wanted else {
        return workload.ports.keys().next().cloned();
    };
    let text = value_to_text(wanted);
    if workload.ports.contains_key(&text) {
        return Some(text);
    }
    let number: u16 = text.parse().ok()?;
    let by = |equal: &dyn Fn(&estiba_model::ServicePort) -> bool| {
        let mut ports = workload.ports.iter().filter(|(_, port)| equal(port));
        ports.next().map(|(name, _)| name.clone())
    };
    by(&|port| port.port == number).or_else(|| by(&|port| port.target_port == number))
}

/// The names of secrets among some parts.
pub(crate) fn secrets_in<'p>(parts: impl IntoIterator<Item = &'p Part>) -> BTreeSet<String> {
    let secrets = parts.into_iter().filter_map(|part| match part {
        Part::Secret(name) => Some(name.clone()),
        _ => None,
    });
    secrets.collect()
}
