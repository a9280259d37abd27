//! A first `estiba.yaml`, from what is in a folder.

mod detect;
mod names;
mod template;

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Lang, Message, message};

use crate::load::{FILE_NAME, beside};
use detect::{Component, Found};

pub use names::{name_of, project as project_name, team as team_name};

/// The files to write for a new project; nothing is written yet.
#[derive(Debug, Default)]
pub struct InitPlan {
    /// New files and what is in them, for [`write_new`].
    pub files: Vec<(PathBuf, String)>,
    /// What was taken for granted, and what to do next.
    pub notes: Vec<Message>,
}

/// Writes a new file, and only if nothing has its name.
///
/// # Errors
/// When the file can't be made, also because it exists.
pub fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Looks at `directory` and its direct subfolders, and plans an `estiba.yaml`
/// for the Score files there. Folders that can be built and have no Score file
/// get one. `lang` is the language of the comments in the files.
///
/// # Errors
/// Where there is an `estiba.yaml` already, or nothing that could ship.
pub fn init(directory: &Path, lang: Lang) -> Result<InitPlan, Vec<Diagnostic>> {
    let file = beside(directory, FILE_NAME);
    if file.exists() {
        return Err(vec![exists_already(&file)]);
    }
    let components = detect::components(directory);
    if components.is_empty() {
        return Err(vec![nothing_to_ship(directory)]);
    }
    let mut plan = InitPlan::default();
    for component in &components {
        if let Found::Source(source) = &component.found {
            let text = template::score(component, source, &components, lang);
            plan.files
                .push((beside(directory, component.score_path()), text));
            plan.notes.push(guessed(component, source));
        }
    }
    let values: BTreeSet<String> = components.iter().flat_map(Component::values).collect();
    let text = template::project(
        &names::project(directory),
        &names::team(directory),
        &components,
        &values,
        lang,
    );
    plan.files.push((file, text));
    if values.contains(detect::TELEGRAM_TOKEN) {
        plan.notes.push(message!(
            "next: `estiba secret set TELEGRAM_TOKEN --env test`, with a bot of its own for each environment",
            "siguiente paso: `estiba secret set TELEGRAM_TOKEN --env test`, con un bot propio para cada ambiente"
        ));
    }
    Ok(plan)
}

fn exists_already(file: &Path) -> Diagnostic {
    let shown = file.display();
    Diagnostic::error(
        "project-exists",
        message!(
            "{shown} exists already, and nothing was changed",
            "{shown} ya existe y no se cambió nada"
        ),
    )
    .hint(message!(
        "`estiba check` tells what is wrong with it",
        "`estiba check` dice qué tiene de malo"
    ))
}

fn nothing_to_ship(directory: &Path) -> Diagnostic {
    let shown = directory.display();
    Diagnostic::error(
        "nothing-to-ship",
        message!(
            "neither {shown} nor a folder in it has a score.yaml, a Dockerfile or a Cargo package with a program",
            "ni {shown} ni una carpeta dentro tiene un score.yaml, un Dockerfile o un paquete de Cargo con un programa"
        ),
    )
    .hint(message!(
        "add one, and run `estiba init` again",
        "agregue uno y ejecute `estiba init` otra vez"
    ))
}

fn guessed(component: &Component, source: &detect::Source) -> Message {
    let (name, path) = (&component.name, component.score_path());
    match source.port {
        Some(port) => message!(
            "{path}: {name} is taken to listen on port {port}; correct it if it does not",
            "{path}: se supone que {name} escucha en el puerto {port}; corríjalo si no es así"
        ),
        None => message!(
            "{path}: {name} is taken for a bot that polls, with no port; add `service` if it listens",
            "{path}: se supone que {name} es un bot que consulta, sin puerto; agregue `service` si escucha"
        ),
    }
}
