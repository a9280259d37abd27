//! From what is written to a configuration; all mistakes of meaning at once.

use std::path::Path;
use std::time::Duration;

use estiba_model::{Diagnostic, Message, SecretString, message};
use estiba_score::yaml::{Document, join};
use percent_encoding::percent_decode_str;
use regex::bytes::Regex;

use super::environment::Variables;
use super::file::{
    Written, WrittenFiles, WrittenListen, WrittenMultiline, WrittenSample, WrittenSink,
};
use super::{BulkConfig, Config, Files, Joined, Listen, Reading, SinkConfig, SinkLogin};
use crate::framing::Limits;
use crate::multiline::Language;
use crate::sink::Authorities;

/// A data stream that Elasticsearch has a template for.
const INDEX: &str = "logs-estiba-default";

pub(super) struct Reader<'a> {
    pub(super) document: Option<Document>,
    pub(super) findings: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn wrong(&mut self, pointer: &str, message: Message, hint: Message) {
        let finding = Diagnostic::error("ship-config", message).hint(hint);
        self.findings.push(match &self.document {
            Some(document) if document.value.pointer(pointer).is_some() => {
                finding.at(document.place(pointer))
            }
            _ => finding,
        });
    }

    pub(super) fn config(
        &mut self,
        written: Written,
        variables: &mut Variables<'_>,
    ) -> Option<Config> {
        let common = Reading {
            parse: written.parse,
            multiline: self.multiline("/multiline", written.multiline.as_ref()),
            drop: self.patterns("/drop", written.drop.0),
            sample: self.samples("/sample", written.sample),
            redact: self.patterns("/redact", written.redact.0),
        };
        let files: Vec<_> = written
            .files
            .into_iter()
            .enumerate()
            .map(|(index, files)| self.files(&format!("/files/{index}"), files, &common))
            .collect();
        let listen = written
            .listen
            .and_then(|listen| self.listen(&listen, variables));
        let metrics = written
            .metrics
            .and_then(|address| self.address("/metrics", &address));
        if files.is_empty() && !written.stdin && listen.is_none() && self.findings.is_empty() {
            self.wrong(
                "",
                message!("there is nothing to ship", "no hay nada que recolectar"),
                message!(
                    "name files, stdin or an address to listen at: ESTIBA_SHIP_PATHS=/data/logs/*.log",
                    "nombre archivos, stdin o una dirección donde escuchar: ESTIBA_SHIP_PATHS=/data/logs/*.log"
                ),
            );
        }
        let state = written.state;
        if written.buffer.is_some() && state.is_none() {
            self.wrong(
                "/buffer",
                message!(
                    "a disk buffer needs a state folder",
                    "un búfer en disco necesita una carpeta de estado"
                ),
                message!("name one with `state`", "nombre una con `state`"),
            );
        }
        let sink = self.sink(&written.sink, variables);
        Some(Config {
            files,
            stdin: written.stdin,
            listen,
            reading: common,
            fields: written.fields,
            path_field: written.path_field,
            sink: sink?,
            state,
            buffer_bytes: written.buffer.map(|size| size.0),
            metrics,
            drain: written.drain.map_or(Duration::from_secs(20), |time| time.0),
            quiet: written.quiet.map_or(Duration::ZERO, |time| time.0),
            limits: Limits {
                bytes: written
                    .longest_line
                    .map_or(1 << 20, |size| size.0.clamp(1 << 10, 16 << 20) as usize),
                lines: written.most_lines.unwrap_or(1_000).max(1),
            },
            line_patience: written
                .unended_line_after
                .map_or(Duration::from_secs(5), |time| time.0),
            open_files: written.open_files.unwrap_or(512).max(1),
        })
    }

    fn files(&mut self, pointer: &str, files: WrittenFiles, common: &Reading) -> Files {
        for (key, globs) in [("paths", &files.paths), ("except", &files.except)] {
            for glob in &globs.0 {
                if let Err(error) = glob::Pattern::new(glob) {
                    let detail = error.msg;
                    self.wrong(
                        &join(pointer, key),
                        message!(
                            "\"{glob}\" is no pattern of paths: {detail}",
                            "«{glob}» no es un patrón de rutas: {detail}"
                        ),
                        message!(
                            "write for example /data/logs/*.log",
                            "escriba por ejemplo /data/logs/*.log"
                        ),
                    );
                }
            }
        }
        if files.paths.0.is_empty() {
            self.wrong(
                pointer,
                message!(
                    "these files have no `paths`",
                    "estos archivos no tienen `paths`"
                ),
                message!(
                    "write `paths: /data/logs/*.log`",
                    "escriba `paths: /data/logs/*.log`"
                ),
            );
        }
        let reading = Reading {
            parse: files.parse.unwrap_or(common.parse),
            multiline: match &files.multiline {
                Some(own) => self.multiline(&join(pointer, "multiline"), Some(own)),
                None => common.multiline.clone(),
            },
            drop: files.drop.map_or_else(
                || common.drop.clone(),
                |own| self.patterns(&join(pointer, "drop"), own.0),
            ),
            sample: files.sample.map_or_else(
                || common.sample.clone(),
                |own| self.samples(&join(pointer, "sample"), own),
            ),
            redact: files.redact.map_or_else(
                || common.redact.clone(),
                |own| self.patterns(&join(pointer, "redact"), own.0),
            ),
        };
        Files {
            paths: files.paths.0,
            except: files.except.0,
            format: files.format.unwrap_or_default(),
            reading,
            fields: files.fields,
        }
    }

    fn pattern(&mut self, pointer: &str, pattern: &str) {
        if let Err(error) = Regex::new(pattern) {
            let detail = error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim()
                .to_owned();
            self.wrong(
                pointer,
                message!(
                    "\"{pattern}\" is no regular expression: {detail}",
                    "«{pattern}» no es una expresión regular: {detail}"
                ),
                message!(
                    "see https://docs.rs/regex/latest/regex/#syntax",
                    "vea https://docs.rs/regex/latest/regex/#syntax"
                ),
            );
        }
    }

    fn patterns(&mut self, pointer: &str, patterns: Vec<String>) -> Vec<String> {
        for pattern in &patterns {
            self.pattern(pointer, pattern);
        }
        patterns
    }

    fn samples(&mut self, pointer: &str, samples: Vec<WrittenSample>) -> Vec<(String, u64)> {
        for (index, sample) in samples.iter().enumerate() {
            self.pattern(pointer, &sample.pattern);
            if sample.one_in == 0 {
                self.wrong(
                    &join(&join(pointer, &index.to_string()), "one_in"),
                    message!("one in 0 lines is none", "una de cada 0 líneas no es ninguna"),
                    message!(
                        "write `drop` to leave all of them out, or `one_in: 10` to keep one of ten",
                        "escriba `drop` para omitirlas todas, o `one_in: 10` para dejar una de cada diez"
                    ),
                );
            }
        }
        samples
            .into_iter()
            .map(|sample| (sample.pattern, sample.one_in))
            .collect()
    }

    fn multiline(&mut self, pointer: &str, written: Option<&WrittenMultiline>) -> Option<Joined> {
        match written? {
            WrittenMultiline::Languages(languages) => Some(Joined::Traces(languages.clone())),
            WrittenMultiline::Start { start, within } => {
                self.pattern(pointer, start);
                let within = within.map_or(super::TRACE_PATIENCE, |time| time.0);
                Some(Joined::Start {
                    pattern: start.clone(),
                    within,
                })
            }
            WrittenMultiline::Named(name) if name == "none" => None,
            WrittenMultiline::Named(name) if name == "auto" => {
                Some(Joined::Traces(Language::ALL.to_vec()))
            }
            WrittenMultiline::Named(name) => match serde_json::from_value(name.as_str().into()) {
                Ok(language) => Some(Joined::Traces(vec![language])),
                Err(_) => {
                    self.wrong(
                        pointer,
                        message!("no stack traces of \"{name}\" are known", "no se conocen trazas de «{name}»"),
                        message!(
                            "write auto, java, python, dotnet, node, ruby, rust or `start: PATTERN`",
                            "escriba auto, java, python, dotnet, node, ruby, rust o `start: PATRÓN`"
                        ),
                    );
                    None
                }
            },
        }
    }

    fn address(&mut self, pointer: &str, written: &str) -> Option<std::net::SocketAddr> {
        let address = written.parse().ok();
        if address.is_none() {
            self.wrong(
                pointer,
                message!(
                    "\"{written}\" is no address to listen at",
                    "«{written}» no es una dirección donde escuchar"
                ),
                message!(
                    "write for example 127.0.0.1:9880",
                    "escriba por ejemplo 127.0.0.1:9880"
                ),
            );
        }
        address
    }

    fn listen(&mut self, listen: &WrittenListen, variables: &mut Variables<'_>) -> Option<Listen> {
        // Without more, the address is written at once.
        let inner = "/listen/address";
        let is_inner = self
            .document
            .as_ref()
            .is_some_and(|document| document.value.pointer(inner).is_some());
        let pointer = if is_inner { inner } else { "/listen" };
        let address = self.address(pointer, &listen.address)?;
        let token = variables.secret("ESTIBA_SHIP_TOKEN", listen.token_file.as_deref());
        if token.is_none() && !address.ip().is_loopback() {
            self.wrong(
                "/listen",
                message!(
                    "{address} is open to others and has no token",
                    "{address} está abierta a otros y no tiene token"
                ),
                message!(
                    "name `token_file`, or listen at 127.0.0.1",
                    "nombre `token_file`, o escuche en 127.0.0.1"
                ),
            );
        }
        Some(Listen { address, token })
    }

    fn authorities(&mut self, file: &Path) -> Option<Authorities> {
        let shown = file.display();
        let what = match std::fs::read_to_string(file) {
            Ok(text) => match Authorities::of(&text) {
                Some(authorities) => return Some(authorities),
                None => message!(
                    "{shown} has no certificate in PEM",
                    "{shown} no tiene un certificado en PEM"
                ),
            },
            Err(error) => message!(
                "cannot read the certificates in {shown}: {error}",
                "no se pueden leer los certificados en {shown}: {error}"
            ),
        };
        self.wrong(
            "/sink/ca_file",
            what,
            message!(
                "name the certificate of the authority that signed the sink's own",
                "indique el certificado de la autoridad que firmó el del destino"
            ),
        );
        None
    }

    fn sink(&mut self, sink: &WrittenSink, variables: &mut Variables<'_>) -> Option<SinkConfig> {
        let Some(to) = sink.to.as_deref() else {
            self.wrong(
                "/sink",
                message!("no sink is named", "no se nombró un destino"),
                message!(
                    "write `sink: {{ to: https://HOST:9200 }}`, or LOG_SINK=https://HOST:9200 or LOG_SINK=stdout",
                    "escriba `sink: {{ to: https://HOST:9200 }}`, o LOG_SINK=https://HOST:9200 o LOG_SINK=stdout"
                ),
            );
            return None;
        };
        if to == "stdout" {
            return Some(SinkConfig::Stdout);
        }
        let Some((url, in_url)) = bulk_url(to, sink.index.as_deref()) else {
            self.wrong(
                "/sink/to",
                message!("the sink is no address", "el destino no es una dirección"),
                message!(
                    "write https://HOST:9200 or `stdout`",
                    "escriba https://HOST:9200 o `stdout`"
                ),
            );
            return None;
        };
        let token = variables.secret("LOG_SINK_TOKEN", sink.token_file.as_deref());
        let password = variables.secret("LOG_SINK_PASSWORD", sink.password_file.as_deref());
        let authorities = sink.ca_file.as_deref();
        let authorities = authorities.and_then(|file| self.authorities(file));
        let login = match (token, sink.user.clone(), password) {
            (Some(token), ..) => Some(SinkLogin::Token(token)),
            (None, Some(user), password) => Some(SinkLogin::Basic {
                user,
                password: password.unwrap_or_default(),
            }),
            (None, None, _) => in_url,
        };
        Some(SinkConfig::Bulk(Box::new(BulkConfig {
            url,
            login,
            authorities,
            gzip: sink.gzip,
            timeout: sink.timeout.map_or(Duration::from_secs(60), |time| time.0),
            give_up: sink.give_up.map(|time| time.0),
            batch_bytes: sink
                .batch
                .map_or(2 << 20, |size| size.0.clamp(1 << 10, 64 << 20) as usize),
            batch_documents: sink.batch_documents.unwrap_or(10_000).max(1),
            linger: sink
                .linger
                .map_or(Duration::from_millis(200), |time| time.0),
        })))
    }
}

/// The address of the `_bulk`, and the login that was written into it.
fn bulk_url(to: &str, index: Option<&str>) -> Option<(reqwest::Url, Option<SinkLogin>)> {
    let mut url = reqwest::Url::parse(to).ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let password = url
        .password()
        .map(|password| SecretString::new(decoded(password)));
    let login = match (decoded(url.username()), password) {
        (user, None) if user.is_empty() => None,
        (user, Some(token)) if user.is_empty() => Some(SinkLogin::Token(token)),
        (user, password) => Some(SinkLogin::Basic {
            user,
            password: password.unwrap_or_default(),
        }),
    };
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let path = url.path().trim_end_matches('/').to_owned();
    if !path.ends_with("/_bulk") {
        // A path may name the index itself.
        let path = match index {
            Some(index) => format!("{path}/{index}/_bulk"),
            None if path.is_empty() => format!("/{INDEX}/_bulk"),
            None => format!("{path}/_bulk"),
        };
        url.set_path(&path);
    }
    Some((url, login))
}
