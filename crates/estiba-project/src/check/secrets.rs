//! Secrets written where everybody reads them, and tokens that two
//! environments fight over.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::LazyLock;

use estiba_model::{
    Diagnostic, Digest, FileData, Message, Name, Project, ProjectWorkload, message,
};
use regex::Regex;

use super::{environment_spot, project_file};
use crate::finding::{Findings, Spot};

/// Settings that name a `Secret` of a cluster, and hold none.
const NAMES: &[&str] = &["secret", "pull-secret"];

pub(super) fn check(project: &Project, found: &mut Findings) {
    for (name, environment) in &project.environments {
        for (key, value) in &environment.config {
            in_clear(
                key,
                value,
                environment_spot(project, name, &["config", key]),
                found,
            );
        }
        for (kind, settings) in &environment.resources {
            let in_file = |key: &str| !key.ends_with("-from") && !NAMES.contains(&key);
            for (key, value) in settings.iter().filter(|(key, _)| in_file(key)) {
                let spot = environment_spot(project, name, &["resources", kind, key]);
                in_clear(key, value.as_str().unwrap_or_default(), spot, found);
            }
        }
    }
    let file = project_file(project);
    for (name, target) in &project.targets {
        let settings = target.settings.iter();
        for (key, value) in settings.filter(|(key, _)| !NAMES.contains(&key.as_str())) {
            let spot = Spot::value(&file, &["targets", name.as_str(), key]);
            in_clear(key, value.as_str().unwrap_or_default(), spot, found);
        }
    }
    for user in project.workloads.values() {
        in_workload(user, found);
    }
    shared_in_config(project, found);
}

fn in_workload(user: &ProjectWorkload, found: &mut Findings) {
    for (name, container) in &user.workload.containers {
        let spot = |path: [&str; 2]| {
            let [section, key] = path;
            Spot::value(&user.file, &["containers", name.as_str(), section, key])
        };
        for (key, value) in &container.variables {
            in_clear(key, value, spot(["variables", key]), found);
        }
        for (target, file) in &container.files {
            if let FileData::Content(content) = &file.data {
                in_clear("", content, spot(["files", target]), found);
            }
        }
    }
}

/// A shape that only secrets have, and what to call it.
struct Shape {
    pattern: Regex,
    what: Message,
}

/// Where each shape comes from: the Bot API's example tokens
/// (<https://core.telegram.org/bots/api#authorizing-your-bot>), RFC 7468, and
/// the token formats of GitHub, GitLab and AWS.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let shapes = [
        (
            r"\b\d{6,}:[A-Za-z0-9_-]{30,}",
            message!("a Telegram token", "un token de Telegram"),
        ),
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
            message!("a private key", "una clave privada"),
        ),
        (
            r"\bgh[pousr]_[A-Za-z0-9]{36}",
            message!("a GitHub token", "un token de GitHub"),
        ),
        (
            r"\bglpat-[A-Za-z0-9_-]{20}",
            message!("a GitLab token", "un token de GitLab"),
        ),
        (
            r"\b[sr]k_(live|test)_[A-Za-z0-9]{16,}",
            message!("a Stripe key", "una clave de Stripe"),
        ),
        (
            r"\bA[KS]IA[0-9A-Z]{16}\b",
            message!("an AWS access key", "una clave de acceso de AWS"),
        ),
    ];
    let shapes = shapes.into_iter();
    shapes
        .filter_map(|(pattern, what)| {
            Some(Shape {
                pattern: Regex::new(pattern).ok()?,
                what,
            })
        })
        .collect()
});

/// A password within a URL that is not a placeholder.
static URL_PASSWORD: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"[a-z][a-z0-9+.-]*://[^/\s:@$]*:[^/\s@$]+@").ok());

static SECRET_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(^|[_-])(password|passwd|secret|token|api_?key|private_key)$").ok()
});

static TELEGRAM_NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(telegram|bot).*token|token.*(telegram|bot)").ok());

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(text))
}

