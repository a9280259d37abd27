//! Archives that other tools write: `docker save` and OCI layouts in a tar.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use estiba_model::{Digest, message};
use oci_spec::image::{
    Arch, Descriptor, ImageIndex, ImageManifestBuilder, MediaType, Os, SCHEMA_VERSION,
};
use serde::Deserialize;

use crate::blob::Blob;
use crate::compression::{Compression, decompress, detect};
use crate::error::{At, is_damage};
use crate::image::{descriptor, descriptor_digest};
use crate::store::{MAX_BLOB_BYTES, MAX_JSON_BYTES, parse_json};
use crate::{ImageError, ImageStore};

/// The most files that an archive may hold. One with more is refused.
const MAX_MEMBERS: usize = 10_000;
/// The most links from one member to the next, and indexes inside indexes.
const MAX_HOPS: usize = 8;

impl ImageStore {
    /// Takes in the image of an archive: what `docker save` writes, or an OCI
    /// image layout in a tar, compressed or not. The same archive always gives
    /// the same digest.
    ///
    /// # Errors
    /// If the archive can't be read, holds no image for this machine or several,
    /// or lacks a part of it.
    pub fn import_archive(&self, path: &Path) -> Result<Digest, ImageError> {
        let file = File::open(path).at(path)?;
        self.import_archive_from(file, &path.display().to_string())
    }

    /// Like [`ImageStore::import_archive`], from a stream; `origin` names it in
    /// errors.
    ///
    /// # Errors
    /// The same.
    pub fn import_archive_from(
        &self,
        archive: impl Read,
        origin: &str,
    ) -> Result<Digest, ImageError> {
        let _in_use = self.in_use()?;
        let mut import = Import {
            store: self,
            origin,
            members: HashMap::new(),
        };
        import.read_members(archive)?;
        if import.members.contains_key("index.json") {
            import.oci_layout()
        } else if import.members.contains_key("manifest.json") {
            import.docker_archive()
        } else {
            Err(ImageError::malformed(
                origin,
                message!(
                    "it is neither a `docker save` archive nor an OCI layout",
                    "no es ni un archivo de `docker save` ni un layout OCI"
                ),
            ))
        }
    }
}

enum Member {
    File(Blob),
    Link(String),
    /// In the store, with its size and compression.
    Kept(Digest, u64, Compression),
}

struct Import<'a> {
    store: &'a ImageStore,
    origin: &'a str,
    members: HashMap<String, Member>,
}

/// <https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    layers: Vec<String>,
}

