//! What is left of values: the same everywhere, a value of the environment, or
//! a secret.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use estiba_model::{Name, Place, SecretString, message};
use estiba_project::{is_telegram_token, looks_secret};
use indexmap::IndexMap;
use regex::Regex;

use super::databases::settings_mut;
use super::pattern;
use crate::FoundSecret;
use crate::compose::value_name;
use crate::draft::{Content, Draft, Workload};
use crate::report::Report;
use crate::text::{Piece, Setting, Text};

/// The resource through which workloads read values of the environment.
pub(crate) const ENVIRONMENT_RESOURCE: &str = "env";

/// A value of the environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// In the order of the environments.
    pub by_environment: IndexMap<String, String>,
    pub secret: bool,
    pub place: Place,
}

/// The values of the environments.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(super) values: BTreeMap<String, Value>,
}

impl Values {
    /// The values in clear of an environment.
    pub fn config(&self, environment: &str) -> BTreeMap<&str, &str> {
        let values = self.values.iter().filter(|(_, value)| !value.secret);
        values
            .filter_map(|(name, value)| {
                let own = value.by_environment.get(environment)?;
                Some((name.as_str(), own.as_str()))
            })
            .collect()
    }

    /// The secrets of all environments. A Telegram token is given to the first
    /// environment alone: bots of two would fight over its messages.
    pub fn secrets(&self) -> Vec<FoundSecret> {
        let mut secrets = Vec::new();
        for (name, value) in self.values.iter().filter(|(_, value)| value.secret) {
            let mut given = BTreeSet::new();
            for (environment, text) in &value.by_environment {
                if is_telegram_token(name) && !given.insert(text) {
                    continue;
                }
                if let Ok(environment) = environment.parse::<Name>()
                    && !text.is_empty()
                {
                    secrets.push(FoundSecret {
                        environment,
                        name: name.clone(),
                        value: SecretString::new(text),
                    });
                }
            }
        }
        secrets
    }
}

/// Names that tell of secrets, besides those that `estiba check` knows.
static SECRET_NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(secret|passw|passphrase|credential|private)|(^|_)(pass|pwd|token|jwt)($|_)|(api|access|auth|encryption|signing)_?key|(^|_)key$|(^|_)clave($|_)|contrase",
    )
    .ok()
});

pub(super) fn names_a_secret(name: &str) -> bool {
    let public = name.to_lowercase().contains("public");
    let named = SECRET_NAME.as_ref();
    !public && named.is_some_and(|pattern| pattern.is_match(name))
}

/// Gives every value its last form, and the environments theirs.
pub(super) fn settle(draft: &mut Draft, report: &mut Report) -> Values {
    let environments = draft.environments();
    let named = std::mem::take(&mut draft.named);
    let mut settling = Settling {
        environments,
        named,
        values: Values::default(),
        read: BTreeMap::new(),
        report,
    };
    for workload in &mut draft.workloads {
        settling.workload(workload);
    }
    settling.named_values();
    settling.in_commands(&mut draft.workloads);
    settling.tell_secrets();
    settling.values
}

pub(super) struct Settling<'a> {
    pub environments: Vec<String>,
    pub named: BTreeMap<String, Setting>,
    pub values: Values,
    /// Names that texts refer to, and whether a secret is read by them.
    read: BTreeMap<String, (bool, Place)>,
    pub report: &'a mut Report,
}

