//! `environment` and `env_file`.

use estiba_model::message;

use super::{Compose, interpolate};
use crate::draft::Container;
use crate::files::beside;
use crate::node::Node;
use crate::source::environment_of;
use crate::text::{Setting, Text};

impl<'a> Compose<'a> {
    /// The map or list of `environment`. A name alone is taken from where
    /// Compose runs, and so becomes a value of the environment.
    pub fn environment(
        &mut self,
        container: &mut Container,
        field: &Node<'a>,
        environment: Option<&str>,
    ) {
        let mut values = Vec::new();
        for (name, node) in field.fields() {
            values.push((name.to_owned(), node.scalar(), node));
        }
        for node in field.list() {
            let Some(text) = node.scalar() else { continue };
            match text.split_once('=') {
                Some((name, value)) => values.push((name.to_owned(), Some(value.to_owned()), node)),
                None => values.push((text, None, node)),
            }
        }
        for (name, value, node) in values {
            let value = value.unwrap_or_else(|| format!("${{{name}}}"));
            let text = self.variables.text(&value, &node.place());
            let setting = container
                .variables
                .entry(name)
                .or_insert_with(|| Setting::new(node.key_place()));
            setting.set(environment, text);
        }
    }

    /// The files of `env_file`, before `environment`, which wins over them.
    pub fn env_files(
        &mut self,
        container: &mut Container,
        service: &Node<'a>,
        environment: Option<&str>,
    ) {
        let Some(field) = service.get("env_file") else {
            return;
        };
        let mut listed = field.list();
        if listed.is_empty() {
            listed.push(field);
        }
        for node in listed {
            let Some(path) = node.scalar().or_else(|| node.text("path")) else {
                continue;
            };
            let path = self.plain(&path, &node);
            let file = beside(node.file(), &path);
            let Some(text) = self.files.text(&file) else {
                self.missing_env_file(&node, &path);
                continue;
            };
            // `.env.test` speaks of one environment.
            let of_name = environment_of(std::path::Path::new(&path));
            let environment = environment.or(of_name.as_deref());
            for (name, (value, place)) in interpolate::parse(&file, &text) {
                let setting = container
                    .variables
                    .entry(name)
                    .or_insert_with(|| Setting::new(place));
                setting.set(environment, Text::plain(value));
            }
        }
    }

    fn missing_env_file(&mut self, node: &Node<'_>, path: &str) {
        if node
            .get("required")
            .is_some_and(|node| *node.value == false)
        {
            return;
        }
        self.report.warn(
            "missing-file",
            node.place(),
            message!(
                "there is no file {path}, so its values are missing",
                "no existe el archivo {path}, así que faltan sus valores"
            ),
            message!(
                "import where it is, or add what it has to the Score file; `estiba secret set` for secrets",
                "importe donde esté, o agregue lo que tiene al archivo Score; los secretos, con `estiba secret set`"
            ),
        );
    }
}
