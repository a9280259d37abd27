//! The content store: an OCI image layout directory
//! (<https://github.com/opencontainers/image-spec/blob/main/image-layout.md>)
//! with the unpacked layers beside it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use estiba_model::{Digest, message};
use serde::de::DeserializeOwned;

use crate::ImageError;
use crate::blob::{Blob, BlobWriter, write_whole};
use crate::error::At;
use crate::layers::{chain_ids, merged_name};

/// The most that a manifest or a configuration may have. A bigger one is
/// refused: the limit that registries set is 4 MiB.
pub(crate) const MAX_JSON_BYTES: u64 = 16 << 20;
/// The most that a blob may have. A bigger one is refused.
pub(crate) const MAX_BLOB_BYTES: u64 = 64 << 30;

/// Images on disk, shared by all processes that open the same directory.
///
/// Everything in it is written whole or not at all, so that a process may be
/// killed at any moment.
#[derive(Debug, Clone)]
pub struct ImageStore {
    root: PathBuf,
}

/// What [`ImageStore::gc`] took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blobs.
    pub blobs: usize,
    /// Unpacked layers.
    pub layers: usize,
    /// The size of the blobs.
    pub freed_bytes: u64,
}

/// While it lives, nothing in the store is collected.
pub(crate) struct InUse {
    _lock: File,
}

impl ImageStore {
    /// Opens the store in `root`, making it where there is none.
    ///
    /// # Errors
    /// If the directory can't be written.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, ImageError> {
        let root = root.into();
        fs::create_dir_all(&root).at(&root)?;
        let store = Self {
            root: root.canonicalize().at(&root)?,
        };
        for dir in [
            "blobs/sha256",
            "unpacked",
            "locks",
            "tmp",
            "cache/builds",
            "cache/compressed",
            "cache/files",
        ] {
            let dir = store.root.join(dir);
            fs::create_dir_all(&dir).at(&dir)?;
        }
        let _in_use = store.in_use()?;
        let layout = store.root.join("oci-layout");
        if !layout.exists() {
            let index = br#"{"schemaVersion":2,"manifests":[]}"#;
            write_whole(&store.tmp(), &store.root.join("index.json"), index)?;
            write_whole(&store.tmp(), &layout, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        }
        Ok(store)
    }

