//! The files of a Heroku app: `Procfile`, `app.json`, and config vars as JSON.

mod app;
mod config;
mod procfile;

use std::path::{Path, PathBuf};

use estiba_model::{MIGRATION_ANNOTATION, Name, Place};

use crate::draft::{Container, Draft, Image, Port, Resource, Workload};
use crate::files::Files;
use crate::names::Names;
use crate::report::{Report, start_of};
use crate::source::{Source, in_order};
use crate::text::{Piece, Setting, Text};
use app::App;

/// Where a web process listens when nothing else is said.
const PORT: u16 = 3000;

/// The workloads of an app: one for each type of process.
pub(crate) fn read(_files: &dyn Files, sources: &[Source], report: &mut Report) -> Draft {
    let named = |name: &str| {
        let mut found = sources
            .iter()
            .filter(|source| source.path.file_name().is_some_and(|file| file == name));
        found.next()
    };
    let app = named("app.json").map(|source| app::read(source, report));
    let app = app.unwrap_or_default();
    let processes = named("Procfile").map(procfile::read).unwrap_or_default();
    let folder = home(sources);
    let mut names = Names::default();
    let mut workloads = Vec::new();
    let mut release = None;
    for process in processes {
        if process.kind == "release" {
            release = Some(process);
            continue;
        }
        let place = process.place.clone();
        workloads.push(workload(&mut names, &process.kind, &folder, place));
        if let Some(container) = workloads
            .last_mut()
            .and_then(|workload| workload.containers.values_mut().next())
        {
            container.command = procfile::command(&process.command);
        }
    }
    if workloads.is_empty()
        && let Some(first) = sources.first()
    {
        // The Dockerfile says what runs.
        let place = start_of(&first.path);
        workloads.push(workload(&mut names, "web", &folder, place));
    }
    let mut settings = app.variables.clone();
    let mut environments: Vec<String> = app.environments.clone();
    for source in sources.iter().filter(|s| config::is_config(&s.path)) {
        let environment = source.environment.clone().unwrap_or_default();
        config::read(source, &environment, &mut settings, report);
        // Also where the file is broken: its values are missing then.
        environments.push(environment);
    }
    for workload in &mut workloads {
        finish(workload, &settings, &app);
    }
    if let Some(process) = release
        && let Some(workload) = workloads.first_mut()
    {
        migration(workload, &process);
    }
    Draft {
        workloads,
        environments: in_order(environments.into_iter().filter(|name| !name.is_empty())),
        ..Draft::default()
    }
}

/// The folder that is built: that of the Procfile, or of app.json; config files
/// are often in a folder of their own.
fn home(sources: &[Source]) -> PathBuf {
    let of = |name: &str| {
        let mut found = sources
            .iter()
            .filter(|source| source.path.file_name().is_some_and(|file| file == name));
        found.next()
    };
    let first = of("Procfile")
        .or_else(|| of("app.json"))
        .or(sources.first());
    let folder = first.and_then(|source| source.path.parent());
    let folder = folder.unwrap_or(Path::new("")).to_owned();
    match folder.file_name() {
        Some(name) if name == "scripts" || name == "config" => {
            folder.parent().unwrap_or(Path::new("")).to_owned()
        }
        _ => folder,
    }
}

fn workload(names: &mut Names, kind: &str, folder: &Path, place: Place) -> Workload {
    let mut workload = Workload::new(names.give(kind, "process"), place.clone());
    workload.folder = Some(folder.to_owned());
    if let Ok(main) = "main".parse::<Name>() {
        let container = Container::new(Image::Built, place);
        workload.containers.insert(main, container);
    }
    if kind == "web" {
        let port = Port {
            port: 80,
            target: PORT,
            udp: false,
        };
        workload.ports.insert("http".to_owned(), port);
        let route = Resource::new("route").with("path", "/").with("port", 80);
        workload.resource("route", route);
    }
    workload
}

fn finish(workload: &mut Workload, settings: &[(String, Setting)], app: &App) {
    workload.replicas = app.copies.get(workload.name.as_str()).copied();
    let web = workload.name.as_str() == "web";
    for container in workload.containers.values_mut() {
        for (name, setting) in settings {
            container.variables.insert(name.clone(), setting.clone());
        }
        if web {
            // Heroku says where to listen, and so does Estiba.
            let port = Setting::same(Text::plain(PORT.to_string()), container.place.clone());
            container.variables.insert("PORT".to_owned(), port);
        }
    }
    let database = settings.iter().any(|(name, _)| name == "DATABASE_URL");
    if app.postgres || (database && app.add_ons_known) {
        provided_database(workload);
    }
}

/// The add-on gave `DATABASE_URL`; now a resource does.
fn provided_database(workload: &mut Workload) {
    let part = |key| Piece::Output {
        resource: "db".to_owned(),
        key,
    };
    let plain = |text: &str| Piece::Plain(text.to_owned());
    let url = Text(vec![
        plain("postgres://"),
        part("username"),
        plain(":"),
        part("password"),
        plain("@"),
        part("host"),
        plain(":"),
        part("port"),
        plain("/"),
        part("name"),
    ]);
    for container in workload.containers.values_mut() {
        let setting = Setting::same(url.clone(), container.place.clone());
        container
            .variables
            .insert("DATABASE_URL".to_owned(), setting);
    }
    // One database for all processes of the app.
    let mut resource = Resource::new("postgres");
    resource.id = Some("db".to_owned());
    workload.resources.insert("db".to_owned(), resource);
}

/// `release` runs once for a release, and so does a migration.
fn migration(workload: &mut Workload, process: &procfile::Process) {
    let Ok(name) = "migrate".parse::<Name>() else {
        return;
    };
    let Some(mut container) = workload.containers.values().next().cloned() else {
        return;
    };
    container.command = procfile::command(&process.command);
    container.place = process.place.clone();
    container.variables.shift_remove("PORT");
    let annotation = MIGRATION_ANNOTATION.to_owned();
    workload.annotations.insert(annotation, name.to_string());
    workload.containers.insert(name, container);
}
