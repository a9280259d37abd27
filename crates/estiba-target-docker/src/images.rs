//! Images: from Estiba's store into the engine, under a tag that has the digest.

use std::collections::BTreeSet;
use std::io::{self, Write};

use bollard::query_parameters::{ImportImageOptions, ListImagesOptions, RemoveImageOptions};
use bytes::Bytes;
use estiba_host::HostError;
use estiba_image::ImageStore;
use estiba_model::{Digest, ProjectId, message};
use estiba_target::{ImageSpec, Progress};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::engine::{Engine, status};

/// A registry that does not exist, so that no engine asks one for these.
const REGISTRY: &str = "estiba.local";
/// Pieces on their way to the engine.
const IN_FLIGHT: usize = 8;
const PIECE_BYTES: usize = 256 << 10;

/// The engine's name for an image.
fn reference(image: &ImageSpec) -> String {
    let ImageSpec {
        digest,
        project,
        workload,
        ..
    } = image;
    format!(
        "{}{workload}:sha256-{}",
        repositories(project),
        digest.hex()
    )
}

fn digest_of(tag: &str) -> Option<Digest> {
    let (repository, tag) = tag.rsplit_once(':')?;
    repository.strip_prefix(REGISTRY)?;
    format!("sha256:{}", tag.strip_prefix("sha256-")?)
        .parse()
        .ok()
}

/// The digests of the images that the engine has for a project. Those of other
/// projects may go any moment.
pub(crate) async fn present(
    engine: &Engine,
    project: &ProjectId,
) -> Result<BTreeSet<Digest>, HostError> {
    let (tags, own) = (tags(engine).await?, repositories(project));
    let own = tags.iter().filter(|tag| tag.starts_with(&own));
    Ok(own.filter_map(|tag| digest_of(tag)).collect())
}

/// The beginning of the names of a project's images.
fn repositories(project: &ProjectId) -> String {
    let ProjectId { team, project } = project;
    format!("{REGISTRY}/{team}/{project}/")
}

/// The engine's name for an image, which is brought again where somebody removed
/// it since it was fetched.
pub(crate) async fn ensure(
    engine: &Engine,
    store: &ImageStore,
    image: &ImageSpec,
) -> Result<String, HostError> {
    let (tags, own) = (tags(engine).await?, repositories(&image.project));
    // By a name of another project it could go any moment.
    let is_it =
        |tag: &String| tag.starts_with(&own) && digest_of(tag).as_ref() == Some(&image.digest);
    let found = tags.into_iter().find(is_it);
    match found {
        Some(tag) => Ok(tag),
        None => load(engine, store, image).await,
    }
}

async fn tags(engine: &Engine) -> Result<Vec<String>, HostError> {
    let images = engine.api().await?.list_images(None::<ListImagesOptions>);
    let images = images.await.map_err(|error| engine.failed(error))?;
    Ok(images
        .into_iter()
        .flat_map(|image| image.repo_tags)
        .collect())
}

/// Brings an image into the engine.
pub(crate) async fn fetch(
    engine: &Engine,
    store: &ImageStore,
    image: &ImageSpec,
    progress: &dyn Progress,
) -> Result<(), HostError> {
    let name = reference(image);
    let has = engine.api().await?.inspect_image(&name).await;
    if has.is_ok() {
        return Ok(());
    }
    progress.line(&name);
    load(engine, store, image).await.map(drop)
}

/// Brings an image into the engine; its name there.
async fn load(engine: &Engine, store: &ImageStore, image: &ImageSpec) -> Result<String, HostError> {
    refuse_other_architecture(engine, store, image).await?;
    let name = reference(image);
    let (sender, receiver) = mpsc::channel(IN_FLIGHT);
    let archive = stream::unfold(receiver, |mut receiver| async {
        let piece: Result<Bytes, io::Error> = receiver.recv().await?;
        Some((piece, receiver))
    });
    let (store, digest, tag) = (store.clone(), image.digest.clone(), name.clone());
    let written = spawn_blocking(move || {
        let mut out = io::BufWriter::with_capacity(PIECE_BYTES, Pieces(sender.clone()));
        let exported = store.export_docker_archive(&digest, &tag, &mut out);
        let exported = exported.map_err(HostError::from);
        let all = exported.and_then(|()| out.flush().map_err(HostError::system("an image's way")));
        if all.is_err() {
            // Half an archive must not look like a whole one.
            let _ = sender.blocking_send(Err(io::ErrorKind::BrokenPipe.into()));
        }
        all
    });
    let api = engine.api().await?;
    let options = ImportImageOptions {
        quiet: true,
        ..ImportImageOptions::default()
    };
    let mut loading = Box::pin(api.import_image_stream(options, archive, None));
    let mut loaded = Ok(());
    while let Some(step) = loading.next().await {
        match step {
            Ok(info) => {
                if let Some(error) = info.error_detail.and_then(|detail| detail.message) {
                    loaded = Err(HostError::Told(message!(
                        "the engine does not take the image {name}: {error}",
                        "el motor no acepta la imagen {name}: {error}"
                    )));
                }
            }
            Err(error) => loaded = Err(engine.failed(error)),
        }
    }
    drop(loading);
    // What went wrong at the source explains what went wrong at the engine.
    let written = written
        .await
        .map_err(|error| HostError::system("a thread")(io::Error::other(error)))?;
    match (loaded, written) {
        (Ok(()), _) => Ok(name),
        (Err(_), Err(source)) if !matches!(source, HostError::System { .. }) => Err(source),
        (Err(error), _) => Err(error),
    }
}

/// The write end of an archive on its way.
struct Pieces(mpsc::Sender<Result<Bytes, io::Error>>);

impl Write for Pieces {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(piece)));
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn refuse_other_architecture(
    engine: &Engine,
    store: &ImageStore,
    image: &ImageSpec,
) -> Result<(), HostError> {
    let wanted = store.architecture(&image.digest)?;
    let version = engine.api().await?.version().await;
    let version = version.map_err(|error| engine.failed(error))?;
    let has = version.arch.unwrap_or_default();
    if has.is_empty() || has == wanted {
        return Ok(());
    }
    let (workload, socket) = (&image.workload, engine.socket());
    Err(HostError::Told(message!(
        "the image of {workload} is for {wanted}, and the engine behind {socket} runs {has}: build it for {has}",
        "la imagen de {workload} es para {wanted} y el motor detrás de {socket} ejecuta {has}: constrúyala para {has}"
    )))
}

/// Removes the project's images that nothing uses any more, for a project that
/// has no environment left on the engine: one that is deployed right now may
/// have fetched what it does not run yet.
pub(crate) async fn remove_unused(engine: &Engine, project: &ProjectId) -> Result<(), HostError> {
    let own = repositories(project);
    for tag in tags(engine).await? {
        if !tag.starts_with(&own) {
            continue;
        }
        let removed = engine
            .api()
            .await?
            .remove_image(&tag, None::<RemoveImageOptions>, None);
        match removed.await {
            // Another environment runs it.
            Err(error) if status(&error) == Some(409) => {}
            Err(error) => engine.unless_gone(error)?,
            Ok(_) => {}
        }
    }
    Ok(())
}