/// The value itself never gets into the finding.
fn in_clear(key: &str, value: &str, spot: Spot, found: &mut Findings) {
    let name = if key.is_empty() { "NAME" } else { key };
    let hint = message!(
        "keep it with `estiba secret set {name} --env ENVIRONMENT` and refer to it through a resource of `type: environment`; who has seen this file knows it, so revoke it",
        "guárdelo con `estiba secret set {name} --env AMBIENTE` y úselo por medio de un recurso `type: environment`; quien vio este archivo lo conoce, así que revóquelo"
    );
    if let Some(shape) = SHAPES.iter().find(|shape| shape.pattern.is_match(value)) {
        let Message { en, es } = &shape.what;
        let message = Message {
            en: format!("{en} is written here in clear"),
            es: format!("aquí está escrito a la vista {es}"),
        };
        found.error("secret-in-clear", spot, message, hint);
        return;
    }
    let literal = !value.is_empty() && !value.contains("${");
    if matches(&URL_PASSWORD, value) {
        found.warning(
            "secret-in-clear",
            spot,
            message!(
                "a URL with a password is written here in clear",
                "aquí está escrita a la vista una URL con contraseña"
            ),
            hint,
        );
    } else if literal && matches(&SECRET_NAME, key) {
        found.warning(
            "secret-in-clear",
            spot,
            message!(
                "{key} has its value here in clear",
                "{key} tiene aquí su valor a la vista"
            ),
            hint,
        );
    }
}

/// Whether a value is likely a secret, by its shape or by its name.
#[must_use]
pub fn looks_secret(key: &str, value: &str) -> bool {
    let shaped = SHAPES.iter().any(|shape| shape.pattern.is_match(value));
    let literal = !value.is_empty() && !value.contains("${");
    shaped || matches(&URL_PASSWORD, value) || (literal && matches(&SECRET_NAME, key))
}

/// Whether a value of this name is a bot's token.
#[must_use]
pub fn is_telegram_token(key: &str) -> bool {
    matches(&TELEGRAM_NAME, key)
}

fn shared_in_config(project: &Project, found: &mut Findings) {
    let mut owners: BTreeMap<&str, &Name> = BTreeMap::new();
    for (name, environment) in &project.environments {
        let tokens = environment
            .config
            .iter()
            .filter(|(key, value)| !value.is_empty() && is_telegram_token(key));
        for (key, value) in tokens {
            let owner = *owners.entry(value).or_insert(name);
            if owner != name {
                let (message, hint) = shared(owner, name, key);
                found.error(
                    "shared-telegram-token",
                    environment_spot(project, name, &["config", key]),
                    message,
                    hint,
                );
            }
        }
    }
}

fn shared(owner: &Name, other: &Name, key: &str) -> (Message, Message) {
    (
        message!(
            "{owner} and {other} have the same Telegram token in {key}: their bots would take each other's messages (error 409)",
            "{owner} y {other} tienen el mismo token de Telegram en {key}: sus bots se quitarían los mensajes (error 409)"
        ),
        message!(
            "ask @BotFather for a second bot and give its token to {other}: `estiba secret set {key} --env {other}`",
            "pida a @BotFather otro bot y dé su token a {other}: `estiba secret set {key} --env {other}`"
        ),
    )
}

/// An error for each Telegram token that two environments have. `values` has
/// the digests of each environment's secrets by name; those that are no
/// Telegram tokens by their name are passed over.
#[must_use]
pub fn same_telegram_token(values: &BTreeMap<Name, BTreeMap<String, Digest>>) -> Vec<Diagnostic> {
    let mut owners: BTreeMap<&Digest, &Name> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for (name, secrets) in values {
        for (key, digest) in secrets.iter().filter(|(key, _)| is_telegram_token(key)) {
            match owners.entry(digest) {
                Entry::Vacant(free) => {
                    free.insert(name);
                }
                Entry::Occupied(owner) if *owner.get() == name => {}
                Entry::Occupied(owner) => {
                    let (message, hint) = shared(owner.get(), name, key);
                    diagnostics
                        .push(Diagnostic::error("shared-telegram-token", message).hint(hint));
                }
            }
        }
    }
    diagnostics
}