impl Settling<'_> {
    fn workload(&mut self, workload: &mut Workload) {
        let owner = workload.name.to_string();
        let names: Vec<String> = workload
            .containers
            .values()
            .flat_map(|container| {
                let files = container.files.values().filter_map(|f| match &f.content {
                    Content::Text { name, .. } => Some(name.clone()),
                    _ => None,
                });
                let variables = container.variables.keys().cloned();
                variables.chain(files).collect::<Vec<_>>()
            })
            .collect();
        for (setting, name) in settings_mut(workload).zip(names) {
            self.setting(&owner, &name, setting);
        }
        if let Some(mut host) = workload.host.take() {
            self.setting(&owner, &value_name(&format!("{owner}_HOST")), &mut host);
            workload.host = Some(host);
        }
    }

    fn setting(&mut self, owner: &str, name: &str, setting: &mut Setting) {
        let secret = setting.secret || setting.texts().any(|text| is_secret(name, text));
        self.passwords_in_urls(name, setting);
        let literal = |text: &Text| text.as_plain().is_some();
        if let Some(text) = setting.shared(&self.environments).cloned()
            && !(secret && literal(&text) && text.as_plain() != Some(""))
        {
            self.reads(&text, secret || names_a_secret(name), &setting.place);
            setting.common = Some(text);
            setting.own.clear();
            return;
        }
        let mut by_environment = IndexMap::new();
        for environment in &self.environments {
            let Some(text) = setting.of(environment) else {
                continue;
            };
            match self.fixed(text, environment) {
                Some(text) => {
                    by_environment.insert(environment.clone(), text);
                }
                None => self.report.warn(
                    "not-carried-over",
                    setting.place.clone(),
                    message!(
                        "{name} of {owner} refers to something else in {environment}, which a value of an environment can't do",
                        "{name} de {owner} se refiere a otra cosa en {environment}, y un valor de un ambiente no puede hacerlo"
                    ),
                    message!(
                        "set it for {environment} by hand",
                        "defínalo a mano para {environment}"
                    ),
                ),
            }
        }
        let value = Value {
            by_environment,
            secret,
            place: setting.place.clone(),
        };
        let given = self.give(owner, &value_name(name), value);
        setting.common = Some(Text::named(given));
        setting.own.clear();
    }

    /// A password within a text that has references: only the password is a
    /// secret.
    fn passwords_in_urls(&mut self, name: &str, setting: &mut Setting) {
        static PASSWORD: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"(://[^\s/:@]*:)([^\s/@\x{E000}]+)@").ok());
        let Some(pattern) = PASSWORD.as_ref() else {
            return;
        };
        let place = setting.place.clone();
        let password = format!("{}_PASSWORD", value_name(name));
        let environments = self.environments.clone();
        let mut found: IndexMap<String, String> = IndexMap::new();
        let mut take = |environments: &[String], text: &mut Text| {
            if text.as_plain().is_some() {
                return;
            }
            *text = pattern::replace(text, pattern, &mut |captures, flat| {
                let value = captures.get(2)?.as_str();
                for environment in environments {
                    found.insert(environment.clone(), value.to_owned());
                }
                let mut new = flat.part(captures.get(1)?.as_str());
                new.push(Piece::Named(password.clone()));
                new.push(Piece::Plain("@".to_owned()));
                Some(new)
            });
        };
        if let Some(text) = &mut setting.common {
            take(&environments, text);
        }
        for (environment, text) in &mut setting.own {
            take(std::slice::from_ref(environment), text);
        }
        if !found.is_empty() {
            let value = Value {
                by_environment: found,
                secret: true,
                place,
            };
            self.values.values.insert(password, value);
        }
    }

    /// A text without references, as far as they have a value in `environment`.
    pub(super) fn fixed(&self, text: &Text, environment: &str) -> Option<String> {
        let mut fixed = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Plain(text) => fixed.push_str(text),
                Piece::Named(name) => {
                    let value = self.named.get(name)?.of(environment)?;
                    fixed.push_str(value.as_plain()?);
                }
                Piece::Output { .. } => return None,
            }
        }
        Some(fixed)
    }

    /// Gives a value a name: its own, or one with its workload where another
    /// has taken it for something else.
    pub(super) fn give(&mut self, owner: &str, name: &str, value: Value) -> String {
        let owned = value_name(&format!("{owner}_{name}"));
        let numbered = (2u32..).map(|number| format!("{owned}_{number}"));
        let mut candidates = [name.to_owned(), owned.clone()].into_iter().chain(numbered);
        loop {
            let candidate = candidates.next().unwrap_or_default();
            let taken_by_name = self.named.contains_key(&candidate);
            match self.values.values.get(&candidate) {
                None if !taken_by_name => {
                    self.values.values.insert(candidate.clone(), value);
                    return candidate;
                }
                Some(known) if known.by_environment == value.by_environment => return candidate,
                _ => {}
            }
        }
    }

    fn reads(&mut self, text: &Text, secret: bool, place: &Place) {
        for piece in &text.0 {
            if let Piece::Named(name) = piece {
                let read = self
                    .read
                    .entry(name.clone())
                    .or_insert_with(|| (false, place.clone()));
                read.0 |= secret;
            }
        }
    }

    /// The values that texts refer to by name.
    fn named_values(&mut self) {
        for (name, (read_as_secret, reader)) in std::mem::take(&mut self.read) {
            if self.values.values.contains_key(&name) {
                continue;
            }
            let setting = self.named.get(&name).cloned();
            let setting = setting.unwrap_or_else(|| Setting::new(reader));
            let mut by_environment = IndexMap::new();
            for environment in &self.environments.clone() {
                let text = setting.of(environment);
                match text.and_then(|text| self.fixed(text, environment)) {
                    Some(text) => {
                        by_environment.insert(environment.clone(), text);
                    }
                    None => self.no_value(&name, environment, read_as_secret, &setting.place),
                }
            }
            let shaped = by_environment
                .values()
                .any(|text| looks_secret(&name, text));
            let value = Value {
                by_environment,
                secret: read_as_secret || shaped || names_a_secret(&name),
                place: setting.place,
            };
            self.values.values.insert(name, value);
        }
    }

    fn no_value(&mut self, name: &str, environment: &str, secret: bool, place: &Place) {
        let set = if secret || names_a_secret(name) {
            format!("estiba secret set {name} --env {environment}")
        } else {
            format!("estiba config set {name}=VALUE --env {environment}")
        };
        self.report.warn(
            "missing-value",
            place.clone(),
            message!(
                "{name} has no value in {environment}",
                "{name} no tiene valor en {environment}"
            ),
            message!("`{set}`", "`{set}`"),
        );
    }
}

/// A value that has references is a secret only by what is plain in it.
fn is_secret(name: &str, text: &Text) -> bool {
    match text.as_plain() {
        Some("") => false,
        Some(plain) => looks_secret(name, plain) || names_a_secret(name),
        None => looks_secret("", &text.plain_parts()),
    }
}
