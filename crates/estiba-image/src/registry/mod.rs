//! Images to and from registries
//! (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md>).
//!
//! Credentials are those of `docker login`; without any, access is anonymous.
//! A registry on this machine (a loopback address) is spoken to without TLS, as
//! Docker does.

mod credentials;
mod fault;
mod patience;
mod push;

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::Retryable;
use bytes::Bytes;
use estiba_model::{Digest, message};
use futures::future::{Either, select};
use futures::{Stream, StreamExt, TryStreamExt};
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use oci_spec::image::{Arch, Descriptor, ImageIndex, ImageManifest, Os};
use serde::Deserialize;
use tokio::io::AsyncReadExt;

use crate::build::blocking;
use crate::image::descriptor_digest;
use crate::store::{MAX_BLOB_BYTES, MAX_JSON_BYTES, parse_json};
use crate::{ImageError, ImageStore};

use credentials::credentials;
pub use credentials::is_loopback;
pub use credentials::login;
pub use fault::RegistryFault;
use fault::pauses;
use patience::{LONGEST_WAIT, Patience, SILENCE_LIMIT};
pub use push::{push, push_as};

/// How many blobs travel at once.
const PARALLEL: usize = 3;
/// How much of a blob is read at once.
const CHUNK_BYTES: usize = 256 << 10;
/// A registry that can't be reached in this time is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Brings an image into the store; of one for several platforms, the one for
/// this machine. Blobs that are there already are not fetched again.
///
/// # Errors
/// If the reference is not valid, the registry refuses or can't be reached, or
/// what it sends is not what its digest promises.
pub async fn pull(store: &ImageStore, reference: &str) -> Result<Digest, ImageError> {
    let user = store.clone();
    let _in_use = blocking(move || user.in_use()).await?;
    let remote = Remote::connect(reference, RegistryOperation::Pull).await?;
    let (digest, raw) = remote.persist(|| remote.manifest()).await?;
    let manifest: ImageManifest = parse_json(&raw, reference)?;
    let parts = parts(&manifest);
    let all = parts
        .iter()
        .map(|part| remote.persist(|| remote.fetch(store, part)));
    futures::stream::iter(all.collect::<Vec<_>>())
        .buffer_unordered(PARALLEL)
        .try_collect::<Vec<()>>()
        .await?;
    // Last, so that an image that has its manifest is whole.
    store.keep_bytes(&raw)?;
    Ok(digest)
}

/// The digest of the manifest that a registry has under `reference`; none where
/// it has no such image. Nothing is transferred.
///
/// # Errors
/// If the reference is not valid, or the registry refuses or can't be reached.
pub async fn digest_of(reference: &str) -> Result<Option<Digest>, ImageError> {
    let remote = Remote::connect(reference, RegistryOperation::Pull).await?;
    let look = || async {
        let (image, auth) = (&remote.image, &remote.auth);
        let found = remote.client.fetch_manifest_digest(image, auth).await;
        match found {
            Ok(digest) => crate::image::parse_digest(&digest).map(Some),
            Err(error) => match remote.error(&error) {
                ImageError::Registry {
                    fault: RegistryFault::Missing(_),
                    ..
                } => Ok(None),
                error => Err(error),
            },
        }
    };
    remote.persist(look).await
}

/// Everything that an image is made of but its manifest.
fn parts(manifest: &ImageManifest) -> Vec<Descriptor> {
    let config = std::iter::once(manifest.config());
    config.chain(manifest.layers()).cloned().collect()
}

/// An image in a registry.
struct Remote {
    client: Client,
    image: Reference,
    auth: RegistryAuth,
    /// What the registry gave for the credentials, where it did.
    token: Option<String>,
    patience: Arc<Patience>,
}

impl Remote {
    async fn connect(reference: &str, operation: RegistryOperation) -> Result<Self, ImageError> {
        Self::enter(reference, operation, None).await
    }

