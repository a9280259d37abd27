//! From source to an image of the store: by a Dockerfile, or by the packer, with
//! Cargo or of a program that is already built.

mod cache;
mod cargo;
mod dockerfile;

use std::path::{Component, Path, PathBuf};

use estiba_model::{Digest, Message, message};

use crate::error::At;
use crate::fingerprint::Inputs;
use crate::pack::{PackRequest, PackedFile};
use crate::{ImageError, ImageStore};

use cache::BuildKey;

/// Where files of `include` go.
const APP_DIR: &str = "/app";

/// What to build.
#[derive(Debug, Clone, Default)]
pub struct BuildRequest {
    /// The directory with the sources: the Dockerfile's context.
    pub dir: PathBuf,
    /// The workload, for the names that tools show.
    pub workload: String,
    /// The container of the workload.
    pub container: String,
    /// A Dockerfile with a name or place of its own, relative to `dir`.
    pub dockerfile: Option<PathBuf>,
    /// The program of a Cargo package that has several.
    pub program: Option<String>,
    /// A program that is already built, relative to `dir`: it is packed as it is.
    pub built: Option<PathBuf>,
    /// Files and directories, relative to `dir`, that the packer puts below
    /// `/app`, the working directory. A Dockerfile has its own ways.
    pub include: Vec<PathBuf>,
    /// Whether layers are compressed, which takes time here and saves it where the
    /// image travels.
    pub compress: bool,
}

/// What came of a build.
#[derive(Debug, Clone)]
pub struct Built {
    /// The image.
    pub digest: Digest,
    /// Whether nothing had changed, so that nothing was built.
    pub cached: bool,
    /// What the user should know.
    pub notices: Vec<Message>,
}

