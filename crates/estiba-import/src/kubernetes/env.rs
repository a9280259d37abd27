//! `env` and `envFrom` of containers.

use estiba_model::message;
use indexmap::IndexMap;

use super::Cluster;
use super::config::{Datum, Store, data};
use crate::compose::value_name;
use crate::draft::Container;
use crate::node::Node;
use crate::text::{Piece, Setting, Text};

impl<'a> Cluster<'a> {
    /// The variables of a container; `env` wins over `envFrom`.
    pub fn variables(
        &mut self,
        container: &mut Container,
        node: &Node<'a>,
        environment: Option<&str>,
    ) {
        for source in node.items("envFrom") {
            let prefix = source.text("prefix").unwrap_or_default();
            for (key, store) in [
                ("configMapRef", Store::ConfigMap),
                ("secretRef", Store::Secret),
            ] {
                let Some(reference) = source.get(key) else {
                    continue;
                };
                let name = reference.text("name").unwrap_or_default();
                for (environment, object) in self.stored(store, &name, environment, &reference) {
                    self.all_of(container, &prefix, store, environment.as_deref(), &object);
                }
            }
        }
        for variable in node.items("env") {
            let Some(name) = variable.text("name") else {
                continue;
            };
            if let Some(from) = variable.get("valueFrom") {
                self.value_from(container, &name, &from, environment);
            } else {
                let text = variable.text("value").unwrap_or_default();
                if !text.contains("$(") {
                    entry(container, &name, &variable).set(environment, Text::plain(text));
                    continue;
                }
                for environment in self.scope(environment) {
                    let environment = environment.as_deref();
                    let text = references(&text, &container.variables, environment);
                    entry(container, &name, &variable).set(environment, text);
                }
            }
        }
    }

    fn all_of(
        &mut self,
        container: &mut Container,
        prefix: &str,
        store: Store,
        environment: Option<&str>,
        object: &Node<'a>,
    ) {
        for (key, datum, place) in data(store, object) {
            let Datum::Text(text) = datum else { continue };
            let setting = container
                .variables
                .entry(format!("{prefix}{key}"))
                .or_insert_with(|| Setting::new(place));
            setting.secret |= store == Store::Secret;
            setting.set(environment, Text::plain(text));
        }
    }

    fn value_from(
        &mut self,
        container: &mut Container,
        name: &str,
        from: &Node<'a>,
        environment: Option<&str>,
    ) {
        for (key, store) in [
            ("configMapKeyRef", Store::ConfigMap),
            ("secretKeyRef", Store::Secret),
        ] {
            let Some(reference) = from.get(key) else {
                continue;
            };
            let object_name = reference.text("name").unwrap_or_default();
            let wanted = reference.text("key").unwrap_or_default();
            let stored = self.stored(store, &object_name, environment, &reference);
            let mut found = false;
            for (environment, object) in &stored {
                let datum = data(store, object).into_iter().find(|(k, ..)| *k == wanted);
                let Some((_, Datum::Text(text), place)) = datum else {
                    continue;
                };
                found = true;
                let setting = container
                    .variables
                    .entry(name.to_owned())
                    .or_insert_with(|| Setting::new(place));
                setting.secret |= store == Store::Secret;
                setting.set(environment.as_deref(), Text::plain(text));
            }
            if !found {
                if !stored.is_empty() {
                    self.no_key(store, &object_name, &wanted, &reference);
                }
                let setting = entry(container, name, &reference);
                setting.secret |= store == Store::Secret;
                setting.set(environment, Text::named(value_name(name)));
            }
            return;
        }
        let hint = message!(
            "ESTIBA_INSTANCE, ESTIBA_WORKLOAD and ESTIBA_ENVIRONMENT say what an instance is",
            "ESTIBA_INSTANCE, ESTIBA_WORKLOAD y ESTIBA_ENVIRONMENT dicen qué es una instancia"
        );
        self.report.dropped(
            from.key_place(),
            &format!("{name}: valueFrom"),
            &message!(
                "a workload can't read what only a cluster knows",
                "un componente no puede leer lo que solo un clúster sabe"
            ),
            hint,
        );
    }

    fn no_key(&mut self, store: Store, object: &str, key: &str, at: &Node<'_>) {
        let kind = store.kind();
        self.report.error(
            "missing-key",
            at.place(),
            message!(
                "{kind} {object} has no key {key}: in a cluster the pod would not start",
                "{kind} {object} no tiene la clave {key}: en un clúster el pod no arrancaría"
            ),
            message!(
                "correct the key, or set the value by hand",
                "corrija la clave, o defina el valor a mano"
            ),
        );
    }
}

fn entry<'c>(container: &'c mut Container, name: &str, at: &Node<'_>) -> &'c mut Setting {
    container
        .variables
        .entry(name.to_owned())
        .or_insert_with(|| Setting::new(at.place()))
}

/// `$(NAME)` of a variable that comes before
/// (<https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/>).
fn references(text: &str, before: &IndexMap<String, Setting>, environment: Option<&str>) -> Text {
    let mut expanded = Text::default();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once("$(") {
        expanded.push(Piece::Plain(plain.to_owned()));
        let known = after.split_once(')').and_then(|(name, after)| {
            let setting = before.get(name)?;
            let text = match environment {
                Some(environment) => setting.of(environment),
                None => setting.texts().next(),
            };
            // A secret is not written out into another value.
            let text = text.filter(|_| !setting.secret)?;
            Some((text.clone(), after))
        });
        if let Some((text, after)) = known {
            text.0.into_iter().for_each(|piece| expanded.push(piece));
            rest = after;
        } else {
            expanded.push(Piece::Plain("$(".to_owned()));
            rest = after;
        }
    }
    expanded.push(Piece::Plain(rest.to_owned()));
    expanded
}
