//! From the source of a project to a release: built once, read once.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use estiba_image::{BuildRequest, registry, version};
use estiba_model::{
    Container, Digest, Event, FileData, ImageSource, Message, Name, PROGRAM_ANNOTATION, Project,
    ProjectWorkload, Release, ReleasedWorkload, Version, Workload, message,
};
use estiba_store::PutRelease;
use jiff::Timestamp;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Observer;

/// The annotation that names files to pack beside the program, by commas.
const INCLUDE_ANNOTATION: &str = "estiba.dev/include";

/// The images that a release is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Images {
    /// Every container's.
    All,
    /// Those that are built from source.
    Built,
}

impl Engine {
    /// Builds what has changed and makes a release of it; the one there is where
    /// nothing has changed.
    ///
    /// # Errors
    /// When an image can't be built, a file can't be read, or the version exists
    /// with other content.
    pub async fn release(
        &self,
        project: &Project,
        version: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<Release, EngineError> {
        let release = self.assemble(project, version, observer).await?;
        self.keep(&release, observer).await?;
        Ok(release)
    }

    /// Keeps a release that was assembled; the one there is where nothing has
    /// changed.
    ///
    /// # Errors
    /// When the version exists with other content.
    pub async fn keep(
        &self,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<(), EngineError> {
        let put = self.store.put_release(release).await?;
        observer.event(Event::Released {
            version: release.version.clone(),
            new: put == PutRelease::Created,
        });
        Ok(())
    }

    /// The same without keeping it: what a release of the source would be.
    ///
    /// # Errors
    /// When an image can't be built or a file can't be read.
    pub async fn assemble(
        &self,
        project: &Project,
        version: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<Release, EngineError> {
        self.made(project, version, Images::All, observer).await
    }

    /// A release whose images of others are not fetched, for what refers to
    /// them by name. It can't be deployed, and is not kept.
    ///
    /// # Errors
    /// As [`Engine::assemble`].
    pub async fn assemble_built(
        &self,
        project: &Project,
        version: Option<&str>,
        observer: &dyn Observer,
    ) -> Result<Release, EngineError> {
        self.made(project, version, Images::Built, observer).await
    }

    async fn made(
        &self,
        project: &Project,
        version: Option<&str>,
        wanted: Images,
        observer: &dyn Observer,
    ) -> Result<Release, EngineError> {
        let mut workloads = BTreeMap::new();
        let mut built = HashMap::new();
        for (name, source) in &project.workloads {
            let images = self
                .images_of(project, name, source, wanted, &mut built, observer)
                .await?;
            let workload = with_files_read(source)?;
            workloads.insert(name.clone(), ReleasedWorkload { workload, images });
        }
        let mut release = Release {
            project: project.id.clone(),
            version: placeholder_version()?,
            commit: None,
            commits: Vec::new(),
            created_at: Timestamp::now(),
            workloads,
        };
        let content = release.content();
        let derived = version::derive(&project.directory, version, content.as_str())
            .await
            .map_err(|error| EngineError::refused(error.message().clone()))?;
        release.version = derived.version;
        release.commit = derived.commit;
        // One that is kept already has them.
        let kept = self.store.release(&project.id, &release.version).await?;
        if kept.is_none() && release.commit.is_some() {
            release.commits = version::commits(&project.directory).await;
        }
        Ok(release)
    }

    async fn images_of(
        &self,
        project: &Project,
        name: &Name,
        source: &ProjectWorkload,
        wanted: Images,
        built: &mut HashMap<BuildKey, Digest>,
        observer: &dyn Observer,
    ) -> Result<BTreeMap<Name, Digest>, EngineError> {
        let mut images = BTreeMap::new();
        for (container_name, container) in &source.workload.containers {
            let image = match &container.image {
                ImageSource::Reference(_) if wanted == Images::Built => continue,
                ImageSource::Reference(reference) => {
                    self.pulled(project, name, reference, observer).await?
                }
                ImageSource::Built => {
                    let request = build_request(project, source, name, container_name);
                    let key = BuildKey::of(&request);
                    match built.get(&key) {
                        Some(image) => image.clone(),
                        None => {
                            let image = self.built(name, &request, observer).await?;
                            built.insert(key, image.clone());
                            image
                        }
                    }
                }
            };
            images.insert(container_name.clone(), image);
        }
        Ok(images)
    }

    async fn built(
        &self,
        workload: &Name,
        request: &BuildRequest,
        observer: &dyn Observer,
    ) -> Result<Digest, EngineError> {
        observer.event(Event::Building {
            workload: workload.clone(),
        });
        let mut on_line = |line: &str| {
            observer.event(Event::Line {
                text: line.to_owned(),
            });
        };
        let built = estiba_image::build(&self.images, request, &mut on_line)
            .await
            .map_err(|source| EngineError::Build {
                workload: workload.clone(),
                source: Box::new(source),
            })?;
        for notice in built.notices {
            observer.event(Event::Notice { notice });
        }
        observer.event(Event::Built {
            workload: workload.clone(),
            image: built.digest.clone(),
            cached: built.cached,
        });
        Ok(built.digest)
    }

    /// An image that others made. A reference is looked up once for a project
    /// and then stays the same digest, as long as the store has it.
    async fn pulled(
        &self,
        project: &Project,
        workload: &Name,
        reference: &str,
        observer: &dyn Observer,
    ) -> Result<Digest, EngineError> {
        if let Some(known) = self.known_image(project, reference).await?
            && self.images.is_complete(&known)
        {
            return Ok(known);
        }
        observer.event(Event::Building {
            workload: workload.clone(),
        });
        let image = registry::pull(&self.images, reference)
            .await
            .map_err(|source| EngineError::Build {
                workload: workload.clone(),
                source: Box::new(source),
            })?;
        observer.event(Event::Built {
            workload: workload.clone(),
            image: image.clone(),
            cached: false,
        });
        Ok(image)
    }

    async fn known_image(
        &self,
        project: &Project,
        reference: &str,
    ) -> Result<Option<Digest>, EngineError> {
        let wanted = ImageSource::Reference(reference.to_owned());
        let Some(newest) = self.store.releases(&project.id).await?.into_iter().next() else {
            return Ok(None);
        };
        let Some(release) = self.store.release(&project.id, &newest.version).await? else {
            return Ok(None);
        };
        Ok(release.workloads.values().find_map(|released| {
            released
                .workload
                .containers
                .iter()
                .find(|(_, container)| container.image == wanted)
                .and_then(|(name, _)| released.images.get(name).cloned())
        }))
    }
}

/// Containers with equal keys share one build.
#[derive(Debug, PartialEq, Eq, Hash)]
struct BuildKey {
    dir: PathBuf,
    program: Option<String>,
    built: Option<PathBuf>,
    include: Vec<PathBuf>,
}

impl BuildKey {
    fn of(request: &BuildRequest) -> Self {
        Self {
            dir: request.dir.clone(),
            program: request.program.clone(),
            built: request.built.clone(),
            include: request.include.clone(),
        }
    }
}

/// What is built; compressed where there is a registry that it goes to.
fn build_request(
    project: &Project,
    source: &ProjectWorkload,
    workload: &Name,
    container: &Name,
) -> BuildRequest {
    let annotations = &source.workload.annotations;
    let built = source.workload.built_program().map(PathBuf::from);
    let named = annotations.get(PROGRAM_ANNOTATION).cloned();
    let include = annotations
        .get(INCLUDE_ANNOTATION)
        .map(|list| list.split(',').map(|path| path.trim().into()).collect())
        .unwrap_or_default();
    BuildRequest {
        dir: source.directory.clone(),
        workload: workload.to_string(),
        container: container.to_string(),
        dockerfile: None,
        program: named.filter(|_| built.is_none()),
        built,
        include,
        compress: project.registry.is_some(),
    }
}

/// The workload with the content of its file sources in it.
fn with_files_read(source: &ProjectWorkload) -> Result<Workload, EngineError> {
    let mut workload = source.workload.clone();
    let mut problems = Vec::new();
    for container in workload.containers.values_mut() {
        read_files(container, &source.directory, &mut problems);
    }
    if problems.is_empty() {
        Ok(workload)
    } else {
        Err(EngineError::Refused(problems))
    }
}

fn read_files(container: &mut Container, directory: &Path, problems: &mut Vec<Message>) {
    for file in container.files.values_mut() {
        let FileData::Source(path) = &file.data else {
            continue;
        };
        let path = directory.join(path);
        match std::fs::read(&path) {
            Ok(bytes) => {
                file.data = match String::from_utf8(bytes) {
                    Ok(text) => FileData::Content(text),
                    Err(error) => FileData::Binary(error.into_bytes()),
                };
            }
            Err(error) => {
                let path = path.display();
                problems.push(message!(
                    "{path} can't be read: {error}",
                    "no se puede leer {path}: {error}"
                ));
            }
        }
    }
}

/// The content of a release does not depend on its version, and its version may
/// depend on its content.
pub(crate) fn placeholder_version() -> Result<Version, EngineError> {
    "0".parse()
        .map_err(|error: estiba_model::NameError| EngineError::refused(error.message().clone()))
}