    /// The directory of the store.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a blob is, if it is there.
    #[must_use]
    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(digest.hex())
    }

    /// Whether the image and all it is made of are in the store.
    #[must_use]
    pub fn is_complete(&self, digest: &Digest) -> bool {
        self.blobs_of(digest)
            .is_ok_and(|blobs| blobs.iter().all(|blob| self.blob_path(blob).is_file()))
    }

    /// Removes every blob and unpacked layer that none of the images in `keep`
    /// is made of, and what killed processes left behind.
    ///
    /// Waits for builds and imports that are going on. An image that runs must
    /// be in `keep`: its files go away under it otherwise.
    ///
    /// # Errors
    /// If the store can't be read or a file can't be removed. An image of
    /// `keep` that is not in the store is no error.
    pub fn gc(&self, keep: &[Digest]) -> Result<Collected, ImageError> {
        let lock = self.lock_file("store")?;
        lock.lock().at(&self.root)?;
        let mut blobs = HashSet::new();
        let mut layers = HashSet::new();
        for digest in keep {
            match self.blobs_of(digest) {
                Ok(found) => blobs.extend(found),
                Err(ImageError::MissingBlob { .. }) => continue,
                Err(error) => return Err(error),
            }
            let image = self.manifest(digest)?;
            layers.extend(
                image
                    .layers
                    .iter()
                    .map(|layer| layer.diff_id.hex().to_owned()),
            );
            layers.extend(chain_ids(&image.layers).iter().map(merged_name));
        }
        let blobs: HashSet<_> = blobs.iter().map(|d| d.hex().to_owned()).collect();

        let mut collected = Collected::default();
        for path in unwanted(&self.root.join("unpacked"), &layers)? {
            // Half a layer must never have a layer's name.
            let doomed = tempfile::tempdir_in(self.tmp()).at(&path)?;
            fs::rename(&path, doomed.path()).at(&path)?;
            doomed.close().at(&path)?;
            collected.layers += 1;
        }
        for path in unwanted(&self.root.join("blobs/sha256"), &blobs)? {
            collected.freed_bytes += fs::metadata(&path).at(&path)?.len();
            fs::remove_file(&path).at(&path)?;
            collected.blobs += 1;
        }
        for path in unwanted(&self.tmp(), &HashSet::new())? {
            remove_any(&path)?;
        }
        self.forget()?;
        Ok(collected)
    }

    /// Keeps [`ImageStore::gc`] away while blobs are written before the
    /// manifest that names them.
    pub(crate) fn in_use(&self) -> Result<InUse, ImageError> {
        let file = self.lock_file("store")?;
        file.lock_shared().at(&self.root)?;
        Ok(InUse { _lock: file })
    }

    pub(crate) fn lock_file(&self, name: &str) -> Result<File, ImageError> {
        let path = self.root.join("locks").join(name);
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .at(&path)
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn new_blob(&self, limit_bytes: u64) -> Result<BlobWriter, ImageError> {
        BlobWriter::new(&self.tmp(), limit_bytes)
    }

    /// Puts a finished blob in its place.
    pub(crate) fn keep(&self, blob: Blob) -> Result<Digest, ImageError> {
        let digest = blob.digest.clone();
        let path = self.blob_path(&digest);
        if !path.is_file() {
            blob.persist(&path)?;
        }
        Ok(digest)
    }

    /// Stores bytes that are already in memory.
    pub(crate) fn keep_bytes(&self, content: &[u8]) -> Result<Digest, ImageError> {
        self.keep(self.new_blob(MAX_JSON_BYTES)?.fill(&mut &content[..])?)
    }

    pub(crate) fn open_blob(&self, digest: &Digest) -> Result<File, ImageError> {
        let path = self.blob_path(digest);
        match File::open(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(ImageError::MissingBlob {
                digest: digest.clone(),
            }),
            opened => opened.at(path),
        }
    }

    /// A small blob, verified.
    pub(crate) fn read(&self, digest: &Digest) -> Result<Vec<u8>, ImageError> {
        let mut content = Vec::new();
        let file = self.open_blob(digest)?;
        file.take(MAX_JSON_BYTES + 1)
            .read_to_end(&mut content)
            .at(self.blob_path(digest))?;
        if content.len() as u64 > MAX_JSON_BYTES {
            return Err(ImageError::TooBig {
                origin: digest.to_string(),
                limit_bytes: MAX_JSON_BYTES,
            });
        }
        let actual = Digest::of(&content);
        if actual != *digest {
            let origin = self.blob_path(digest).display().to_string();
            return Err(ImageError::WrongDigest {
                origin,
                expected: digest.clone(),
                actual,
            });
        }
        Ok(content)
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, digest: &Digest) -> Result<T, ImageError> {
        parse_json(&self.read(digest)?, digest.as_str())
    }

    fn blobs_of(&self, digest: &Digest) -> Result<Vec<Digest>, ImageError> {
        let manifest = self.oci_manifest(digest)?;
        let mut blobs = vec![digest.clone()];
        for descriptor in std::iter::once(manifest.config()).chain(manifest.layers()) {
            blobs.push(crate::image::descriptor_digest(descriptor)?);
        }
        Ok(blobs)
    }
}

/// JSON that came from outside.
pub(crate) fn parse_json<T: DeserializeOwned>(
    content: &[u8],
    origin: &str,
) -> Result<T, ImageError> {
    serde_json::from_slice(content).map_err(|error| {
        ImageError::malformed(
            origin,
            message!(
                "it is not what it should be: {error}",
                "no es lo que debería: {error}"
            ),
        )
    })
}

fn unwanted(dir: &Path, wanted: &HashSet<String>) -> Result<Vec<PathBuf>, ImageError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let entry = entry.at(dir)?;
        if !wanted.contains(entry.file_name().to_string_lossy().as_ref()) {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Removes a file, link or whole tree.
pub(crate) fn remove_any(path: &Path) -> Result<(), ImageError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path).at(path),
        Ok(_) => fs::remove_file(path).at(path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).at(path),
    }
}
