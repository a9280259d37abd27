//! Secrets in commands and probes, which take no placeholders: they go to the
//! store, the container gets them as variables, and a shell puts them back where
//! there is a program for it to run.

use estiba_model::{Place, message};
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::sight::{Seen, secrets};
use super::values::{Settling, Value, names_a_secret};
use crate::compose::value_name;
use crate::draft::{Container, Workload};
use crate::text::{Setting, Text};

/// A shorter text is a secret by its place alone.
const SHORTEST: usize = 6;

impl Settling<'_> {
    pub fn in_commands(&mut self, workloads: &mut [Workload]) {
        let known = self.known();
        for workload in workloads {
            let owner = workload.name.to_string();
            for container in workload.containers.values_mut() {
                self.in_command(&owner, container, &known);
                for probe in ["liveness", "readiness"] {
                    self.in_probe(&owner, container, probe, &known);
                }
            }
        }
    }

    /// Values that are secrets, by their names.
    fn known(&self) -> Vec<(String, String)> {
        let kept = self.values.values.iter().filter(|(_, value)| value.secret);
        let kept = kept.flat_map(|(name, value)| {
            let texts = value.by_environment.values();
            texts.map(move |text| (name.clone(), text.clone()))
        });
        let named = self.named.iter().filter(|(name, _)| names_a_secret(name));
        let named = named.flat_map(|(name, setting)| {
            let texts = setting.texts().filter_map(Text::as_plain);
            texts.map(move |text| (name.clone(), text.to_owned()))
        });
        let all = kept.chain(named);
        all.filter(|(_, text)| text.len() >= SHORTEST).collect()
    }

    fn in_command(&mut self, owner: &str, container: &mut Container, known: &[(String, String)]) {
        let words: Vec<String> = [container.command.as_slice(), &container.args].concat();
        let seen = secrets(&words, known);
        if seen.is_empty() {
            return;
        }
        let names = self.moved(owner, container, &words, &seen);
        let list = names.join(", ");
        let place = container.place.clone();
        // Without a program, only what is a shell's own line is known to be run by one.
        let program = !container.command.is_empty();
        let line = (program || is_line(&words)).then(|| in_shell(&words, &seen, &names));
        if let Some(shell) = line.flatten() {
            if program {
                container.command = shell;
                container.args.clear();
            } else {
                container.args = shell;
            }
            self.through_shell(&place, "command", &list);
            return;
        }
        let words = left_out(&words, &seen, &names);
        let count = container.command.len();
        container.args = words[count..].to_vec();
        container.command = words[..count].to_vec();
        self.report.error(
            "secret-in-command",
            place,
            message!(
                "the command has {list} in clear, which was left out: an argument can't refer to a secret",
                "el comando tiene {list} a la vista, que se omitió: un argumento no puede referirse a un secreto"
            ),
            message!(
                "it is a variable of the container now: have the program read it, and correct `args` in the Score file",
                "ahora es una variable del contenedor: haga que el programa la lea, y corrija `args` en el archivo Score"
            ),
        );
    }

    fn in_probe(
        &mut self,
        owner: &str,
        container: &mut Container,
        which: &str,
        known: &[(String, String)],
    ) {
        let probe = match which {
            "liveness" => container.liveness.take(),
            _ => container.readiness.take(),
        };
        let Some(mut probe) = probe else { return };
        let words = probe.pointer("/exec/command").and_then(Json::as_array);
        let words: Vec<String> = words
            .into_iter()
            .flatten()
            .filter_map(|word| Some(word.as_str()?.to_owned()))
            .collect();
        let seen = secrets(&words, known);
        if !seen.is_empty() {
            let names = self.moved(owner, container, &words, &seen);
            let shell = in_shell(&words, &seen, &names);
            let shell = shell.unwrap_or_else(|| left_out(&words, &seen, &names));
            probe["exec"]["command"] = shell.into();
            let place = container.place.clone();
            self.through_shell(&place, which, &names.join(", "));
        }
        if let Some(http) = probe.get_mut("httpGet") {
            self.in_request(owner, container, http, known);
        }
        match which {
            "liveness" => container.liveness = Some(probe),
            _ => container.readiness = Some(probe),
        }
    }

    /// A request can't refer to a secret.
    fn in_request(
        &mut self,
        owner: &str,
        container: &mut Container,
        http: &mut Json,
        known: &[(String, String)],
    ) {
        let mut left = Vec::new();
        let path = http["path"].as_str().unwrap_or_default();
        let path = [path.to_owned()];
        let seen = secrets(&path, known);
        if !seen.is_empty() {
            let names = self.moved(owner, container, &path, &seen);
            http["path"] = left_out(&path, &seen, &names).concat().into();
            left.extend(names);
        }
        if let Some(headers) = http.get_mut("httpHeaders").and_then(Json::as_array_mut) {
            headers.retain(|header| {
                let text = |key: &str| header[key].as_str().unwrap_or_default();
                let line = [format!("{}: {}", text("name"), text("value"))];
                let named = names_a_secret(&text("name").replace('-', "_"));
                if secrets(&line, known).is_empty() && !named {
                    return true;
                }
                left.push(text("name").to_owned());
                false
            });
        }
        if let Some(http) = http.as_object_mut()
            && http.get("httpHeaders") == Some(&Json::Array(Vec::new()))
        {
            http.remove("httpHeaders");
        }
        if left.is_empty() {
            return;
        }
        let list = left.join(", ");
        self.report.error(
            "secret-in-probe",
            container.place.clone(),
            message!(
                "a probe has {list} in clear, which was left out: a request can't refer to a secret",
                "una sonda tiene {list} a la vista, que se omitió: un pedido no puede referirse a un secreto"
            ),
            message!(
                "let the path answer without it, or ask with `exec` and a variable",
                "haga que la ruta responda sin eso, o pregunte con `exec` y una variable"
            ),
        );
    }

    /// Puts secrets into the store and gives them to the container as variables.
    /// Tells their names, in the same order.
    fn moved(
        &mut self,
        owner: &str,
        container: &mut Container,
        words: &[String],
        seen: &[Seen],
    ) -> Vec<String> {
        let place = &container.place.clone();
        let mut names = Vec::new();
        for one in seen {
            let text = &words[one.word][one.at.clone()];
            let name = self.kept(owner, &one.name, text, place);
            let variable = Setting::same(Text::named(&name), place.clone());
            container.variables.entry(name.clone()).or_insert(variable);
            names.push(name);
        }
        names
    }

    /// The name of a secret in the store.
    fn kept(&mut self, owner: &str, name: &str, text: &str, place: &Place) -> String {
        let is_it =
            |value: &Value| value.secret && value.by_environment.values().any(|v| v == text);
        let mut stored = self.values.values.iter();
        if let Some((known, _)) = stored.find(|(_, value)| is_it(value)) {
            return known.clone();
        }
        let has_it = |setting: &&Setting| setting.texts().any(|own| own.as_plain() == Some(text));
        let named = self.named.get(name).filter(has_it).cloned();
        let mut by_environment = IndexMap::new();
        for environment in &self.environments {
            let own = named.as_ref().and_then(|setting| setting.of(environment));
            let own = own.and_then(|own| self.fixed(own, environment));
            let own = own.unwrap_or_else(|| text.to_owned());
            by_environment.insert(environment.clone(), own);
        }
        let value = Value {
            by_environment,
            secret: true,
            place: place.clone(),
        };
        if named.is_some() {
            self.values.values.insert(name.to_owned(), value);
            return name.to_owned();
        }
        self.give(owner, &value_name(&name.replace('-', "_")), value)
    }

    fn through_shell(&mut self, place: &Place, what: &str, list: &str) {
        self.report.warn(
            "secret-in-command",
            place.clone(),
            message!(
                "`{what}` had {list} in clear: now a shell takes it from a variable",
                "`{what}` tenía {list} a la vista: ahora un shell lo toma de una variable"
            ),
            message!(
                "look at it in the Score file; an image without /bin/sh needs another way",
                "mírelo en el archivo Score; una imagen sin /bin/sh necesita otra forma"
            ),
        );
    }
}