    /// As whoever `known` is; without, as `docker login` says.
    async fn enter(
        reference: &str,
        operation: RegistryOperation,
        known: Option<RegistryAuth>,
    ) -> Result<Self, ImageError> {
        let image: Reference = reference.parse().map_err(|error: oci_client::ParseError| {
            ImageError::BadReference {
                reference: reference.to_owned(),
                reason: error.to_string(),
            }
        })?;
        // Whoever chose a provider before, chose it for this program.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let registry = image.resolve_registry().to_owned();
        let protocol = if is_loopback(&registry) {
            ClientProtocol::HttpsExcept(vec![registry.clone()])
        } else {
            ClientProtocol::Https
        };
        let client = Client::new(ClientConfig {
            protocol,
            // One request a blob: not every registry takes several.
            use_monolithic_push: true,
            connect_timeout: Some(CONNECT_LIMIT),
            ..ClientConfig::default()
        });
        let reference = image.whole();
        let auth = match known {
            Some(auth) => auth,
            None => {
                let kept = blocking(move || {
                    credentials(&registry).map_err(|error| ImageError::Registry {
                        reference,
                        fault: RegistryFault::NoCredentials(error.to_string()),
                    })
                });
                kept.await?
            }
        };
        let mut remote = Self {
            client,
            image,
            auth,
            token: None,
            patience: Arc::new(Patience::new()),
        };
        let enter = || async {
            let entered = remote.client.auth(&remote.image, &remote.auth, operation);
            entered.await.map_err(|e| remote.error(&e))
        };
        remote.token = remote.persist(enter).await?;
        Ok(remote)
    }

    /// The manifest for this machine, verified.
    async fn manifest(&self) -> Result<(Digest, Vec<u8>), ImageError> {
        let (digest, raw) = self.raw_manifest(&self.image).await?;
        let kind: MediaKind = parse_json(&raw, &self.image.whole())?;
        if !kind.is_index() {
            return Ok((digest, raw));
        }
        let index: ImageIndex = parse_json(&raw, &self.image.whole())?;
        let mine = index.manifests().iter().find(|image| {
            image.platform().as_ref().is_some_and(|platform| {
                *platform.os() == Os::Linux && *platform.architecture() == Arch::default()
            })
        });
        let Some(mine) = mine else {
            return Err(ImageError::malformed(
                self.image.whole(),
                message!(
                    "it has no image for this machine's processor",
                    "no tiene una imagen para el procesador de esta máquina"
                ),
            ));
        };
        let chosen = self
            .image
            .clone_with_digest(descriptor_digest(mine)?.to_string());
        self.raw_manifest(&chosen).await
    }

