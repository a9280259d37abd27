//! `app.json` (<https://devcenter.heroku.com/articles/app-json-schema>).

use std::collections::BTreeMap;

use estiba_model::{Message, message};

use super::config::{json, set};
use crate::node::Node;
use crate::report::Report;
use crate::source::Source;
use crate::text::{Setting, Text};

/// What an `app.json` says.
#[derive(Debug, Default)]
pub(super) struct App {
    pub variables: Vec<(String, Setting)>,
    pub environments: Vec<String>,
    /// Copies by type of process.
    pub copies: BTreeMap<String, u64>,
    /// It has the add-on that provides PostgreSQL.
    pub postgres: bool,
    /// It lists its add-ons, so that a database is one of them.
    pub add_ons_known: bool,
}

pub(super) fn read(source: &Source, report: &mut Report) -> App {
    let mut app = App::default();
    let Some(document) = json(source, report) else {
        return app;
    };
    let root = Node::root(&document);
    variables(&root, None, &mut app);
    add_ons(&root, &mut app, report);
    for (kind, node) in root.entries("formation") {
        if let Some(quantity) = node.number("quantity") {
            app.copies.insert(kind.to_owned(), quantity);
        }
        if let Some(size) = node.get("size") {
            report.dropped(
                size.key_place(),
                "size",
                &message!("a target has no dynos", "una plataforma no tiene dynos"),
                message!(
                    "say what it may use in `resources.limits` of the Score file",
                    "diga cuánto puede usar en `resources.limits` del archivo Score"
                ),
            );
        }
    }
    for (name, node) in root.entries("environments") {
        app.environments.push(name.to_owned());
        variables(&node, Some(name), &mut app);
    }
    for (key, node) in root.fields() {
        if let Some((why, hint)) = reason(key) {
            report.dropped(node.key_place(), key, &why, hint);
        }
    }
    app
}

/// `env`: texts, or maps with `value`; one with neither is asked for.
fn variables(node: &Node<'_>, environment: Option<&str>, app: &mut App) {
    for (name, node) in node.entries("env") {
        let value = node.scalar().or_else(|| node.text("value"));
        match value {
            Some(text) => set(
                &mut app.variables,
                name,
                environment,
                &text,
                node.key_place(),
            ),
            None => {
                let known = app.variables.iter().any(|(known, _)| known == name);
                if node.text("required").as_deref() == Some("false") || known {
                    continue;
                }
                let mut setting = Setting::same(Text::named(name), node.key_place());
                setting.secret = node.text("generator").as_deref() == Some("secret");
                app.variables.push((name.to_owned(), setting));
            }
        }
    }
}

fn add_ons(root: &Node<'_>, app: &mut App, report: &mut Report) {
    app.add_ons_known = root.get("addons").is_some();
    for node in root.items("addons") {
        let plan = node
            .scalar()
            .or_else(|| node.text("plan"))
            .unwrap_or_default();
        let name = plan.split(':').next().unwrap_or_default();
        if name == "heroku-postgresql" {
            app.postgres = true;
            report.warn(
                "database",
                node.place(),
                message!(
                    "the add-on {name} became a resource that each environment provides",
                    "el complemento {name} pasó a ser un recurso que cada ambiente provee"
                ),
                message!(
                    "the new database is empty: `heroku pg:backups:download`, then `estiba db restore FILE --env ENVIRONMENT`",
                    "la base nueva está vacía: `heroku pg:backups:download` y después `estiba db restore ARCHIVO --env AMBIENTE`"
                ),
            );
            continue;
        }
        report.dropped(
            node.place(),
            &plan,
            &message!("Estiba has no add-ons", "Estiba no tiene complementos"),
            message!(
                "keep the address of the service as a secret, or run it as a workload",
                "guarde la dirección del servicio como secreto, o ejecútelo como componente"
            ),
        );
    }
}

fn reason(key: &str) -> Option<(Message, Message)> {
    Some(match key {
        "buildpacks" | "stack" => (
            message!("Estiba has no buildpacks", "Estiba no tiene buildpacks"),
            message!(
                "write a Dockerfile beside the Score file",
                "escriba un Dockerfile junto al archivo Score"
            ),
        ),
        "scripts" => (
            message!(
                "nothing runs after a deployment but migrations",
                "después de un despliegue no corre nada más que migraciones"
            ),
            message!(
                "make it a migration with the annotation estiba.dev/migration, or run it with `estiba exec`",
                "hágalo una migración con la anotación estiba.dev/migration, o ejecútelo con `estiba exec`"
            ),
        ),
        "image" | "heroku" | "success_url" => (
            message!("it is for Heroku alone", "es solo para Heroku"),
            message!("nothing needs to be done", "no hace falta hacer nada"),
        ),
        _ => return None,
    })
}
