//! `score.yaml`.

use std::path::Path;

use estiba_model::{Lang, message};
use estiba_score::yaml::emit;
use serde_json::{Map, Value, json};

use super::comment;
use crate::draft::{Container, Content, File, Image, Workload};
use crate::files::Files;
use crate::link::ENVIRONMENT_RESOURCE;
use crate::report::Report;
use crate::text::{Piece, Text};

pub(super) fn text(
    files: &dyn Files,
    workload: &Workload,
    folder: &Path,
    lang: Lang,
    report: &mut Report,
) -> String {
    let mut score = Map::new();
    let mut set = |key: &str, value: Value| score.insert(key.to_owned(), value);
    set("apiVersion", "score.dev/v1b1".into());
    let mut metadata = json!({ "name": workload.name });
    if !workload.annotations.is_empty() {
        metadata["annotations"] = json!(workload.annotations);
    }
    set("metadata", metadata);
    if !workload.ports.is_empty() {
        set("service", json!({ "ports": ports(workload) }));
    }
    let containers: Map<String, Value> = workload
        .containers
        .iter()
        .map(|(name, c)| (name.to_string(), container(files, c, folder, report)))
        .collect();
    set("containers", containers.into());
    let resources = resources(workload);
    if !resources.is_empty() {
        set("resources", resources.into());
    }
    let head = message!(
        "What this workload is, the same in every environment. Written by `estiba import`.\nThe format is Score: https://docs.score.dev/docs/score-specification/score-spec-reference/",
        "Qué es este componente, igual en todos los ambientes. Lo escribió `estiba import`.\nEl formato es Score: https://docs.score.dev/docs/score-specification/score-spec-reference/"
    );
    comment(&head, lang) + &emit(&Value::Object(score))
}

fn ports(workload: &Workload) -> Map<String, Value> {
    let ports = workload.ports.iter().map(|(name, port)| {
        let mut value = json!({ "port": port.port });
        if port.target != port.port {
            value["targetPort"] = port.target.into();
        }
        if port.udp {
            value["protocol"] = "UDP".into();
        }
        (name.clone(), value)
    });
    ports.collect()
}

fn container(
    files: &dyn Files,
    container: &Container,
    folder: &Path,
    report: &mut Report,
) -> Value {
    let mut score = Map::new();
    let mut set = |key: &str, value: Value| {
        let empty = value.as_object().is_some_and(Map::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
            || value.is_null();
        if !empty {
            score.insert(key.to_owned(), value);
        }
    };
    let image = match &container.image {
        Image::Built => ".",
        Image::Reference(reference) => reference,
    };
    set("image", image.into());
    set("command", json!(container.command));
    set("args", json!(container.args));
    let variables = container.variables.iter().filter_map(|(name, setting)| {
        let text = setting.common.as_ref()?;
        Some((name.clone(), text.score(ENVIRONMENT_RESOURCE).into()))
    });
    set("variables", variables.collect::<Map<_, _>>().into());
    let given = container.files.iter().map(|(target, given)| {
        (
            target.clone(),
            file(files, given, folder, container, report),
        )
    });
    set("files", given.collect::<Map<_, _>>().into());
    let volumes = container.volumes.iter().map(|(target, mount)| {
        let mut volume = json!({ "source": format!("${{resources.{}}}", mount.resource) });
        if let Some(path) = &mount.path {
            volume["path"] = path.as_str().into();
        }
        if mount.read_only {
            volume["readOnly"] = true.into();
        }
        (target.clone(), volume)
    });
    set("volumes", volumes.collect::<Map<_, _>>().into());
    set("resources", container.quantities.clone().into());
    set(
        "livenessProbe",
        container.liveness.clone().unwrap_or_default(),
    );
    set(
        "readinessProbe",
        container.readiness.clone().unwrap_or_default(),
    );
    let before = container
        .before
        .iter()
        .map(|(name, ready)| (name.to_string(), json!({ "ready": ready })));
    set("before", before.collect::<Map<_, _>>().into());
    score.into()
}

fn file(
    files: &dyn Files,
    file: &File,
    folder: &Path,
    container: &Container,
    report: &mut Report,
) -> Value {
    let mut score = Map::new();
    let mut set = |key: &str, value: Value| score.insert(key.to_owned(), value);
    if let Some(mode) = &file.mode {
        set("mode", mode.as_str().into());
    }
    match &file.content {
        Content::Source(path) => {
            set("source", relative(path, folder).into());
            let text = files.text(path).unwrap_or_default();
            if text.contains("${") {
                set("noExpand", true.into());
            }
            if estiba_project::looks_secret("", &text) {
                let shown = path.display();
                report.warn(
                    "secret-in-clear",
                    container.place.clone(),
                    message!(
                        "{shown}, which is put into the container, has a secret in clear",
                        "{shown}, que se pone en el contenedor, tiene un secreto a la vista"
                    ),
                    message!(
                        "write ${{resources.{ENVIRONMENT_RESOURCE}.NAME}} in its place, and keep the value with `estiba secret set NAME`",
                        "escriba ${{resources.{ENVIRONMENT_RESOURCE}.NOMBRE}} en su lugar, y guarde el valor con `estiba secret set NOMBRE`"
                    ),
                );
            }
        }
        Content::Text { value, .. } => {
            let text = value.common.clone().unwrap_or_default();
            match text.as_plain().filter(|plain| plain.contains('$')) {
                Some(plain) => {
                    set("content", plain.into());
                    set("noExpand", true.into());
                }
                None => {
                    set("content", text.score(ENVIRONMENT_RESOURCE).into());
                }
            }
        }
        Content::Binary(base64) => {
            set("binaryContent", base64.as_str().into());
        }
    }
    score.into()
}

/// `path` from `folder`.
fn relative(path: &Path, folder: &Path) -> String {
    let mut base = folder;
    let mut steps = String::new();
    loop {
        if let Ok(rest) = path.strip_prefix(base) {
            return format!("{steps}{}", rest.display());
        }
        steps.push_str("../");
        match base.parent() {
            Some(parent) => base = parent,
            None => return path.display().to_string(),
        }
    }
}

fn resources(workload: &Workload) -> Map<String, Value> {
    let mut resources = Map::new();
    if reads_values(workload) {
        let environment = json!({ "type": "environment" });
        resources.insert(ENVIRONMENT_RESOURCE.to_owned(), environment);
    }
    for (name, resource) in &workload.resources {
        let mut value = json!({ "type": resource.kind });
        if let Some(id) = &resource.id {
            value["id"] = id.as_str().into();
        }
        let mut params = resource.params.clone();
        if resource.kind == "route"
            && let Some(host) = workload.host.as_ref().and_then(|host| host.common.as_ref())
        {
            params.insert("host".to_owned(), host.score(ENVIRONMENT_RESOURCE).into());
        }
        if !params.is_empty() {
            value["params"] = params.into();
        }
        resources.insert(name.clone(), value);
    }
    resources
}

fn reads_values(workload: &Workload) -> bool {
    let named = |text: &Text| text.0.iter().any(|piece| matches!(piece, Piece::Named(_)));
    workload.containers.values().any(|container| {
        let files = container.files.values().filter_map(|f| match &f.content {
            Content::Text { value, .. } => Some(value),
            _ => None,
        });
        let mut settings = container
            .variables
            .values()
            .chain(files)
            .chain(&workload.host);
        settings.any(|setting| setting.common.as_ref().is_some_and(named))
    })
}