    async fn raw_manifest(&self, image: &Reference) -> Result<(Digest, Vec<u8>), ImageError> {
        let accepted = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];
        let (raw, _) = self
            .client
            .pull_manifest_raw(image, &self.auth, &accepted)
            .await
            .map_err(|e| self.error(&e))?;
        if raw.len() as u64 > MAX_JSON_BYTES {
            return Err(ImageError::TooBig {
                origin: image.whole(),
                limit_bytes: MAX_JSON_BYTES,
            });
        }
        let actual = Digest::of(&raw);
        match image.digest() {
            Some(expected) if expected != actual.as_str() => Err(ImageError::WrongDigest {
                origin: image.whole(),
                expected: crate::image::parse_digest(expected)?,
                actual,
            }),
            _ => Ok((actual, raw.to_vec())),
        }
    }

    async fn fetch(&self, store: &ImageStore, part: &Descriptor) -> Result<(), ImageError> {
        let digest = descriptor_digest(part)?;
        if store.blob_path(&digest).is_file() {
            return Ok(());
        }
        let limit_bytes = part.size().min(MAX_BLOB_BYTES);
        let mut blob = store.new_blob(limit_bytes)?;
        let wanted = oci_client::manifest::OciDescriptor {
            digest: digest.to_string(),
            ..Default::default()
        };
        let mut stream = self
            .client
            .pull_blob_stream(&self.image, &wanted)
            .await
            .map_err(|e| self.error(&e))?
            .stream;
        while let Some(chunk) = stream.next().await {
            self.patience.beat();
            let chunk = chunk.map_err(|e| self.error(&OciDistributionError::IoError(e)))?;
            blob.write_all(&chunk)
                .map_err(|source| match source.kind() {
                    std::io::ErrorKind::FileTooLarge => ImageError::TooBig {
                        origin: digest.to_string(),
                        limit_bytes,
                    },
                    _ => ImageError::Io {
                        path: store.blob_path(&digest),
                        source,
                    },
                })?;
        }
        let blob = blob.finish().expect(&digest, &self.image.whole())?;
        let store = store.clone();
        blocking(move || store.keep(blob)).await?;
        Ok(())
    }

    async fn send(&self, store: &ImageStore, part: &Descriptor) -> Result<(), ImageError> {
        let digest = descriptor_digest(part)?;
        let there = self.client.blob_exists(&self.image, digest.as_str()).await;
        if there.map_err(|e| self.error(&e))? {
            return Ok(());
        }
        let file = store.open_blob(&digest)?;
        let patience = Arc::clone(&self.patience);
        let chunks = chunks(tokio::fs::File::from_std(file)).inspect(move |_| patience.beat());
        self.client
            .push_blob_stream(&self.image, chunks, digest.as_str(), Some(part.size()))
            .await
            .map_err(|e| self.error(&e))?;
        Ok(())
    }

    /// Does something until it is done, or fails in a way that does not pass.
    async fn persist<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, ImageError>
    where
        F: Future<Output = Result<T, ImageError>>,
    {
        let wanted = Mutex::new(Duration::ZERO);
        let wanted_now = || *wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let patient = || {
            let attempt = attempt();
            let wanted = &wanted;
            async move {
                let error = match self.while_heard(attempt).await {
                    Ok(done) => return Ok(done),
                    Err(error) => error,
                };
                let asked = match &error {
                    ImageError::Registry { fault, .. } if fault.may_ask_to_wait() => {
                        self.patience.wanted(self.token.as_deref()).await
                    }
                    _ => None,
                };
                *wanted.lock().unwrap_or_else(PoisonError::into_inner) = asked.unwrap_or_default();
                Err(match asked {
                    Some(asked) => error.asking_to_wait(asked),
                    None => error,
                })
            }
        };
        let may_pass = |error: &ImageError| match error {
            ImageError::Registry { fault, .. } => fault.may_pass() && wanted_now() <= LONGEST_WAIT,
            _ => false,
        };
        patient
            .retry(pauses())
            .when(may_pass)
            .adjust(|_, pause| pause.map(|pause| pause.max(wanted_now())))
            .await
    }

    /// Does something as long as the registry is heard of.
    async fn while_heard<T>(
        &self,
        attempt: impl Future<Output = Result<T, ImageError>>,
    ) -> Result<T, ImageError> {
        self.patience.beat();
        let attempt = std::pin::pin!(attempt);
        let silence = std::pin::pin!(self.patience.silence());
        match select(attempt, silence).await {
            Either::Left((done, _)) => done,
            Either::Right(_) => Err(ImageError::Registry {
                reference: self.image.whole(),
                fault: RegistryFault::Silent(format!("nothing for {} s", SILENCE_LIMIT.as_secs())),
            }),
        }
    }

    fn error(&self, error: &OciDistributionError) -> ImageError {
        self.patience.note(error);
        ImageError::Registry {
            reference: self.image.whole(),
            fault: RegistryFault::of(error),
        }
    }
}

impl ImageError {
    /// The same, with what the registry said about when to come back.
    fn asking_to_wait(self, asked: Duration) -> Self {
        match self {
            Self::Registry { reference, fault } => Self::Registry {
                reference,
                fault: fault.asking_to_wait(asked),
            },
            other => other,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MediaKind {
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
}

impl MediaKind {
    fn is_index(&self) -> bool {
        match self.media_type.as_deref() {
            Some(kind) => matches!(kind, OCI_INDEX | DOCKER_INDEX),
            None => self.manifests.is_some(),
        }
    }
}

fn chunks(file: tokio::fs::File) -> impl Stream<Item = Result<Bytes, OciDistributionError>> {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK_BYTES];
        let count = file.read(&mut chunk).await?;
        chunk.truncate(count);
        Ok((count > 0).then(|| (Bytes::from(chunk), file)))
    })
}
