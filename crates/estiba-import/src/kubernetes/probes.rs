//! Probes.

use estiba_model::message;
use serde_json::{Map, Value, json};

use super::Cluster;
use crate::node::Node;
use crate::probe;

impl<'a> Cluster<'a> {
    /// A probe of a container as Score has it; `ports` are those of the
    /// container by name.
    pub fn probe(&mut self, container: &Node<'a>, key: &str) -> Option<Value> {
        let node = container.get(key)?;
        self.times(&node);
        if let Some(http) = node.get("httpGet") {
            return self.http(&http, container);
        }
        if let Some(exec) = node.get("exec") {
            return Some(probe::of_command(&exec.texts("command")));
        }
        let kind = node
            .fields()
            .into_iter()
            .find(|(kind, _)| matches!(*kind, "tcpSocket" | "grpc"));
        if let Some((kind, node)) = kind {
            self.report.dropped(
                node.key_place(),
                &format!("{key}.{kind}"),
                &message!(
                    "Score has HTTP and command probes only",
                    "Score solo tiene sondas por HTTP y por comando"
                ),
                message!(
                    "add `httpGet` or `exec` to the Score file",
                    "agregue `httpGet` o `exec` al archivo Score"
                ),
            );
        }
        None
    }

    fn http(&mut self, http: &Node<'a>, container: &Node<'a>) -> Option<Value> {
        let port = http.get("port")?;
        let port = port_number(&port.scalar()?, container);
        let Some(port) = port else {
            self.report.error(
                "unknown-port",
                http.place(),
                message!(
                    "the probe asks a port that the container does not have",
                    "la sonda pregunta en un puerto que el contenedor no tiene"
                ),
                message!("name one of `ports`", "indique uno de `ports`"),
            );
            return None;
        };
        let path = http.text("path").unwrap_or_else(|| "/".to_owned());
        let mut probe = Map::new();
        probe.insert("path".to_owned(), path.into());
        probe.insert("port".to_owned(), port.into());
        for key in ["scheme", "host"] {
            if let Some(text) = http.text(key) {
                probe.insert(key.to_owned(), text.into());
            }
        }
        let headers: Vec<Value> = http
            .items("httpHeaders")
            .iter()
            .filter_map(|header| {
                Some(json!({ "name": header.text("name")?, "value": header.text("value")? }))
            })
            .collect();
        if !headers.is_empty() {
            probe.insert("httpHeaders".to_owned(), headers.into());
        }
        Some(json!({ "httpGet": probe }))
    }

    fn times(&mut self, probe: &Node<'_>) {
        if probe.get("timeoutSeconds").is_none() {
            self.report.warn_once(
                "probe-timeout",
                probe.key_place(),
                message!(
                    "this probe gives the program 1 second, which is Kubernetes' default",
                    "esta sonda le da al programa 1 segundo, que es lo que da Kubernetes si no se dice otra cosa"
                ),
                message!(
                    "if the path takes longer to answer, the pod is restarted again and again: have it answer at once",
                    "si la ruta tarda más en responder, el pod se reinicia una y otra vez: haga que responda enseguida"
                ),
            );
        }
        let timed = |key: &str| key.ends_with("Seconds") || key.ends_with("Threshold");
        if let Some((key, node)) = probe.fields().into_iter().find(|(key, _)| timed(key)) {
            self.report.warn_once(
                "probe-times",
                node.key_place(),
                message!(
                    "Score has no times for probes, so `{key}` and the like were not carried over",
                    "Score no tiene tiempos para las sondas, así que `{key}` y similares no se trasladaron"
                ),
                message!(
                    "Estiba asks every second, and waits for a slow start",
                    "Estiba pregunta cada segundo, y espera a quien tarda en arrancar"
                ),
            );
        }
    }
}

/// A port by its number, or by the name that the container gives it.
pub(super) fn port_number(text: &str, container: &Node<'_>) -> Option<u16> {
    if let Ok(number) = text.parse::<u16>() {
        return (number > 0).then_some(number);
    }
    let ports = container.items("ports");
    let named = ports
        .iter()
        .find(|port| port.text("name").as_deref() == Some(text))?;
    named.text("containerPort")?.parse().ok()
}
