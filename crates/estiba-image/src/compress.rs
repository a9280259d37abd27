//! An image with its layers compressed, for those that travel. Registries and
//! engines have taken gzip since there are images; Zstandard is refused by older ones.

use std::fs;
use std::io;
use std::path::PathBuf;

use estiba_model::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use oci_spec::image::{Descriptor, MediaType};

use crate::blob::write_whole;
use crate::error::At;
use crate::image::{descriptor, descriptor_digest};
use crate::store::MAX_BLOB_BYTES;
use crate::{ImageError, ImageStore};

impl ImageStore {
    /// The same image with each plain layer compressed by gzip; the image itself where
    /// there is none. A layer that was compressed before is not compressed again.
    pub(crate) fn compressed(&self, image: &Digest) -> Result<Digest, ImageError> {
        let manifest = self.oci_manifest(image)?;
        let mut layers = Vec::new();
        for layer in manifest.layers() {
            layers.push(match layer.media_type() {
                MediaType::ImageLayer => self.compressed_layer(&descriptor_digest(layer)?)?,
                _ => layer.clone(),
            });
        }
        if layers == *manifest.layers() {
            return Ok(image.clone());
        }
        self.keep_manifest(manifest.config().clone(), layers)
    }

    fn compressed_layer(&self, plain: &Digest) -> Result<Descriptor, ImageError> {
        let remembered = self.compressed_dir().join(plain.hex());
        let known = fs::read_to_string(&remembered)
            .ok()
            .and_then(|text| text.parse::<Digest>().ok());
        if let Some(known) = known
            && let Ok(found) = fs::metadata(self.blob_path(&known))
        {
            return Ok(descriptor(MediaType::ImageLayerGzip, &known, found.len()));
        }
        let mut content = self.open_blob(plain)?;
        // No name and no time in its head: the same layer gives the same bytes.
        let mut gzip = GzEncoder::new(self.new_blob(MAX_BLOB_BYTES)?, Compression::default());
        io::copy(&mut content, &mut gzip).at(self.blob_path(plain))?;
        let blob = gzip.finish().at(self.root())?.finish();
        let size_bytes = blob.size_bytes;
        let digest = self.keep(blob)?;
        write_whole(&self.tmp(), &remembered, digest.as_str().as_bytes())?;
        Ok(descriptor(MediaType::ImageLayerGzip, &digest, size_bytes))
    }

    /// Which plain layer was compressed to which.
    pub(crate) fn compressed_dir(&self) -> PathBuf {
        self.root().join("cache/compressed")
    }
}
