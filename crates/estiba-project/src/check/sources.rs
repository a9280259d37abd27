//! Files and folders of the project that the workloads are made from.

use estiba_model::{
    Container, FileData, ImageSource, Name, PROGRAM_ANNOTATION, Project, ProjectWorkload, message,
};

use crate::finding::{Findings, Spot};

/// What `image: .` can be built from.
pub(crate) const BUILD_FILES: [&str; 3] = ["Dockerfile", "Containerfile", "Cargo.toml"];

pub(super) fn check(project: &Project, found: &mut Findings) {
    for user in project.workloads.values() {
        built_program(user, found);
        for (name, container) in &user.workload.containers {
            buildable(user, name, container, found);
            file_sources(user, name, container, found);
        }
    }
}

fn buildable(user: &ProjectWorkload, name: &Name, container: &Container, found: &mut Findings) {
    let builds = |file: &&str| user.directory.join(file).is_file();
    if container.image != ImageSource::Built
        || user.workload.built_program().is_some()
        || BUILD_FILES.iter().any(builds)
    {
        return;
    }
    let directory = user.directory.display();
    found.error(
        "unbuildable-image",
        Spot::value(&user.file, &["containers", name.as_str(), "image"]),
        message!(
            "`image: .` is built from {directory}, which has neither a Dockerfile nor a Cargo.toml",
            "`image: .` se construye desde {directory}, que no tiene ni Dockerfile ni Cargo.toml"
        ),
        message!(
            "add one, name a program that is already built with the annotation {PROGRAM_ANNOTATION}, or a ready image such as `nginx:1.29`",
            "agregue uno, indique un programa ya construido con la anotación {PROGRAM_ANNOTATION}, o una imagen lista como `nginx:1.29`"
        ),
    );
}

/// A warning alone: a check may come before the build.
fn built_program(user: &ProjectWorkload, found: &mut Findings) {
    let Some(program) = user.workload.built_program() else {
        return;
    };
    let path = user.directory.join(program);
    if path.is_file() {
        return;
    }
    let path = path.display();
    found.warning(
        "missing-program",
        Spot::value(&user.file, &["metadata", "annotations", PROGRAM_ANNOTATION]),
        message!("there is no program {path}", "no existe el programa {path}"),
        message!(
            "build it before it is deployed; the path is relative to the folder of the Score file",
            "constrúyalo antes de desplegarlo; la ruta es relativa a la carpeta del archivo Score"
        ),
    );
}

fn file_sources(user: &ProjectWorkload, name: &Name, container: &Container, found: &mut Findings) {
    for (target, file) in &container.files {
        let FileData::Source(source) = &file.data else {
            continue;
        };
        let path = user.directory.join(source);
        if path.is_file() {
            continue;
        }
        let spot = Spot::value(
            &user.file,
            &["containers", name.as_str(), "files", target, "source"],
        );
        let shown = path.display();
        let message = if path.is_dir() {
            message!(
                "{shown} is a folder, not a file",
                "{shown} es una carpeta, no un archivo"
            )
        } else {
            message!("there is no file {shown}", "no existe el archivo {shown}")
        };
        found.error(
            "missing-source",
            spot,
            message,
            message!(
                "a `source` is relative to the folder of the Score file",
                "un `source` es relativo a la carpeta del archivo Score"
            ),
        );
    }
}
