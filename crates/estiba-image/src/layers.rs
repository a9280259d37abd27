//! Layers as directories, each unpacked once and shared by all images.
//!
//! A layer that says all of itself is unpacked alone, under the digest of its
//! content. One that hides files of the layers below (whiteouts), or counts on
//! directories or files of theirs, is unpacked merged with all of them, under
//! its chain id. So no directory holds whiteouts, which have another form in
//! every file system, and none depends on the image it was unpacked for.

use std::fs;
use std::path::{Path, PathBuf};

use estiba_model::{Digest, message};
use sha2::{Digest as _, Sha256};

use crate::blob::{HashingReader, digest_of};
use crate::compression::decompress;
use crate::error::At;
use crate::merge::link_tree;
use crate::unpack::{Onto, Outcome, apply};
use crate::{ImageError, ImageStore, Layer};

/// The most that a layer may unpack to. A bigger one is refused.
const MAX_UNPACKED_BYTES: u64 = 128 << 30;

impl ImageStore {
    /// The directories that make the image's root file system when stacked,
    /// lowest first, as the `lowerdir` of an overlay mount would have them
    /// (there in reverse). They are shared: never write to them.
    ///
    /// Safe to call from many threads and processes at once. A process killed
    /// on the way leaves nothing that is mistaken for a layer.
    ///
    /// # Errors
    /// If a layer is missing, damaged, or reaches out of its directory, or the
    /// disk is full.
    pub fn layers(&self, digest: &Digest) -> Result<Vec<PathBuf>, ImageError> {
        let _in_use = self.in_use()?;
        let image = self.manifest(digest)?;
        let chain = chain_ids(&image.layers);
        // Nothing below the highest merged layer is looked at by anyone.
        let first = (0..chain.len())
            .rev()
            .find(|&i| self.merged(&chain[i]).is_dir())
            .unwrap_or(0);
        let mut stack = Vec::new();
        for (layer, chain_id) in image.layers.iter().zip(&chain).skip(first) {
            if self.stack_ready(layer, chain_id, &mut stack) {
                continue;
            }
            let lock = self.lock_file(layer.diff_id.hex())?;
            lock.lock().at(self.root())?;
            // Another process may have been faster.
            if !self.stack_ready(layer, chain_id, &mut stack) {
                self.unpack(layer, chain_id, &mut stack)?;
            }
        }
        Ok(stack)
    }

    fn alone(&self, diff_id: &Digest) -> PathBuf {
        self.root().join("unpacked").join(diff_id.hex())
    }

    fn merged(&self, chain_id: &Digest) -> PathBuf {
        self.root().join("unpacked").join(merged_name(chain_id))
    }

    /// Puts the layer on the stack, if it was unpacked before.
    fn stack_ready(&self, layer: &Layer, chain_id: &Digest, stack: &mut Vec<PathBuf>) -> bool {
        let (alone, merged) = (self.alone(&layer.diff_id), self.merged(chain_id));
        if merged.is_dir() {
            *stack = vec![merged];
            return true;
        }
        let found = alone.is_dir();
        if found {
            stack.push(alone);
        }
        found
    }

    fn unpack(
        &self,
        layer: &Layer,
        chain_id: &Digest,
        stack: &mut Vec<PathBuf>,
    ) -> Result<(), ImageError> {
        let alone = self.alone(&layer.diff_id);
        if self.unpack_into(layer, &alone, None)? == Outcome::Done {
            stack.push(alone);
            return Ok(());
        }
        let merged = self.merged(chain_id);
        self.unpack_into(layer, &merged, Some(stack))?;
        *stack = vec![merged];
        Ok(())
    }

    /// Unpacks a layer, merged with the layers `below` if there are any given,
    /// and puts it in its place when it is whole.
    fn unpack_into(
        &self,
        layer: &Layer,
        place: &Path,
        below: Option<&[PathBuf]>,
    ) -> Result<Outcome, ImageError> {
        let tmp = self.tmp();
        let dir = tempfile::Builder::new()
            .prefix("layer-")
            .tempdir_in(&tmp)
            .at(&tmp)?;
        for lower in below.unwrap_or_default() {
            link_tree(lower, dir.path())?;
        }
        let onto = if below.is_some() {
            Onto::Below
        } else {
            Onto::Nothing
        };
        let name = layer.digest.short();
        let content = decompress(self.open_blob(&layer.digest)?).map_err(|e| damaged(name, &e))?;
        let mut content = HashingReader::new(content, MAX_UNPACKED_BYTES);
        if apply(&mut content, dir.path(), onto, name)? == Outcome::NeedsBelow {
            return Ok(Outcome::NeedsBelow);
        }
        let actual = content.finish().map_err(|e| damaged(name, &e))?;
        if actual != layer.diff_id {
            return Err(ImageError::WrongDigest {
                origin: format!("the content of layer {name}"),
                expected: layer.diff_id.clone(),
                actual,
            });
        }
        let handle = fs::File::open(dir.path()).at(dir.path())?;
        // The name is the promise that all is there: after a power cut too.
        rustix::fs::syncfs(&handle).at(dir.path())?;
        fs::rename(dir.keep(), place).at(place)?;
        Ok(Outcome::Done)
    }
}

/// The directory name of a layer that is merged with those below.
pub(crate) fn merged_name(chain_id: &Digest) -> String {
    format!("merged-{}", chain_id.hex())
}

/// The error of a layer whose bytes can't be read as what they claim to be.
pub(crate) fn damaged(layer: &str, error: &std::io::Error) -> ImageError {
    if error.kind() == std::io::ErrorKind::FileTooLarge {
        let origin = format!("layer {layer}");
        return ImageError::TooBig {
            origin,
            limit_bytes: MAX_UNPACKED_BYTES,
        };
    }
    ImageError::malformed(
        format!("layer {layer}"),
        message!("it is damaged: {error}", "está dañada: {error}"),
    )
}

/// What each layer makes together with all below it
/// (<https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>).
pub(crate) fn chain_ids(layers: &[Layer]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(layers.len());
    for layer in layers {
        let id = match chain.last() {
            None => layer.diff_id.clone(),
            Some(below) => {
                let both = format!("{below} {}", layer.diff_id);
                digest_of(Sha256::new_with_prefix(both))
            }
        };
        chain.push(id);
    }
    chain
}
