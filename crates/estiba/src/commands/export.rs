//! `estiba export`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use estiba_export::{Database, Export, Exported, RunsAs};
use estiba_image::ImageStore;
use estiba_model::{ImageSource, Name, Project, ProjectWorkload, Release, Version, message};
use estiba_target_kubernetes::Settings;

use crate::backend::Backend;
use crate::cli::ExportFormat;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::ShownProgress;

/// What to export, and where to.
pub struct Wanted {
    /// As what.
    pub format: ExportFormat,
    /// The folder.
    pub output: PathBuf,
    /// Of which environment.
    pub environment: Option<Name>,
    /// Which release.
    pub version: Option<Version>,
    /// With comments that teach.
    pub explain: bool,
    /// With the images that were built.
    pub images: bool,
}

/// Writes an environment as files that run without Estiba.
pub async fn export(context: &Context, wanted: Wanted) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, wanted.environment)?;
    must_be_free(&wanted.output)?;
    let engine = context.engine().await?;
    let backend = context.backend_over(engine.clone()).await?;
    let id = engine.environment(&project, &environment)?;
    let config = backend.config(&project, &environment).await?;
    let secrets = backend.secrets(&project, &environment).await?;
    let replicas = backend.replicas(&project, &environment).await?;
    let existing = match &wanted.version {
        Some(version) => backend.existing_release(&project, version).await?,
        None => None,
    };
    let release = match existing {
        Some(release) => release,
        None => {
            let observer = ShownProgress::new(context.output);
            let version = wanted.version.as_ref().map(Version::as_str);
            engine.assemble_built(&project, version, &observer).await?
        }
    };
    let lang = context.output.lang;
    let export = Export {
        environment: id,
        version: release.version.clone(),
        workloads: release.what_runs(),
        registry: project.registry.clone(),
        config,
        secrets: secrets.into_iter().map(|(name, _)| name).collect(),
        replicas,
        without_shell: without_shell(&project),
        users: users(engine.images(), &*backend, &project, &release).await?,
        database: database(&project, &environment),
        cluster: cluster(&project, &environment)?,
        explain: wanted.explain.then_some(lang),
        lang,
    };
    let exported = match wanted.format {
        ExportFormat::Compose => estiba_export::compose(&export),
        ExportFormat::Kubernetes => estiba_export::kubernetes(&export),
        ExportFormat::Helm => estiba_export::chart(&export),
    };
    let exported = exported.map_err(|messages| Failure::Failed {
        messages,
        log: Vec::new(),
    })?;
    write(&wanted.output, &exported)?;
    let mut images = Vec::new();
    if wanted.images {
        images = save_images(context, &engine, &release, &exported, &wanted.output).await?;
    }
    tell(context, &wanted.output, &exported, &images);
    Ok(())
}

/// An export never mixes with what is there.
fn must_be_free(folder: &Path) -> Result<(), Failure> {
    let mut entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::file(folder, &error)),
    };
    if entries.next().is_none() {
        return Ok(());
    }
    let shown = folder.display();
    Err(Failure::because(message!(
        "{shown} is not empty; name a new folder with -o",
        "{shown} no está vacía; indique una carpeta nueva con -o"
    )))
}

/// What is packed has no shell; what a Dockerfile builds is taken to have one.
fn without_shell(project: &Project) -> BTreeSet<Name> {
    let packed = |workload: &ProjectWorkload| {
        let has = |file: &str| workload.directory.join(file).is_file();
        workload.workload.built_program().is_some()
            || has("Cargo.toml") && !has("Dockerfile") && !has("Containerfile")
    };
    let workloads = project.workloads.iter();
    let packed = workloads.filter(|(_, workload)| packed(workload));
    packed.map(|(name, _)| name.clone()).collect()
}

