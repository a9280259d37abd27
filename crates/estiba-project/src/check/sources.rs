//! Files and folders of the project that the workloads are made from.

use estiba_model::{Container, FileData, ImageSource, Name, Project, ProjectWorkload, message};

use crate::finding::{Findings, Spot};

/// What `image: .` can be built from.
pub(crate) const BUILD_FILES: [&str; 3] = ["Dockerfile", "Containerfile", "Cargo.toml"];

pub(super) fn check(project: &Project, found: &mut Findings) {
    for user in project.workloads.values() {
        for (name, container) in &user.workload.containers {
            buildable(user, name, container, found);
            file_sources(user, name, container, found);
        }
    }
}

fn buildable(user: &ProjectWorkload, name: &Name, container: &Container, found: &mut Findings) {
    let builds = |file: &&str| user.directory.join(file).is_file();
    if container.image != ImageSource::Built || BUILD_FILES.iter().any(builds) {
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
            "add one, or name a ready image such as `nginx:1.29`",
            "agregue uno, o indique una imagen lista como `nginx:1.29`"
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
