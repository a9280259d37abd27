//! Variables, for the sidecar that has no file.

use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, SecretString, message};
use serde::de::DeserializeOwned;

use super::file::{Written, WrittenFiles, WrittenListen, WrittenMultiline};
use super::values::{Size, Texts, Time};

/// The variables that [`Config::read`](crate::Config::read) asks for, and what
/// each is for.
pub const VARIABLES: [(&str, &str); 23] = [
    (
        "ESTIBA_SHIP_PATHS",
        "globs of files, with commas between them",
    ),
    ("ESTIBA_SHIP_FORMAT", "auto, raw, cri, docker or container"),
    ("ESTIBA_SHIP_PARSE", "auto, json, logfmt, text or none"),
    ("ESTIBA_SHIP_MULTILINE", "auto, none or a language"),
    (
        "ESTIBA_SHIP_FIELDS",
        "members of every document: team=moria,project=tp2",
    ),
    (
        "ESTIBA_SHIP_PATH_FIELD",
        "the member that says which file a line is from: file",
    ),
    ("ESTIBA_SHIP_STDIN", "true, to read standard input"),
    (
        "ESTIBA_SHIP_STATE",
        "the folder for positions and the disk buffer",
    ),
    ("ESTIBA_SHIP_BUFFER", "the disk buffer's bound: 64Mi"),
    (
        "ESTIBA_SHIP_LISTEN",
        "an address for posted lines: 127.0.0.1:9880",
    ),
    (
        "ESTIBA_SHIP_TOKEN",
        "what posted lines have to bring; or _FILE, a file with it",
    ),
    ("ESTIBA_SHIP_TOKEN_FILE", "a file with ESTIBA_SHIP_TOKEN"),
    (
        "ESTIBA_SHIP_METRICS",
        "an address for /metrics and /healthz",
    ),
    ("ESTIBA_SHIP_DRAIN", "how long the end may take: 20s"),
    (
        "ESTIBA_SHIP_QUIET",
        "told to end, it waits until files are silent for so long: 1s",
    ),
    ("LOG_SINK", "an Elasticsearch-compatible address, or stdout"),
    ("LOG_SINK_INDEX", "the index or data stream"),
    ("LOG_SINK_USER", "the user of LOG_SINK_PASSWORD"),
    ("LOG_SINK_TOKEN", "an API key or a token; or _FILE"),
    ("LOG_SINK_TOKEN_FILE", "a file with LOG_SINK_TOKEN"),
    ("LOG_SINK_PASSWORD", "the user's password; or _FILE"),
    ("LOG_SINK_PASSWORD_FILE", "a file with LOG_SINK_PASSWORD"),
    (
        "LOG_SINK_CA_FILE",
        "a file with the authority's certificate in PEM, where it's no public one",
    ),
];

/// What the environment says.
pub(super) struct Variables<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    pub(super) findings: Vec<Diagnostic>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(variable: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            variable,
            findings: Vec::new(),
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    /// Puts what is set in place of what is written.
    pub(super) fn put_over(&mut self, written: &mut Written) {
        if let Some(paths) = self.get("ESTIBA_SHIP_PATHS") {
            let paths = paths
                .split([',', '\n'])
                .map(str::trim)
                .filter(|path| !path.is_empty());
            written.files.push(WrittenFiles {
                paths: Texts(paths.map(str::to_owned).collect()),
                format: self.word("ESTIBA_SHIP_FORMAT"),
                ..WrittenFiles::default()
            });
        }
        if let Some(parse) = self.word("ESTIBA_SHIP_PARSE") {
            written.parse = parse;
        }
        if let Some(name) = self.get("ESTIBA_SHIP_MULTILINE") {
            written.multiline = Some(WrittenMultiline::Named(name));
        }
        for pair in self
            .get("ESTIBA_SHIP_FIELDS")
            .iter()
            .flat_map(|pairs| pairs.split(','))
        {
            match pair.trim().split_once('=') {
                Some((name, value)) if !name.is_empty() => {
                    written.fields.insert(name.to_owned(), value.to_owned());
                }
                _ => self.wrong("ESTIBA_SHIP_FIELDS", pair, "team=moria,project=tp2"),
            }
        }
        match self.get("ESTIBA_SHIP_STDIN").as_deref() {
            None => {}
            Some("true" | "1") => written.stdin = true,
            Some("false" | "0") => written.stdin = false,
            Some(other) => self.wrong("ESTIBA_SHIP_STDIN", other, "true"),
        }
        if let Some(state) = self.get("ESTIBA_SHIP_STATE") {
            written.state = Some(PathBuf::from(state));
        }
        if let Some(size) = self.get("ESTIBA_SHIP_BUFFER") {
            written.buffer = Size::parse(&size);
            if written.buffer.is_none() {
                self.wrong("ESTIBA_SHIP_BUFFER", &size, "64Mi");
            }
        }
        for (name, example, written) in [
            ("ESTIBA_SHIP_DRAIN", "20s", &mut written.drain),
            ("ESTIBA_SHIP_QUIET", "1s", &mut written.quiet),
        ] {
            if let Some(time) = self.get(name) {
                *written = Time::parse(&time);
                if written.is_none() {
                    self.wrong(name, &time, example);
                }
            }
        }
        written.path_field = self
            .get("ESTIBA_SHIP_PATH_FIELD")
            .or_else(|| written.path_field.take());
        if let Some(address) = self.get("ESTIBA_SHIP_LISTEN") {
            let token_file = written.listen.take().and_then(|listen| listen.token_file);
            written.listen = Some(WrittenListen {
                address,
                token_file,
            });
        }
        written.metrics = self
            .get("ESTIBA_SHIP_METRICS")
            .or_else(|| written.metrics.take());
        let sink = &mut written.sink;
        sink.to = self.get("LOG_SINK").or_else(|| sink.to.take());
        sink.index = self.get("LOG_SINK_INDEX").or_else(|| sink.index.take());
        let authorities = self.get("LOG_SINK_CA_FILE").map(PathBuf::from);
        sink.ca_file = authorities.or_else(|| sink.ca_file.take());
        sink.user = self.get("LOG_SINK_USER").or_else(|| sink.user.take());
    }

    /// A secret: of the variable, of the file that the variable with `_FILE` names,
    /// or of the file that is written in the configuration.
    pub(super) fn secret(&mut self, name: &str, written: Option<&Path>) -> Option<SecretString> {
        if let Some(value) = self.get(name) {
            return Some(SecretString::new(value));
        }
        let file = self.get(&format!("{name}_FILE")).map(PathBuf::from);
        let file = file.or_else(|| written.map(Path::to_owned))?;
        match std::fs::read_to_string(&file) {
            Ok(text) => Some(SecretString::new(text.trim())),
            Err(error) => {
                let file = file.display();
                self.findings.push(Diagnostic::error(
                    "ship-config",
                    message!(
                        "cannot read the secret in {file}: {error}",
                        "no se puede leer el secreto en {file}: {error}"
                    ),
                ));
                None
            }
        }
    }

    fn word<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.get(name)?;
        let read = serde_json::from_value(value.as_str().into());
        read.map_err(|_| self.wrong(name, &value, "auto")).ok()
    }

    fn wrong(&mut self, name: &str, value: &str, example: &str) {
        self.findings.push(
            Diagnostic::error(
                "ship-config",
                message!(
                    "{name} can't be \"{value}\"",
                    "{name} no puede ser «{value}»"
                ),
            )
            .hint(message!(
                "write for example {name}={example}",
                "escriba por ejemplo {name}={example}"
            )),
        );
    }
}
