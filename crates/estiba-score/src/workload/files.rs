//! Files and volumes of a container, in the form of today, a map by target,
//! and in the deprecated one, a list.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_model::{File, FileData, Place, VolumeMount, message};

use super::node::{Findings, Node};

pub(super) fn files(container: &Node<'_>, found: &mut Findings<'_>) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    for (target, node) in targets(container, "files", found) {
        if target.ends_with('/') {
            found.error(
                "bad-path",
                target_place(&node, found),
                message!(
                    "\"{target}\" is a folder, not a file",
                    "«{target}» es una carpeta, no un archivo"
                ),
                message!("add the file's name", "agregue el nombre del archivo"),
            );
        }
        if let Some(file) = file(&node, found) {
            files.insert(target, file);
        }
    }
    files
}

pub(super) fn volumes(
    container: &Node<'_>,
    found: &mut Findings<'_>,
) -> BTreeMap<String, VolumeMount> {
    let mut volumes = BTreeMap::new();
    for (target, node) in targets(container, "volumes", found) {
        let path = node.get("path");
        if let Some(path) = &path
            && let Some(text) = path.value.as_str()
            && leads_out(text)
        {
            found.error(
                "bad-path",
                found.value(path),
                message!(
                    "\"{text}\" leads out of the volume",
                    "«{text}» sale del volumen"
                ),
                message!("remove the `..`", "quite los `..`"),
            );
        }
        let Some(source) = node.text("source") else {
            continue;
        };
        volumes.insert(
            target,
            VolumeMount {
                source: source.to_owned(),
                path: node.text("path").map(str::to_owned),
                read_only: node.flag("readOnly"),
            },
        );
    }
    volumes
}

/// Nothing is mounted twice at one path.
pub(super) fn check_apart(
    container: &Node<'_>,
    files: &BTreeMap<String, File>,
    volumes: &BTreeMap<String, VolumeMount>,
    found: &mut Findings<'_>,
) {
    let Some(node) = container.get("files") else {
        return;
    };
    for target in files.keys().filter(|target| volumes.contains_key(*target)) {
        let place = node
            .get(target)
            .map_or_else(|| found.key(&node), |file| found.key(&file));
        found.error(
            "duplicate-target",
            place,
            message!(
                "\"{target}\" is a file and a volume at once",
                "«{target}» es un archivo y un volumen a la vez"
            ),
            message!(
                "give one of them another path",
                "dé a uno de los dos otra ruta"
            ),
        );
    }
}

/// The entries of `files` or `volumes` with their target, which is checked.
fn targets<'d>(
    container: &Node<'d>,
    key: &str,
    found: &mut Findings<'_>,
) -> BTreeMap<String, Node<'d>> {
    let Some(node) = container.get(key) else {
        return BTreeMap::new();
    };
    let mut entries: BTreeMap<String, Node<'d>> = BTreeMap::new();
    if node.value.is_array() {
        found.warning(
            "deprecated-list",
            found.key(&node),
            message!(
                "`{key}` as a list is deprecated; it is read as a map by `target`",
                "`{key}` como lista es obsoleto; se lee como un mapa por `target`"
            ),
            message!(
                "write each target as a key: `/path/in/container:`",
                "escriba cada target como clave: `/ruta/en/el/contenedor:`"
            ),
        );
        for item in node.items() {
            listed(item, &mut entries, found);
        }
    } else {
        entries.extend(
            node.fields()
                .map(|(target, node)| (target.to_owned(), node)),
        );
    }
    for (target, node) in &entries {
        check_target(target, node, found);
    }
    entries
}

fn listed<'d>(item: Node<'d>, entries: &mut BTreeMap<String, Node<'d>>, found: &mut Findings<'_>) {
    if !item.value.is_object() {
        return;
    }
    let Some(target) = item.get("target") else {
        found.error(
            "missing-key",
            found.value(&item),
            message!("the key \"target\" is missing", "falta la clave «target»"),
            message!(
                "add the path in the container",
                "agregue la ruta en el contenedor"
            ),
        );
        return;
    };
    let Some(text) = target.value.as_str() else {
        return;
    };
    if entries.contains_key(text) {
        found.error(
            "duplicate-target",
            found.value(&target),
            message!(
                "\"{text}\" is here a second time",
                "«{text}» está por segunda vez"
            ),
            message!("remove one of the two", "quite una de las dos"),
        );
        return;
    }
    entries.insert(text.to_owned(), item);
}

fn target_place(node: &Node<'_>, found: &Findings<'_>) -> Place {
    node.get("target")
        .map_or_else(|| found.key(node), |target| found.value(&target))
}

fn check_target(target: &str, node: &Node<'_>, found: &mut Findings<'_>) {
    let hint = if !target.starts_with('/') {
        message!(
            "begin it with a slash: \"/{target}\"",
            "empiécela con una barra: «/{target}»"
        )
    } else if target.trim_matches('/').is_empty() {
        message!(
            "name a path below the root",
            "nombre una ruta debajo de la raíz"
        )
    } else if leads_out(target) || target.contains('\0') {
        message!(
            "write the path with no `..` in it",
            "escriba la ruta sin `..`"
        )
    } else {
        return;
    };
    found.error(
        "bad-path",
        target_place(node, found),
        message!(
            "\"{target}\" is not an absolute path in the container",
            "«{target}» no es una ruta absoluta en el contenedor"
        ),
        hint,
    );
}

fn leads_out(path: &str) -> bool {
    path.split('/').any(|part| part == "..")
}

fn file(node: &Node<'_>, found: &mut Findings<'_>) -> Option<File> {
    let data = if let Some(text) = node.text("content") {
        FileData::Content(text.to_owned())
    } else if let Some(source) = node.text("source") {
        FileData::Source(source.into())
    } else {
        FileData::Binary(binary(&node.get("binaryContent")?, found)?)
    };
    let mode = node
        .text("mode")
        .and_then(|mode| u32::from_str_radix(mode, 8).ok());
    Some(File {
        data,
        mode,
        no_expand: node.flag("noExpand"),
    })
}

/// Standard base64; line breaks, which YAML's `|` leaves in, are no part of it.
fn binary(node: &Node<'_>, found: &mut Findings<'_>) -> Option<Vec<u8>> {
    let text: String = node.value.as_str()?.split_ascii_whitespace().collect();
    match STANDARD.decode(text) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            found.error(
                "bad-base64",
                found.value(node),
                message!("this is not base64: {error}", "esto no es base64: {error}"),
                message!("make it with `base64 FILE`", "créelo con `base64 ARCHIVO`"),
            );
            None
        }
    }
}
