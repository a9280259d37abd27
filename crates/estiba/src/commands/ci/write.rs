//! `estiba ci gitlab` and `github`.

use std::path::{Path, PathBuf};

use estiba_ci::{Builder, File, Include, Language, Pipeline, Tests, Through, Trigger};
use estiba_model::{Project, message};

use crate::cli::{Component, OnArg, PipelineArgs};
use crate::context::Context;
use crate::failure::Failure;

use super::options::{self, environments};

/// Writes a pipeline of GitLab.
pub fn gitlab(
    context: &Context,
    args: &PipelineArgs,
    component: &Component,
) -> Result<(), Failure> {
    if component.catalog {
        let folder = context.folder();
        // A folder that is mistyped is not to be made.
        std::fs::metadata(folder).map_err(|error| Failure::file(folder, &error))?;
        return put(context, folder, args, &estiba_ci::catalog());
    }
    options::component(component)?;
    let project = context.project()?;
    let pipeline = pipeline(&project, args)?;
    let include = match &component.component {
        Some(address) => Include::Component(address.clone()),
        None if component.no_inputs => Include::Resolved,
        None => Include::Local,
    };
    let files = estiba_ci::gitlab(&pipeline, &include);
    put(context, &project.directory, args, &files)?;
    advise(context, &project, &pipeline);
    Ok(())
}

/// Writes a workflow of GitHub.
pub fn github(context: &Context, args: &PipelineArgs) -> Result<(), Failure> {
    let project = context.project()?;
    let pipeline = pipeline(&project, args)?;
    let files = estiba_ci::github(&pipeline);
    put(context, &project.directory, args, &files)?;
    ask_for_reviewers(context, &pipeline);
    advise(context, &project, &pipeline);
    Ok(())
}

/// GitHub has no job that waits for a person: only environments do.
fn ask_for_reviewers(context: &Context, pipeline: &Pipeline) {
    let prod = &pipeline.prod;
    context.output.line(&message!(
        "next: in the repository's Settings, Environments, give {prod} \"Required reviewers\": without them, the workflow promotes to {prod} by itself, right after {}",
        "ahora: en Settings, Environments del repositorio, dele a {prod} «Required reviewers»: sin ellos, el workflow promueve a {prod} por sí solo, justo después de {}",
        pipeline.test
    ));
}

fn pipeline(project: &Project, args: &PipelineArgs) -> Result<Pipeline, Failure> {
    let server = options::server(args)?;
    options::texts(args)?;
    let (test, prod) = environments(project, args)?;
    Ok(Pipeline {
        on: match args.on {
            OnArg::Tags => Trigger::Tags,
            OnArg::Branches => Trigger::Branches,
        },
        through: server.map_or(Through::Runner, |url| Through::Server(url.to_owned())),
        builder: match args.buildah {
            true => Builder::Buildah,
            false => Builder::Machine,
        },
        test,
        prod,
        previews: project.previews.is_some(),
        tests: tests(project),
        image: args.image.clone(),
        runners: args.runner.clone(),
    })
}

/// The tests of the workloads that are built from source.
fn tests(project: &Project) -> Vec<Tests> {
    let workloads = project.workloads.iter();
    let told = workloads.filter_map(|(name, workload)| {
        let folder = &workload.directory;
        let language = Language::of(|file| folder.join(file).is_file())?;
        let inside = folder.strip_prefix(&project.directory).unwrap_or(folder);
        let inside = inside.strip_prefix(".").unwrap_or(inside);
        Some(Tests {
            workload: name.clone(),
            folder: inside.display().to_string(),
            language,
        })
    });
    // Workloads of one folder have the same tests.
    let mut folders = std::collections::BTreeSet::new();
    told.filter(|tests| folders.insert(tests.folder.clone()))
        .collect()
}

