//! Images from one store to another, blob by blob.

use std::io::Read;

use estiba_model::Digest;

use crate::image::descriptor_digest;
use crate::store::MAX_BLOB_BYTES;
use crate::{ImageError, ImageStore};

impl ImageStore {
    /// What an image is made of: its configuration and layers, and last the
    /// manifest itself, so that whoever has that has all.
    ///
    /// # Errors
    /// If the image is not in the store or is not a container image.
    pub fn parts(&self, image: &Digest) -> Result<Vec<Digest>, ImageError> {
        let manifest = self.oci_manifest(image)?;
        let described = std::iter::once(manifest.config()).chain(manifest.layers());
        let mut parts: Vec<Digest> = described.map(descriptor_digest).collect::<Result<_, _>>()?;
        parts.push(image.clone());
        Ok(parts)
    }

    /// Whether a blob is there.
    #[must_use]
    pub fn has_blob(&self, digest: &Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// Takes a blob in that has to be what its digest promises.
    ///
    /// # Errors
    /// If it is not, or the store can't be written; nothing was kept then.
    pub fn receive_blob(&self, digest: &Digest, content: &mut impl Read) -> Result<(), ImageError> {
        let blob = self.new_blob(MAX_BLOB_BYTES)?.fill(content)?;
        self.keep(blob.expect(digest, digest.as_str())?)?;
        Ok(())
    }
}
