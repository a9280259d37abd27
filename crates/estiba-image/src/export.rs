//! Archives for other tools: what `docker load` reads.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, Write};
use std::path::Path;

use estiba_model::Digest;
use oci_spec::image::ImageConfiguration;
use serde_json::json;

use crate::compression::{Compression, decompress, detect};
use crate::error::At;
use crate::image::descriptor_digest;
use crate::{ImageError, ImageStore, Layer};

impl ImageStore {
    /// The architecture that the image's programs are for, as Go names it.
    ///
    /// # Errors
    /// If the image is not in the store or is not a container image.
    pub fn architecture(&self, digest: &Digest) -> Result<String, ImageError> {
        let manifest = self.oci_manifest(digest)?;
        let config: ImageConfiguration = self.json(&descriptor_digest(manifest.config())?)?;
        Ok(config.architecture().to_string())
    }

    /// Writes an image to a new file, as [`ImageStore::export_docker_archive`] does.
    ///
    /// # Errors
    /// If the image is not in the store, or the file exists or can't be written.
    pub fn save_archive(
        &self,
        digest: &Digest,
        reference: &str,
        path: &Path,
    ) -> Result<(), ImageError> {
        let mut file = BufWriter::new(File::create_new(path).at(path)?);
        self.export_docker_archive(digest, reference, &mut file)?;
        file.flush().at(path)
    }

    /// Writes the image as `docker save` would, tagged `reference`
    /// (<https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>).
    ///
    /// # Errors
    /// If the image is not in the store, or `out` fails.
    pub fn export_docker_archive(
        &self,
        digest: &Digest,
        reference: &str,
        out: impl Write,
    ) -> Result<(), ImageError> {
        let _in_use = self.in_use()?;
        let image = self.manifest(digest)?;
        let config_digest = descriptor_digest(self.oci_manifest(digest)?.config())?;
        let mut archive = tar::Builder::new(out);
        let config_name = format!("{}.json", config_digest.hex());
        let config = self.read(&config_digest)?;
        append(&mut archive, &config_name, config.len() as u64, &config[..])?;
        let mut names: Vec<String> = Vec::new();
        for layer in &image.layers {
            let name = format!("{}.tar", layer.diff_id.hex());
            // An image may have one layer twice.
            if !names.contains(&name) {
                let (file, size_bytes) = self.loadable(layer)?;
                append(&mut archive, &name, size_bytes, file)?;
            }
            names.push(name);
        }
        let manifest = json!([{
            "Config": config_name,
            "RepoTags": [reference],
            "Layers": names,
        }]);
        let manifest = manifest.to_string().into_bytes();
        append(
            &mut archive,
            "manifest.json",
            manifest.len() as u64,
            &manifest[..],
        )?;
        archive.finish().at("docker load")
    }

    /// A layer in a form that every Docker reads: engines older than 23 do not
    /// know Zstandard.
    fn loadable(&self, layer: &Layer) -> Result<(File, u64), ImageError> {
        let mut blob = self.open_blob(&layer.digest)?;
        let path = self.blob_path(&layer.digest);
        let mut start = [0_u8; 4];
        let length = blob.read(&mut start).at(&path)?;
        blob.rewind().at(&path)?;
        if detect(&start[..length]) != Compression::Zstd {
            let size_bytes = blob.metadata().at(&path)?.len();
            return Ok((blob, size_bytes));
        }
        let mut plain = tempfile::tempfile_in(self.tmp()).at(self.tmp())?;
        let size_bytes = std::io::copy(&mut decompress(blob).at(&path)?, &mut plain).at(&path)?;
        plain.rewind().at(self.tmp())?;
        Ok((plain, size_bytes))
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    size_bytes: u64,
    content: impl Read,
) -> Result<(), ImageError> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, content).at(name)
}