/// Whom containers run as, where their images are in the store: those of the
/// release, and those of others that a newer one pulled.
async fn users(
    images: &ImageStore,
    backend: &dyn Backend,
    project: &Project,
    release: &Release,
) -> Result<BTreeMap<(Name, Name), RunsAs>, Failure> {
    let newest = backend.releases(project).await?.into_iter().next();
    let newest = match newest {
        Some(newest) => backend.existing_release(project, &newest.version).await?,
        None => None,
    };
    let mut pulled = BTreeMap::new();
    for released in newest.iter().flat_map(|newest| newest.workloads.values()) {
        for (container, digest) in &released.images {
            if let ImageSource::Reference(name) = &released.workload.containers[container].image {
                pulled.insert(name, digest);
            }
        }
    }
    let mut users = BTreeMap::new();
    for (workload, released) in &release.workloads {
        for (name, container) in &released.workload.containers {
            let digest = match (released.images.get(name), &container.image) {
                (None, ImageSource::Reference(image)) => pulled.get(image).copied(),
                (digest, _) => digest,
            };
            let Some(digest) = digest.filter(|digest| images.is_complete(digest)) else {
                continue;
            };
            let user = images.user(digest);
            let user = user.map_err(|error| Failure::because(error.message()))?;
            let runs = user.map_or(RunsAs::Root, RunsAs::User);
            users.insert((workload.clone(), name.clone()), runs);
        }
    }
    Ok(users)
}

/// What the environment says about databases. Where it keeps a server's URL, only
/// that there is one matters: no part of it is written.
fn database(project: &Project, environment: &Name) -> Database {
    let settings = project.environments[environment].resources.get("postgres");
    let text = |key: &str| Some(settings?.get(key)?.as_str()?.to_owned());
    Database {
        image: text("image"),
        size: text("size"),
        external: text("url-from").is_some(),
    }
}

/// How the cluster of an environment is used, where it is on one.
fn cluster(project: &Project, environment: &Name) -> Result<Settings, Failure> {
    let targets = project.environments[environment].placement.values();
    let mut targets = targets.filter_map(|target| project.targets.get(target));
    let cluster = targets.find(|target| target.kind == "kubernetes");
    match cluster {
        Some(target) => Settings::parse(&target.settings).map_err(Failure::because),
        None => Ok(Settings::default()),
    }
}

fn write(folder: &Path, exported: &Exported) -> Result<(), Failure> {
    for file in &exported.files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Failure::file(parent, &error))?;
        }
        estiba_project::write_new(&path, &file.text)
            .map_err(|error| Failure::file(&path, &error))?;
        if file.executable {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&path, mode).map_err(|error| Failure::file(&path, &error))?;
        }
    }
    Ok(())
}

/// Writes each image that was built to `images/WORKLOAD.tar`.
async fn save_images(
    context: &Context,
    engine: &estiba_engine::Engine,
    release: &Release,
    exported: &Exported,
    folder: &Path,
) -> Result<Vec<PathBuf>, Failure> {
    let mut saved = Vec::new();
    for (workload, reference) in &exported.images {
        let Some(released) = release.workloads.get(workload) else {
            continue;
        };
        let digest = released
            .images
            .values()
            .find(|digest| released.is_built(digest));
        let Some(digest) = digest.cloned() else {
            continue;
        };
        let images = folder.join("images");
        std::fs::create_dir_all(&images).map_err(|error| Failure::file(&images, &error))?;
        let path = images.join(format!("{workload}.tar"));
        let (store, name, place) = (engine.images().clone(), reference.clone(), path.clone());
        let written =
            tokio::task::spawn_blocking(move || store.save_archive(&digest, &name, &place)).await;
        match written {
            Ok(written) => written.map_err(|error| Failure::because(error.message()))?,
            Err(error) => {
                let text = error.to_string();
                return Err(Failure::because(estiba_model::Message::verbatim(text)));
            }
        }
        let shown = path.display();
        context
            .output
            .line(&message!("wrote {shown}", "se escribió {shown}"));
        saved.push(path);
    }
    Ok(saved)
}

fn tell(context: &Context, folder: &Path, exported: &Exported, images: &[PathBuf]) {
    for note in &exported.notes {
        context.output.remark(note);
    }
    let files: Vec<PathBuf> = exported
        .files
        .iter()
        .map(|f| folder.join(&f.path))
        .collect();
    context.output.json(&serde_json::json!({
        "files": files,
        "images": images,
        "notes": exported.notes,
    }));
    let (count, shown) = (files.len(), folder.display());
    context.output.line(&message!(
        "wrote {count} files; {shown}/README.md says how to run them",
        "se escribieron {count} archivos; {shown}/README.md dice cómo ponerlos en marcha"
    ));
}