/// Writes files, or says whether they are as they would be written. Those that are
/// already are left alone; others are written over when asked to, or none is.
fn put(context: &Context, root: &Path, args: &PipelineArgs, files: &[File]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    let mut different = Vec::new();
    for file in files {
        let path = shown(root, &file.path);
        match std::fs::read_to_string(&path) {
            Ok(text) if file.is(&text) => {}
            Ok(_) => different.push((path, file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                missing.push((path, file));
            }
            Err(error) => return Err(Failure::file(&path, &error)),
        }
    }
    let list = |files: &[(PathBuf, &File)]| {
        let paths = files.iter().map(|(path, _)| path.display().to_string());
        paths.collect::<Vec<_>>()
    };
    context.output.json(&serde_json::json!({
        "missing": list(&missing), "different": list(&different),
    }));
    if args.check {
        let all = [list(&missing), list(&different)].concat().join(", ");
        if all.is_empty() {
            context.output.line(&message!(
                "the pipeline is as it would be written",
                "el pipeline es como se lo escribiría"
            ));
            return Ok(());
        }
        return Err(Failure::because(message!(
            "not as it would be written with these options: {all}; without --check, and with --force, it is written",
            "no es como se lo escribiría con estas opciones: {all}; sin --check, y con --force, se escribe"
        )));
    }
    if !different.is_empty() && !args.force {
        let all = list(&different).join(", ");
        return Err(Failure::because(message!(
            "{all} exists already and differs, and nothing was written; --force writes over it, --check only compares",
            "{all} ya existe y es distinto, y no se escribió nada; --force lo sobrescribe, --check solo compara"
        )));
    }
    for (path, file) in missing.into_iter().chain(different) {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        std::fs::write(&path, &file.text).map_err(|error| Failure::file(&path, &error))?;
        let (path, lines) = (path.display(), file.text.lines().count());
        context.output.line(&message!(
            "wrote {path} ({lines} lines)",
            "se escribió {path} ({lines} líneas)"
        ));
    }
    Ok(())
}

/// A file of the project, from here where it is below.
fn shown(root: &Path, inside: &Path) -> PathBuf {
    let path = root.join(inside);
    let here = std::env::current_dir().unwrap_or_default();
    let below = path.strip_prefix(&here).or(path.strip_prefix("."));
    below.map_or(path.clone(), Path::to_owned)
}

/// What else has to be done.
fn advise(context: &Context, project: &Project, pipeline: &Pipeline) {
    if !project.directory.join(".git").exists() {
        context.output.remark(&message!(
            "note: this folder is not the root of a Git repository, and pipelines are read there; estiba.yaml belongs there too",
            "nota: esta carpeta no es la raíz de un repositorio Git, y los pipelines se leen allí; estiba.yaml también va allí"
        ));
    }
    let Through::Server(_) = pipeline.through else {
        return;
    };
    // What Docker is sent of a repository's root has the state that jobs keep there.
    let at_root = |workload: &estiba_model::ProjectWorkload| {
        let has = |file: &str| workload.directory.join(file).is_file();
        workload.directory == project.directory && (has("Dockerfile") || has("Containerfile"))
    };
    let ignored = std::fs::read_to_string(project.directory.join(".dockerignore"));
    let is_ignored = ignored.is_ok_and(|text| {
        [".git", ".estiba"].iter().all(|name| {
            let lines = text.lines().map(|line| line.trim().trim_matches('/'));
            lines.into_iter().any(|line| line == *name || line == "*")
        })
    });
    if project.workloads.values().any(at_root) && !is_ignored {
        context.output.remark(&message!(
            "note: add the lines `.git` and `.estiba` to .dockerignore, or images are built anew each time",
            "nota: agregue las líneas `.git` y `.estiba` a .dockerignore, o las imágenes se construyen de nuevo cada vez"
        ));
    }
    context.output.line(&message!(
        "next: let the server trust this repository's pipelines (docs/en/pipelines.md), then push",
        "ahora: haga que el servidor confíe en los pipelines de este repositorio (docs/es/pipelines.md), y haga push"
    ));
}
