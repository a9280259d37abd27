//! Words of `estiba.yaml` about which there is more to say than that they break
//! its schema.

use std::path::Path;
use std::sync::LazyLock;

use estiba_model::message;
use regex::Regex;
use serde_json::Value;

use crate::file::REGISTRY_PATTERN;
use crate::finding::{Findings, Spot, instead};
use crate::kinds;

pub(crate) fn check(file: &Path, value: &Value, found: &mut Findings) {
    registry(file, value, found);
    kinds_of_targets(file, value, found);
}

static REGISTRY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(REGISTRY_PATTERN).ok());

fn registry(file: &Path, value: &Value, found: &mut Findings) {
    let Some(registry) = value.get("registry").and_then(Value::as_str) else {
        return;
    };
    if REGISTRY
        .as_ref()
        .is_none_or(|pattern| pattern.is_match(registry))
    {
        return;
    }
    let plain = registry
        .split_once("://")
        .map_or(registry, |(_, rest)| rest);
    let plain = plain.trim_end_matches('/').to_lowercase();
    let fixed = REGISTRY
        .as_ref()
        .is_some_and(|pattern| pattern.is_match(&plain));
    let plain = if fixed {
        plain.as_str()
    } else {
        "registry.example.edu/tp2"
    };
    found.error(
        "bad-registry",
        Spot::value(file, &["registry"]),
        message!(
            "\"{registry}\" is not a registry: a host and a path, in lower case, with no scheme or tag",
            "«{registry}» no es un registro: un host y una ruta, en minúsculas, sin esquema ni etiqueta"
        ),
        message!("for example: {plain}", "por ejemplo: {plain}"),
    );
}

fn kinds_of_targets(file: &Path, value: &Value, found: &mut Findings) {
    let targets = value.get("targets").and_then(Value::as_object);
    for (name, target) in targets.into_iter().flatten() {
        let Some(kind) = target.get("kind").and_then(Value::as_str) else {
            continue;
        };
        if kinds::find(kind).is_some() {
            continue;
        }
        let spot = Spot::value(file, &["targets", name, "kind"]);
        let known = || kinds::ALL.iter().map(|kind| kind.name);
        if kinds::LATER.contains(&kind) {
            let list = known().collect::<Vec<_>>().join(", ");
            found.error(
                "unavailable-target",
                spot,
                message!(
                    "this version of Estiba does not have the target \"{kind}\" yet",
                    "esta versión de Estiba todavía no tiene la plataforma «{kind}»"
                ),
                message!("it has: {list}", "tiene: {list}"),
            );
        } else {
            found.error(
                "unknown-kind",
                spot,
                message!(
                    "there is no kind of target \"{kind}\"",
                    "no existe el tipo de plataforma «{kind}»"
                ),
                instead(kind, known()),
            );
        }
    }
}
