//! Images as archives that other tools load.

use std::fs::File;
use std::io::{BufWriter, Seek};
use std::path::Path;

use estiba_model::Digest;
use serde_json::json;

use crate::compression::decompress;
use crate::error::At;
use crate::image::descriptor_digest;
use crate::{ImageError, ImageStore};

impl ImageStore {
    /// Writes an image to a new file as `docker load` takes it
    /// (<https://github.com/moby/docker-image-spec/blob/main/v1.2.md#combined-image-json--filesystem-changeset-format>).
    /// `reference` is the name that it is loaded under. Layers are written
    /// uncompressed, so that every engine reads them.
    ///
    /// # Errors
    /// If the image is not in the store, or the file exists or can't be written.
    pub fn save_archive(
        &self,
        digest: &Digest,
        reference: &str,
        path: &Path,
    ) -> Result<(), ImageError> {
        let _in_use = self.in_use()?;
        let manifest = self.oci_manifest(digest)?;
        let config = descriptor_digest(manifest.config())?;
        let config_name = format!("{}.json", config.hex());
        let file = File::create_new(path).at(path)?;
        let mut archive = tar::Builder::new(BufWriter::new(file));
        append(&mut archive, &config_name, &self.read(&config)?).at(path)?;
        let mut layers = Vec::new();
        for layer in self.manifest(digest)?.layers {
            let name = format!("{}.tar", layer.diff_id.hex());
            let blob_path = self.blob_path(&layer.digest);
            let blob = File::open(&blob_path).at(&blob_path)?;
            let mut plain = tempfile::tempfile_in(self.tmp()).at(self.tmp())?;
            let mut content = decompress(blob).at(&blob_path)?;
            std::io::copy(&mut content, &mut plain).at(&blob_path)?;
            let size_bytes = plain.stream_position().at(path)?;
            plain.rewind().at(path)?;
            let mut header = header(size_bytes);
            // The same layer twice is one member.
            if !layers.contains(&name) {
                archive
                    .append_data(&mut header, &name, &mut plain)
                    .at(path)?;
            }
            layers.push(name);
        }
        let list = json!([{ "Config": config_name, "RepoTags": [reference], "Layers": layers }]);
        append(&mut archive, "manifest.json", list.to_string().as_bytes()).at(path)?;
        let mut file = archive.into_inner().at(path)?;
        std::io::Write::flush(&mut file).at(path)
    }
}

fn header(size_bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size_bytes);
    header.set_mode(0o644);
    header
}

fn append<W: std::io::Write>(
    archive: &mut tar::Builder<W>,
    name: &str,
    content: &[u8],
) -> std::io::Result<()> {
    let mut header = header(content.len() as u64);
    archive.append_data(&mut header, name, content)
}