/// Builds the image of a container; nothing is run if no input has changed.
///
/// A program that is already built is packed. A Dockerfile (or Containerfile) is
/// built by Docker, Podman or Buildah, whichever answers first. Without one, a
/// Cargo package is built in release mode and packed; also when there is a
/// Dockerfile and no tool to build it, which the notices then say.
///
/// The builder keeps its image too, as `estiba/{workload}-{container}:{hash}`:
/// its cache for the next build. A base image that changed under the same tag is
/// not noticed while the context is the same: name base images by digest.
///
/// `on_line` gets each line that the tools say.
///
/// # Errors
/// If there is nothing to build, no tool to build it, or the build fails.
pub async fn build(
    store: &ImageStore,
    request: &BuildRequest,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Built, ImageError> {
    let dir = request.dir.canonicalize().at(&request.dir)?;
    let user = store.clone();
    let _in_use = blocking(move || user.in_use()).await?;
    let request = &BuildRequest {
        dir,
        ..request.clone()
    };
    if let Some(built) = &request.built {
        return pack_program(store, request, request.dir.join(built)).await;
    }
    let dockerfile = find_dockerfile(request)?;
    let has_package = request.dir.join("Cargo.toml").is_file();
    match dockerfile {
        Some(dockerfile) => {
            let dir = request.dir.clone();
            let inputs = Inputs::Context {
                dir,
                dockerfile: dockerfile.clone(),
            };
            let key = BuildKey::new(store, request, inputs).await?;
            if let Some(digest) = key.find(store) {
                return Ok(unchanged(digest));
            }
            match dockerfile::find_builder().await {
                Ok(builder) => {
                    let tag = key.tag(request);
                    let digest = builder
                        .build(store, &request.dir, &dockerfile, &tag, on_line)
                        .await?;
                    kept(store, request, &key, digest).await
                }
                Err(_) if has_package => {
                    let mut built = pack_package(store, request, on_line).await?;
                    built.notices.push(packed_instead(&dockerfile));
                    Ok(built)
                }
                Err(tried) => Err(ImageError::NoBuilder { dockerfile, tried }),
            }
        }
        None if has_package => pack_package(store, request, on_line).await,
        None => Err(ImageError::NothingToBuild {
            dir: request.dir.clone(),
        }),
    }
}

async fn pack_package(
    store: &ImageStore,
    request: &BuildRequest,
    on_line: &mut (dyn FnMut(&str) + Send),
) -> Result<Built, ImageError> {
    let files = included(request)?;
    let (dir, include) = (request.dir.clone(), request.include.clone());
    let key = BuildKey::new(store, request, Inputs::Package { dir, include }).await?;
    if let Some(digest) = key.find(store) {
        return Ok(unchanged(digest));
    }
    let program = cargo::build(&request.dir, request.program.as_deref(), on_line).await?;
    packed(store, request, &key, program, files).await
}

/// A program that is already built.
async fn pack_program(
    store: &ImageStore,
    request: &BuildRequest,
    program: PathBuf,
) -> Result<Built, ImageError> {
    if !program.is_file() {
        return Err(ImageError::NoReadyProgram { path: program });
    }
    let files = included(request)?;
    let inputs = Inputs::Program {
        dir: request.dir.clone(),
        program: program.clone(),
        include: request.include.clone(),
    };
    let key = BuildKey::new(store, request, inputs).await?;
    if let Some(digest) = key.find(store) {
        return Ok(unchanged(digest));
    }
    packed(store, request, &key, program, files).await
}

async fn packed(
    store: &ImageStore,
    request: &BuildRequest,
    key: &BuildKey,
    program: PathBuf,
    files: Vec<PackedFile>,
) -> Result<Built, ImageError> {
    let workdir = if files.is_empty() { "/" } else { APP_DIR };
    let pack = PackRequest {
        program,
        files,
        workdir: workdir.to_owned(),
        ..PackRequest::default()
    };
    let packer = store.clone();
    let digest = blocking(move || packer.pack(&pack)).await?;
    kept(store, request, key, digest).await
}

/// The image as it is wanted, remembered for the next time.
async fn kept(
    store: &ImageStore,
    request: &BuildRequest,
    key: &BuildKey,
    image: Digest,
) -> Result<Built, ImageError> {
    let compressor = store.clone();
    let digest = match request.compress {
        true => blocking(move || compressor.compressed(&image)).await?,
        false => image,
    };
    key.remember(store, &digest)?;
    Ok(Built {
        digest,
        cached: false,
        notices: Vec::new(),
    })
}

fn included(request: &BuildRequest) -> Result<Vec<PackedFile>, ImageError> {
    let place = |path: &PathBuf| {
        let inside = path
            .components()
            .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        match path.to_str() {
            Some(name) if inside => Ok(PackedFile {
                source: request.dir.join(path),
                target: format!("{APP_DIR}/{name}"),
            }),
            _ => Err(ImageError::BadPath { path: path.clone() }),
        }
    };
    request.include.iter().map(place).collect()
}

fn find_dockerfile(request: &BuildRequest) -> Result<Option<PathBuf>, ImageError> {
    if let Some(named) = &request.dockerfile {
        let path = request.dir.join(named);
        return if path.is_file() {
            Ok(Some(path))
        } else {
            Err(ImageError::NoDockerfile { path })
        };
    }
    let usual = ["Dockerfile", "Containerfile"].map(|name| request.dir.join(name));
    Ok(usual.into_iter().find(|path| path.is_file()))
}

fn unchanged(digest: Digest) -> Built {
    Built {
        digest,
        cached: true,
        notices: Vec::new(),
    }
}

fn packed_instead(dockerfile: &Path) -> Message {
    let dockerfile = dockerfile.display();
    message!(
        "no tool on this machine can build {dockerfile}: the Cargo package was packed instead; install docker, podman or buildah to use the Dockerfile",
        "ninguna herramienta de esta máquina puede construir {dockerfile}: se empaquetó el paquete de Cargo; instale docker, podman o buildah para usar el Dockerfile"
    )
}

/// Disk work that must not hold up other tasks.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    }
}
