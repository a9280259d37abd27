//! ConfigMaps and Secrets, and what refers to them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_model::{Place, message};

use super::Cluster;
use crate::node::Node;
use crate::report::alike;

/// What is under a key.
pub(super) enum Datum {
    Text(String),
    /// As base64.
    Binary(String),
}

/// Where values are: a ConfigMap or a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    ConfigMap,
    Secret,
}

impl Store {
    pub fn kind(self) -> &'static str {
        match self {
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
        }
    }
}

/// The keys and values of an object, with where they are.
pub(super) fn data(store: Store, object: &Node<'_>) -> Vec<(String, Datum, Place)> {
    let mut data = Vec::new();
    for (key, node) in object.entries("data") {
        let Some(text) = node.scalar() else { continue };
        let datum = match store {
            Store::ConfigMap => Datum::Text(text),
            Store::Secret => decoded(&text),
        };
        data.push((key.to_owned(), datum, node.key_place()));
    }
    for section in ["stringData", "binaryData"] {
        for (key, node) in object.entries(section) {
            let Some(text) = node.scalar() else { continue };
            let datum = match section {
                "stringData" => Datum::Text(text),
                _ => Datum::Binary(text),
            };
            data.push((key.to_owned(), datum, node.key_place()));
        }
    }
    data
}

fn decoded(base64: &str) -> Datum {
    let packed: String = base64.split_whitespace().collect();
    let bytes = STANDARD.decode(&packed);
    match bytes.map(String::from_utf8) {
        Ok(Ok(text)) => Datum::Text(text),
        // Written in clear by mistake: a text all the same.
        Err(_) => Datum::Text(base64.to_owned()),
        Ok(Err(_)) => Datum::Binary(packed),
    }
}

impl<'a> Cluster<'a> {
    /// The environments that an object of `environment` is for.
    pub fn scope(&self, environment: Option<&str>) -> Vec<Option<String>> {
        match environment {
            Some(environment) => vec![Some(environment.to_owned())],
            None if self.environments.is_empty() => vec![None],
            None => self.environments.iter().cloned().map(Some).collect(),
        }
    }

    /// The objects of a name in each environment; tells where there is none.
    pub fn stored(
        &mut self,
        store: Store,
        name: &str,
        environment: Option<&str>,
        at: &Node<'_>,
    ) -> Vec<(Option<String>, Node<'a>)> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for environment in self.scope(environment) {
            match self
                .objects
                .find(store.kind(), name, environment.as_deref())
            {
                Some(object) => found.push((environment, object.node.clone())),
                None => missing.push(environment),
            }
        }
        let optional = at.text("optional").as_deref() == Some("true");
        if !missing.is_empty() && !optional {
            let whole = found.is_empty();
            self.missing(store, name, &missing, whole, at);
        }
        found
    }

    fn missing(
        &mut self,
        store: Store,
        name: &str,
        environments: &[Option<String>],
        whole: bool,
        at: &Node<'_>,
    ) {
        let kind = store.kind();
        let place = at.place();
        if store == Store::Secret {
            self.report.warn(
                "missing-secret",
                place,
                message!(
                    "the Secret {name} is in none of these files",
                    "el Secret {name} no está en ninguno de estos archivos"
                ),
                message!(
                    "keep each of its values with `estiba secret set NAME --env ENVIRONMENT`",
                    "guarde cada uno de sus valores con `estiba secret set NOMBRE --env AMBIENTE`"
                ),
            );
            return;
        }
        let others: Vec<String> = self
            .objects
            .of_kind(kind)
            .map(|object| object.name.clone())
            .filter(|other| other != name)
            .collect();
        let hint = match alike(name, others.iter().map(String::as_str)) {
            Some(other) => message!(
                "there is a ConfigMap {other}: did you mean that?",
                "hay un ConfigMap {other}: ¿quiso decir ese?"
            ),
            None => message!(
                "name the file that has it too",
                "indique también el archivo que lo tiene"
            ),
        };
        let list: Vec<&str> = environments.iter().flatten().map(String::as_str).collect();
        let list = list.join(", ");
        let message = if whole {
            message!(
                "there is no ConfigMap {name} in these files: in a cluster the pod would not start",
                "no hay ningún ConfigMap {name} en estos archivos: en un clúster el pod no arrancaría"
            )
        } else {
            message!(
                "there is no ConfigMap {name} for {list}",
                "no hay ningún ConfigMap {name} para {list}"
            )
        };
        self.report
            .error("missing-config-map", place, message, hint);
    }
}
