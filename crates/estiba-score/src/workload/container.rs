//! One container.

use std::collections::BTreeMap;

use estiba_model::{
    Container, HttpProbe, HttpScheme, ImageSource, Probe, Quantities, Ready, message,
};

use super::node::{Findings, Node};
use super::{files, named, number, quantity};

pub(super) fn read(node: &Node<'_>, found: &mut Findings<'_>) -> Option<Container> {
    let (limits, requests) = amounts(node, found);
    let (files, volumes) = (files::files(node, found), files::volumes(node, found));
    files::check_apart(node, &files, &volumes, found);
    let mut probe = |key| node.get(key).and_then(|node| probe(&node, found));
    let (liveness, readiness) = (probe("livenessProbe"), probe("readinessProbe"));
    Some(Container {
        image: image(node, found)?,
        command: node.texts("command"),
        args: node.texts("args"),
        variables: variables(node, found),
        files,
        volumes,
        limits,
        requests,
        liveness,
        readiness,
        before: named(node.entries("before"), ready),
    })
}

fn image(node: &Node<'_>, found: &mut Findings<'_>) -> Option<ImageSource> {
    let image = node.get("image")?;
    match image.value.as_str()? {
        "." => Some(ImageSource::Built),
        text if text.contains(char::is_whitespace) || text.contains('$') => {
            found.error(
                "bad-image",
                found.value(&image),
                message!("\"{text}\" is not the name of an image", "«{text}» no es el nombre de una imagen"),
                message!(
                    "write a name such as `registry.example/name:tag`, with no placeholders, or `.` to build it",
                    "escriba un nombre como `registry.example/nombre:etiqueta`, sin marcadores, o `.` para construirla"
                ),
            );
            None
        }
        text => Some(ImageSource::Reference(text.to_owned())),
    }
}

fn variables(node: &Node<'_>, found: &mut Findings<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for (key, node) in node.entries("variables") {
        let Some(text) = node.value.as_str() else {
            continue;
        };
        if key.contains('\0') || text.contains('\0') {
            found.error(
                "bad-variable",
                found.key(&node),
                message!(
                    "a variable can't hold a zero byte",
                    "una variable no puede contener un byte cero"
                ),
                message!(
                    "put binary data into a file, with `binaryContent`",
                    "ponga los datos binarios en un archivo, con `binaryContent`"
                ),
            );
        }
        variables.insert(key.to_owned(), text.to_owned());
    }
    variables
}

fn amounts(node: &Node<'_>, found: &mut Findings<'_>) -> (Quantities, Quantities) {
    let Some(resources) = node.get("resources") else {
        return Default::default();
    };
    let (limits, requests) = (resources.get("limits"), resources.get("requests"));
    let mut read = |node: &Option<Node<'_>>| {
        node.as_ref()
            .map(|node| quantity::read(node, found))
            .unwrap_or_default()
    };
    let amounts = (read(&limits), read(&requests));
    if let Some(limits) = limits {
        quantity::check_order(&limits, amounts, found);
    }
    amounts
}

fn ready(node: &Node<'_>) -> Option<Ready> {
    match node.text("ready")? {
        "started" => Some(Ready::Started),
        "healthy" => Some(Ready::Healthy),
        "complete" => Some(Ready::Complete),
        _ => None,
    }
}

fn probe(node: &Node<'_>, found: &mut Findings<'_>) -> Option<Probe> {
    let http = node
        .get("httpGet")
        .and_then(|node| http_probe(&node, found));
    let exec = node.get("exec").and_then(|exec| {
        let command = exec.get("command")?;
        if command.value.as_array()?.is_empty() {
            found.error(
                "bad-probe",
                found.value(&command),
                message!(
                    "the probe's command is empty",
                    "el comando de la sonda está vacío"
                ),
                message!(
                    "write the program and its arguments",
                    "escriba el programa y sus argumentos"
                ),
            );
        }
        Some(exec.texts("command"))
    });
    (http.is_some() || exec.is_some()).then_some(Probe { http, exec })
}

fn http_probe(node: &Node<'_>, found: &mut Findings<'_>) -> Option<HttpProbe> {
    let port = number(node, "port")?;
    let path = node.get("path")?;
    let text = path.value.as_str()?;
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        found.error(
            "bad-probe",
            found.value(&path),
            message!(
                "a URL's path has no spaces",
                "la ruta de una URL no lleva espacios"
            ),
            message!(
                "write %20 for a space",
                "escriba %20 en lugar de un espacio"
            ),
        );
    }
    let slash = if text.starts_with('/') { "" } else { "/" };
    let headers = node.get("httpHeaders");
    let headers = headers.iter().flat_map(Node::items).filter_map(|header| {
        let value = header.get("value")?;
        let text = value.value.as_str()?;
        if text.contains(char::is_control) {
            found.error(
                "bad-probe",
                found.value(&value),
                message!(
                    "a header has one line",
                    "un encabezado tiene una sola línea"
                ),
                message!("remove the line breaks", "quite los saltos de línea"),
            );
        }
        Some((header.text("name")?.to_owned(), text.to_owned()))
    });
    let headers = headers.collect();
    Some(HttpProbe {
        scheme: match node.text("scheme") {
            Some("HTTPS") => HttpScheme::Https,
            _ => HttpScheme::Http,
        },
        host: node.text("host").map(str::to_owned),
        port,
        path: format!("{slash}{text}"),
        headers,
    })
}
