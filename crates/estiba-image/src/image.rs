//! What an image says about itself.

use std::collections::BTreeMap;

use estiba_model::{Digest, message};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest, MediaType};

use crate::{ImageError, ImageStore};

/// An image of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The digest of its manifest: the name it goes by everywhere.
    pub digest: Digest,
    /// How it wants to be run.
    pub config: ImageConfig,
    /// Its layers, lowest first.
    pub layers: Vec<Layer>,
}

/// How an image wants to be run
/// (<https://github.com/opencontainers/image-spec/blob/main/config.md>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// What is run.
    pub entrypoint: Vec<String>,
    /// Its default arguments; the program itself where there is no entrypoint.
    pub cmd: Vec<String>,
    /// `NAME=value` pairs.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty for root.
    pub user: String,
    /// The working directory; `/` where the image does not say.
    pub workdir: String,
    /// Ports in the form `8080/tcp`.
    pub exposed_ports: Vec<String>,
    /// The signal that asks the program to stop, such as `SIGTERM`.
    pub stop_signal: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of the blob, compressed as it may be.
    pub digest: Digest,
    /// The digest of the tar archive inside.
    pub diff_id: Digest,
    /// The size of the blob.
    pub size_bytes: u64,
}

impl ImageStore {
    /// What the image says about itself.
    ///
    /// # Errors
    /// If the image is not in the store or is not a container image.
    pub fn manifest(&self, digest: &Digest) -> Result<Image, ImageError> {
        let manifest = self.oci_manifest(digest)?;
        let config_digest = descriptor_digest(manifest.config())?;
        let config: ImageConfiguration = self.json(&config_digest)?;
        let layers = pair_layers(digest, &manifest, &config)?;
        Ok(Image {
            digest: digest.clone(),
            config: run_config(&config),
            layers,
        })
    }

    /// The manifest as the image specification has it.
    pub(crate) fn oci_manifest(&self, digest: &Digest) -> Result<ImageManifest, ImageError> {
        self.json(digest)
    }
}

fn pair_layers(
    digest: &Digest,
    manifest: &ImageManifest,
    config: &ImageConfiguration,
) -> Result<Vec<Layer>, ImageError> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != manifest.layers().len() {
        let (layers, ids) = (manifest.layers().len(), diff_ids.len());
        return Err(ImageError::malformed(
            digest.as_str(),
            message!(
                "its manifest has {layers} layers and its configuration {ids}",
                "su manifiesto tiene {layers} capas y su configuración {ids}"
            ),
        ));
    }
    manifest
        .layers()
        .iter()
        .zip(diff_ids)
        .map(|(layer, diff_id)| {
            Ok(Layer {
                digest: descriptor_digest(layer)?,
                diff_id: parse_digest(diff_id)?,
                size_bytes: layer.size(),
            })
        })
        .collect()
}

fn run_config(image: &ImageConfiguration) -> ImageConfig {
    let Some(config) = image.config() else {
        return ImageConfig {
            workdir: "/".to_owned(),
            ..ImageConfig::default()
        };
    };
    let workdir = config.working_dir().clone().filter(|dir| !dir.is_empty());
    ImageConfig {
        entrypoint: config.entrypoint().clone().unwrap_or_default(),
        cmd: config.cmd().clone().unwrap_or_default(),
        env: config.env().clone().unwrap_or_default(),
        user: config.user().clone().unwrap_or_default(),
        workdir: workdir.unwrap_or_else(|| "/".to_owned()),
        exposed_ports: config.exposed_ports().clone().unwrap_or_default(),
        stop_signal: config
            .stop_signal()
            .clone()
            .filter(|signal| !signal.is_empty()),
        labels: config
            .labels()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect(),
    }
}

/// Names a blob in a manifest.
pub(crate) fn descriptor(kind: MediaType, digest: &Digest, size_bytes: u64) -> Descriptor {
    let digest: oci_spec::image::Digest = digest
        .as_str()
        .parse()
        .expect("both types have the same rule");
    Descriptor::new(kind, size_bytes, digest)
}

pub(crate) fn descriptor_digest(descriptor: &Descriptor) -> Result<Digest, ImageError> {
    parse_digest(descriptor.digest().as_ref())
}

/// A digest that came from outside.
pub(crate) fn parse_digest(text: &str) -> Result<Digest, ImageError> {
    text.parse()
        .map_err(|e: estiba_model::NameError| ImageError::malformed(text, e.message().clone()))
}