impl Import<'_> {
    fn read_members(&mut self, archive: impl Read) -> Result<(), ImageError> {
        let archive = decompress(archive).at(self.origin)?;
        let mut archive = tar::Archive::new(archive);
        for (count, entry) in archive.entries().at(self.origin)?.enumerate() {
            let mut entry = entry.map_err(|e| self.damaged(&e))?;
            if count >= MAX_MEMBERS {
                return Err(ImageError::malformed(
                    self.origin,
                    message!("it has too many files", "tiene demasiados archivos"),
                ));
            }
            let name = clean(&String::from_utf8_lossy(&entry.path_bytes()));
            let kind = entry.header().entry_type();
            let link = entry
                .link_name_bytes()
                .map(|l| String::from_utf8_lossy(&l).into_owned());
            let member = match link {
                Some(link) if kind.is_hard_link() => Member::Link(clean(&link)),
                Some(link) if kind.is_symlink() => {
                    let dir = name.rsplit_once('/').map_or("", |(dir, _)| dir);
                    Member::Link(clean(&format!("{dir}/{link}")))
                }
                _ if kind.is_file() => {
                    let blob = self.store.new_blob(MAX_BLOB_BYTES)?.fill(&mut entry);
                    let blob = blob.map_err(|error| match error {
                        ImageError::Io { source, .. } if is_damage(&source) => {
                            self.damaged(&source)
                        }
                        other => other,
                    })?;
                    Member::File(blob)
                }
                _ => continue,
            };
            self.members.insert(name, member);
        }
        Ok(())
    }

    /// Puts a member into the store, once.
    fn keep(&mut self, name: &str) -> Result<(Digest, u64, Compression), ImageError> {
        let mut name = name.to_owned();
        for _ in 0..MAX_HOPS {
            match self.members.remove(&name) {
                Some(Member::Link(target)) => {
                    self.members.insert(name, Member::Link(target.clone()));
                    name = target;
                }
                Some(Member::File(blob)) => {
                    let mut start = Vec::new();
                    blob.open()?
                        .take(4)
                        .read_to_end(&mut start)
                        .at(self.origin)?;
                    let size_bytes = blob.size_bytes;
                    let digest = self.store.keep(blob)?;
                    let kept = (digest, size_bytes, detect(&start));
                    self.members
                        .insert(name, Member::Kept(kept.0.clone(), kept.1, kept.2));
                    return Ok(kept);
                }
                Some(Member::Kept(digest, size_bytes, compression)) => {
                    let kept = (digest.clone(), size_bytes, compression);
                    self.members
                        .insert(name, Member::Kept(digest, size_bytes, compression));
                    return Ok(kept);
                }
                None => break,
            }
        }
        Err(ImageError::malformed(
            self.origin,
            message!("it lacks the file {name}", "le falta el archivo {name}"),
        ))
    }

    /// A small member's content, for a look.
    fn read(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let Some(Member::File(blob)) = self.members.get(name) else {
            return Err(ImageError::malformed(
                self.origin,
                message!("it lacks the file {name}", "le falta el archivo {name}"),
            ));
        };
        if blob.size_bytes > MAX_JSON_BYTES {
            let origin = format!("{name} of {}", self.origin);
            return Err(ImageError::TooBig {
                origin,
                limit_bytes: MAX_JSON_BYTES,
            });
        }
        let mut content = Vec::new();
        blob.open()?.read_to_end(&mut content).at(self.origin)?;
        Ok(content)
    }

    fn keep_blob(&mut self, digest: &Digest) -> Result<(), ImageError> {
        if let Some(Member::File(blob)) = self.members.remove(&blob_name(digest)) {
            self.store.keep(blob.expect(digest, self.origin)?)?;
        }
        if self.store.blob_path(digest).is_file() {
            return Ok(());
        }
        Err(ImageError::malformed(
            self.origin,
            message!("it lacks the blob {digest}", "le falta el blob {digest}"),
        ))
    }

    fn oci_layout(&mut self) -> Result<Digest, ImageError> {
        let mut index: ImageIndex = parse_json(&self.read("index.json")?, self.origin)?;
        for _ in 0..MAX_HOPS {
            let chosen = self.for_this_machine(&index)?;
            let digest = descriptor_digest(&chosen)?;
            let is_index = matches!(chosen.media_type(), MediaType::ImageIndex)
                || chosen.media_type().to_string().contains("manifest.list");
            if is_index {
                index = parse_json(&self.read(&blob_name(&digest))?, self.origin)?;
                continue;
            }
            self.keep_blob(&digest)?;
            let manifest = self.store.oci_manifest(&digest)?;
            for part in std::iter::once(manifest.config()).chain(manifest.layers()) {
                self.keep_blob(&descriptor_digest(part)?)?;
            }
            return Ok(digest);
        }
        Err(ImageError::malformed(
            self.origin,
            message!(
                "its indexes go too deep",
                "sus índices son demasiado profundos"
            ),
        ))
    }

    fn for_this_machine(&self, index: &ImageIndex) -> Result<Descriptor, ImageError> {
        let mut images = index.manifests().iter().filter(|image| runs_here(image));
        let first = images.next().cloned();
        match first {
            Some(first) if images.all(|other| other.digest() == first.digest()) => Ok(first),
            Some(_) => Err(self.several()),
            None => Err(ImageError::malformed(
                self.origin,
                message!(
                    "it has no image for this machine's processor",
                    "no tiene una imagen para el procesador de esta máquina"
                ),
            )),
        }
    }

    fn docker_archive(&mut self) -> Result<Digest, ImageError> {
        let images: Vec<DockerImage> = parse_json(&self.read("manifest.json")?, self.origin)?;
        let [image] = images.as_slice() else {
            return Err(self.several());
        };
        let (config, config_bytes, _) = self.keep(&clean(&image.config))?;
        let mut layers = Vec::new();
        for name in &image.layers {
            let (digest, size_bytes, compression) = self.keep(&clean(name))?;
            layers.push(descriptor(layer_type(compression), &digest, size_bytes));
        }
        let config = descriptor(MediaType::ImageConfig, &config, config_bytes);
        self.store.keep_manifest(config, layers)
    }

    fn several(&self) -> ImageError {
        ImageError::malformed(
            self.origin,
            message!(
                "it does not hold exactly one image",
                "no contiene exactamente una imagen"
            ),
        )
    }

    fn damaged(&self, error: &std::io::Error) -> ImageError {
        let reason = message!("it is damaged: {error}", "está dañado: {error}");
        ImageError::malformed(self.origin, reason)
    }
}

impl ImageStore {
    /// Composes a manifest and stores it. The same parts give the same digest.
    pub(crate) fn keep_manifest(
        &self,
        config: Descriptor,
        layers: Vec<Descriptor>,
    ) -> Result<Digest, ImageError> {
        let manifest = ImageManifestBuilder::default()
            .schema_version(SCHEMA_VERSION)
            .media_type(MediaType::ImageManifest)
            .config(config)
            .layers(layers)
            .build()
            .expect("every field that a manifest must have is set");
        let text = serde_json::to_vec(&manifest).expect("a manifest is plain data");
        self.keep_bytes(&text)
    }
}

fn layer_type(compression: Compression) -> MediaType {
    match compression {
        Compression::Plain => MediaType::ImageLayer,
        Compression::Gzip => MediaType::ImageLayerGzip,
        Compression::Zstd => MediaType::ImageLayerZstd,
    }
}

/// Whether an entry of an index is an image that this machine can run: not for
/// another processor, and not a build attestation.
fn runs_here(image: &Descriptor) -> bool {
    let is_note = image
        .annotations()
        .as_ref()
        .is_some_and(|notes| notes.contains_key("vnd.docker.reference.type"));
    !is_note
        && image.platform().as_ref().is_none_or(|platform| {
            *platform.os() == Os::Linux && *platform.architecture() == Arch::default()
        })
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// A member's name without `./` and with `..` resolved: names are only looked
/// up, never opened.
fn clean(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
