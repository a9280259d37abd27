//! The files of the new project.

mod project;
mod score;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use estiba_model::{Lang, Message, message};

use crate::Options;
use crate::draft::{Draft, Image, Workload};
use crate::files::{Files, Kind, join};
use crate::link::Values;
use crate::report::Report;

/// What an image can be built from.
const BUILD_FILES: [&str; 3] = ["Dockerfile", "Containerfile", "Cargo.toml"];

/// The Score files and the `estiba.yaml`.
pub(crate) fn files(
    files: &dyn Files,
    draft: &Draft,
    values: &Values,
    options: &Options,
    report: &mut Report,
) -> Vec<(PathBuf, String)> {
    let mut written = Vec::new();
    let mut taken = BTreeSet::new();
    let mut paths = Vec::new();
    for workload in &draft.workloads {
        let path = score_path(files, workload, options, &mut taken, report);
        let folder = path.parent().unwrap_or(Path::new(""));
        let text = score::text(files, workload, folder, options.lang, report);
        paths.push(below(&path, &options.directory));
        written.push((path, text));
    }
    let project = project::text(draft, values, &paths, options);
    written.push((join(&options.directory, estiba_project::FILE_NAME), project));
    written
}

/// Beside what is built, otherwise in a folder of the workload's name.
fn score_path(
    files: &dyn Files,
    workload: &Workload,
    options: &Options,
    taken: &mut BTreeSet<PathBuf>,
    report: &mut Report,
) -> PathBuf {
    let name = &workload.name;
    let built = workload
        .containers
        .values()
        .any(|container| container.image == Image::Built);
    let source = workload.folder.as_ref().filter(|_| built);
    let directory = join(&options.directory, "");
    let inside = source.filter(|folder| join(folder, "").starts_with(&directory));
    if let Some(folder) = source {
        buildable(files, workload, folder, inside.is_some(), report);
    }
    let folder = match inside {
        Some(folder) => join(folder, ""),
        None => join(&directory, name.as_str()),
    };
    // Two workloads of one source lie side by side.
    let first = folder.join("score.yaml");
    if taken.insert(first.clone()) {
        return first;
    }
    let own = folder.join(format!("score.{name}.yaml"));
    taken.insert(own.clone());
    own
}

fn buildable(
    files: &dyn Files,
    workload: &Workload,
    folder: &Path,
    inside: bool,
    report: &mut Report,
) {
    let name = &workload.name;
    let shown = folder.display();
    if !inside {
        report.error(
            "source-elsewhere",
            workload.place.clone(),
            message!(
                "{name} is built from {shown}, which is not below the new project's folder",
                "{name} se construye desde {shown}, que no está dentro de la carpeta del proyecto nuevo"
            ),
            message!(
                "import with `-o` naming a folder above the source, or copy the source beside the Score file",
                "importe con `-o` y una carpeta por encima del código, o copie el código junto al archivo Score"
            ),
        );
        return;
    }
    let can = |file: &str| files.kind(&join(folder, file)) == Kind::File;
    if BUILD_FILES.iter().any(|file| can(file)) {
        return;
    }
    report.error(
        "unbuildable-image",
        workload.place.clone(),
        message!(
            "{name} is built from {shown}, which has neither a Dockerfile nor a Cargo.toml",
            "{name} se construye desde {shown}, que no tiene ni Dockerfile ni Cargo.toml"
        ),
        message!(
            "add a Dockerfile; Estiba has no buildpacks",
            "agregue un Dockerfile; Estiba no tiene buildpacks"
        ),
    );
}

/// `path` from `directory`.
fn below(path: &Path, directory: &Path) -> String {
    let path = path.strip_prefix(join(directory, "")).unwrap_or(path);
    path.to_string_lossy().into_owned()
}

/// A comment of as many lines as the text has.
fn comment(text: &Message, lang: Lang) -> String {
    let lines = text.text(lang).lines();
    lines.map(|line| format!("# {line}\n")).collect()
}
