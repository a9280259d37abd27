//! Images to registries.

use estiba_model::{Digest, SecretString, message};
use futures::{StreamExt, TryStreamExt};
use oci_client::RegistryOperation;
use oci_client::secrets::RegistryAuth;
use oci_spec::image::ImageManifest;

use super::{OCI_MANIFEST, PARALLEL, Remote, parts};
use crate::build::blocking;
use crate::store::parse_json;
use crate::{ImageError, ImageStore};

/// Sends an image of the store to a registry, under the tag of `reference`.
/// Blobs that are there already are not sent again.
///
/// # Errors
/// If the reference is not valid, the image is not whole, or the registry
/// refuses or can't be reached.
pub async fn push(store: &ImageStore, reference: &str, digest: &Digest) -> Result<(), ImageError> {
    let remote = Remote::connect(reference, RegistryOperation::Push).await?;
    send_image(store, &remote, digest).await
}

/// The same, as a user of the registry that no `docker login` has to know.
///
/// # Errors
/// As [`push`].
pub async fn push_as(
    store: &ImageStore,
    reference: &str,
    digest: &Digest,
    (user, password): (&str, &SecretString),
) -> Result<(), ImageError> {
    let auth = RegistryAuth::Basic(user.to_owned(), password.expose().to_owned());
    let remote = Remote::enter(reference, RegistryOperation::Push, Some(auth)).await?;
    send_image(store, &remote, digest).await
}

async fn send_image(
    store: &ImageStore,
    remote: &Remote,
    digest: &Digest,
) -> Result<(), ImageError> {
    let user = store.clone();
    let _in_use = blocking(move || user.in_use()).await?;
    let raw = store.read(digest)?;
    let manifest: ImageManifest = parse_json(&raw, digest.as_str())?;
    let parts = parts(&manifest);
    let all = parts
        .iter()
        .map(|part| remote.persist(|| remote.send(store, part)));
    futures::stream::iter(all.collect::<Vec<_>>())
        .buffer_unordered(PARALLEL)
        .try_collect::<Vec<()>>()
        .await?;
    let kind = manifest
        .media_type()
        .as_ref()
        .map_or(OCI_MANIFEST.to_owned(), ToString::to_string);
    let publish = || async {
        let kind = kind.parse().map_err(|_| {
            ImageError::malformed(
                digest.as_str(),
                message!(
                    "its media type is not valid",
                    "su tipo de contenido no es válido"
                ),
            )
        })?;
        let raw = raw.clone();
        let published = remote.client.push_manifest_raw(&remote.image, raw, kind);
        published.await.map_err(|e| remote.error(&e))
    };
    remote.persist(publish).await?;
    Ok(())
}
