//! The cluster for lines of logs: its address, the index, and who the server is there.

use std::path::Path;

use estiba_model::message;
use serde_json::Value;

use crate::finding::{Findings, Spot};

pub(crate) fn check(file: &Path, value: &Value, found: &mut Findings) {
    let Some(logs) = value.get("logs").and_then(Value::as_object) else {
        return;
    };
    let spot = |key: &str| Spot::value(file, &["logs", key]);
    let text = |key: &str| logs.get(key).and_then(Value::as_str);
    if let Some(Err((message, hint))) = text("to").map(estiba_logs::check_cluster) {
        found.error("bad-cluster", spot("to"), message, hint);
    }
    if let Some(index) = text("index").filter(|index| !estiba_logs::is_index(index)) {
        found.error(
            "bad-index",
            spot("index"),
            message!(
                "\"{index}\" is no name of an index",
                "«{index}» no es el nombre de un índice"
            ),
            message!(
                "write small letters, digits, - . and _, with a letter or digit first: moria-logs",
                "escriba letras minúsculas, dígitos, - . y _, con una letra o un dígito primero: moria-logs"
            ),
        );
    }
    if text("ca").is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----")) {
        found.error(
            "bad-certificate",
            spot("ca"),
            message!(
                "`ca` has no certificate in PEM",
                "`ca` no tiene un certificado en PEM"
            ),
            message!(
                "write the text of the certificate itself, after `ca: |`",
                "escriba el texto del certificado mismo, después de `ca: |`"
            ),
        );
    }
    let half = match ["token", "user", "password"].map(|key| logs.contains_key(key)) {
        [true, false, false] | [false, true, true] | [false, false, false] => return,
        [true, true, _] => "user",
        [_, _, true] => "password",
        [_, true, _] => "user",
    };
    found.error(
        "bad-login",
        spot(half),
        message!(
            "who the server is at the cluster is said twice, or half",
            "quién es el servidor en el clúster está dicho dos veces, o a medias"
        ),
        message!(
            "write either `token: SECRET`, or both `user: NAME` and `password: SECRET`, where SECRET is the name of a secret",
            "escriba o bien `token: SECRETO`, o bien `user: NOMBRE` y `password: SECRETO`, donde SECRETO es el nombre de un secreto"
        ),
    );
}