/// The words as a line of a shell that takes secrets from variables; `None` where a
/// secret stands where a shell puts nothing in.
fn in_shell(words: &[String], seen: &[Seen], names: &[String]) -> Option<Vec<String>> {
    if is_line(words) {
        let in_line = |one: &Seen| {
            let before = &words[one.word][..one.at.start];
            one.word == 2 && before.matches('\'').count().is_multiple_of(2)
        };
        let all = seen.iter().all(in_line);
        return all.then(|| replaced(words, seen, names, |name| format!("${name}")));
    }
    let mut line = String::from("exec");
    for (number, word) in words.iter().enumerate() {
        line.push(' ');
        let mut rest = 0;
        let own = seen.iter().zip(names).filter(|(one, _)| one.word == number);
        for (one, name) in own {
            line.push_str(&quoted(&word[rest..one.at.start])?);
            line.push_str(&format!("\"${name}\""));
            rest = one.at.end;
        }
        if rest == 0 || rest < word.len() {
            line.push_str(&quoted(&word[rest..])?);
        }
    }
    Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), line])
}

/// Whether words are a shell and its line.
fn is_line(words: &[String]) -> bool {
    let [shell, flag, _, ..] = words else {
        return false;
    };
    let shell = shell.rsplit('/').next().unwrap_or_default();
    matches!(shell, "sh" | "bash" | "ash" | "dash") && flag.starts_with('-') && flag.ends_with('c')
}

/// A part of a word for a shell; nothing where it is empty within a word.
fn quoted(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some(String::new());
    }
    Some(shlex::try_quote(part).ok()?.into_owned())
}

/// The words with names in place of secrets.
fn left_out(words: &[String], seen: &[Seen], names: &[String]) -> Vec<String> {
    replaced(words, seen, names, |name| format!("({name})"))
}

fn replaced(
    words: &[String],
    seen: &[Seen],
    names: &[String],
    by: fn(&str) -> String,
) -> Vec<String> {
    let mut words = words.to_vec();
    // From the end, so that what comes before stays where it is.
    for (one, name) in seen.iter().zip(names).rev() {
        words[one.word].replace_range(one.at.clone(), &by(name));
    }
    words
}
