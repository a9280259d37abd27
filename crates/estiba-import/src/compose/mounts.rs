//! `volumes`, `configs` and `secrets` of services.

use std::path::Path;

use estiba_model::message;

use super::Compose;
use super::service::Service;
use crate::draft::{Container, Content, File, Mount, Resource};
use crate::files::{Kind, beside};
use crate::node::Node;
use crate::text::{Setting, Text};

/// A mount as either form says it.
struct Wanted {
    source: Option<String>,
    target: String,
    read_only: bool,
    kind: String,
}

impl<'a> Compose<'a> {
    /// Named volumes become resources; files of the project are put into the
    /// container; folders of the machine have no counterpart.
    pub fn mounts(&mut self, service: &mut Service, container: &mut Container, field: &Node<'a>) {
        for node in field.list() {
            let wanted = match node.scalar() {
                Some(text) => short(&self.plain(&text, &node)),
                None => Wanted {
                    source: node.text("source"),
                    target: node.text("target").unwrap_or_default(),
                    read_only: node.text("read_only").as_deref() == Some("true"),
                    kind: node.text("type").unwrap_or_default(),
                },
            };
            match (wanted.kind.as_str(), &wanted.source) {
                ("volume", source) => {
                    let name = source.clone().unwrap_or_else(|| "data".to_owned());
                    volume(service, container, &name, &wanted);
                }
                ("bind", Some(source)) => {
                    let path = beside(node.file(), source);
                    self.bind(container, &path, &wanted, &node);
                }
                (kind, _) => self.report.dropped(
                    node.place(),
                    kind,
                    &message!(
                        "Score has volumes and files only",
                        "Score solo tiene volúmenes y archivos"
                    ),
                    message!(
                        "use /tmp, or a resource of type volume",
                        "use /tmp, o un recurso de tipo volume"
                    ),
                ),
            }
        }
    }

    fn bind(&mut self, container: &mut Container, path: &Path, wanted: &Wanted, node: &Node<'_>) {
        if self.files.kind(path) == Kind::File && self.files.text(path).is_some() {
            let file = File {
                content: Content::Source(path.to_owned()),
                mode: None,
            };
            container.files.insert(wanted.target.clone(), file);
            return;
        }
        let shown = path.display();
        let target = &wanted.target;
        self.report.warn(
            "not-carried-over",
            node.place(),
            message!(
                "the mount of {shown} at {target} was not carried over: a workload sees no folders of the machine that it runs on",
                "el montaje de {shown} en {target} no se trasladó: un componente no ve carpetas de la máquina en la que corre"
            ),
            if target.ends_with(".sock") || path.ends_with("docker.sock") {
                message!(
                    "do without the socket: a workload that drives the engine can't be moved",
                    "prescinda del socket: un componente que maneja el motor no se puede mover"
                )
            } else {
                message!(
                    "put what is read into the image, and what is written into a resource of type volume",
                    "ponga lo que se lee en la imagen, y lo que se escribe en un recurso de tipo volume"
                )
            },
        );
    }

    /// `secrets` go to /run/secrets, `configs` to the root, unless they say
    /// where (<https://github.com/compose-spec/compose-spec/blob/main/09-secrets.md>).
    pub fn given_files(
        &mut self,
        container: &mut Container,
        field: &Node<'a>,
        section: &'static str,
    ) {
        for node in field.list() {
            let Some(name) = node.scalar().or_else(|| node.text("source")) else {
                continue;
            };
            let folder = if section == "secrets" {
                "/run/secrets/"
            } else {
                "/"
            };
            let target = node.text("target").unwrap_or_else(|| name.clone());
            let target = if target.starts_with('/') {
                target
            } else {
                format!("{folder}{target}")
            };
            let mode = node
                .text("mode")
                .map(|mode| mode.trim_start_matches("0o").to_owned());
            let mode = mode.filter(|mode| mode.bytes().all(|b| (b'0'..=b'7').contains(&b)));
            if let Some(content) = self.given(&name, section, &node) {
                container.files.insert(target, File { content, mode });
            }
        }
    }

    fn given(&mut self, name: &str, section: &'static str, node: &Node<'a>) -> Option<Content> {
        let secret = section == "secrets";
        let declared = self.declared.get(&(section, name.to_owned())).cloned();
        let value_name = value_name(name);
        let place = declared.as_ref().unwrap_or(node).key_place();
        let text = declared.as_ref().and_then(|declared| {
            if let Some(file) = declared.text("file") {
                let path = beside(declared.file(), &file);
                if !secret && self.files.kind(&path) == Kind::File {
                    return Some(Content::Source(path));
                }
                let text = self.files.text(&path)?;
                return Some(Content::Text {
                    name: value_name.clone(),
                    value: Setting::same(Text::plain(text), place.clone()),
                });
            }
            let text = match declared.text("environment") {
                Some(variable) => self.variables.text(&format!("${{{variable}}}"), &place),
                None => self.variables.text(&declared.text("content")?, &place),
            };
            Some(Content::Text {
                name: value_name.clone(),
                value: Setting::same(text, place.clone()),
            })
        });
        let content = text.unwrap_or_else(|| {
            self.report.warn(
                "missing-file",
                place.clone(),
                message!(
                    "the content of {name} is not here; the workload reads it as the value {value_name}",
                    "el contenido de {name} no está aquí; el componente lo lee como el valor {value_name}"
                ),
                message!(
                    "`estiba secret set {value_name} --env ENVIRONMENT`",
                    "`estiba secret set {value_name} --env AMBIENTE`"
                ),
            );
            Content::Text {
                name: value_name.clone(),
                value: Setting::same(Text::named(&value_name), place),
            }
        });
        Some(match content {
            Content::Text { name, mut value } => {
                value.secret = secret;
                Content::Text { name, value }
            }
            other => other,
        })
    }
}

/// A name for a value, after that of a file.
pub(crate) fn value_name(text: &str) -> String {
    let word = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let name: String = text.chars().map(word).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        format!("VALUE_{name}")
    } else {
        name
    }
}

fn volume(service: &mut Service, container: &mut Container, name: &str, wanted: &Wanted) {
    let resource = service.workload.resource(name, Resource::new("volume"));
    service.volumes.push(resource.clone());
    let mount = Mount {
        resource,
        path: None,
        read_only: wanted.read_only,
    };
    container.volumes.insert(wanted.target.clone(), mount);
}

/// `[SOURCE:]TARGET[:OPTIONS]`.
fn short(text: &str) -> Wanted {
    let mut parts = text.split(':');
    let first = parts.next().unwrap_or_default().to_owned();
    let Some(target) = parts.next().map(str::to_owned) else {
        return Wanted {
            source: None,
            target: first,
            read_only: false,
            kind: "volume".to_owned(),
        };
    };
    let options = parts.next().unwrap_or_default();
    let bind = first.starts_with(['.', '/', '~']);
    Wanted {
        source: Some(first),
        target,
        read_only: options.split(',').any(|option| option == "ro"),
        kind: if bind { "bind" } else { "volume" }.to_owned(),
    }
}
