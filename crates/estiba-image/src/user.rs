//! Whom an image runs as.

use std::fs;
use std::path::PathBuf;

use estiba_model::Digest;

use crate::{ImageError, ImageStore};

impl ImageStore {
    /// The number of the user that an image names; none for root and for an image
    /// that names nobody.
    ///
    /// # Errors
    /// If the image is not in the store, or its layers can't be read.
    pub fn user(&self, digest: &Digest) -> Result<Option<i64>, ImageError> {
        let user = self.manifest(digest)?.config.user;
        let name = user.split(':').next().unwrap_or_default();
        if name.is_empty() {
            return Ok(None);
        }
        let id = match name.parse() {
            Ok(id) => Some(id),
            Err(_) => accounts(&self.layers(digest)?)
                .lines()
                .map(|line| line.split(':').collect::<Vec<_>>())
                .find(|fields| fields.first() == Some(&name))
                .and_then(|fields| fields.get(2)?.parse().ok()),
        };
        Ok(id.filter(|id| *id != 0))
    }
}

/// The image's `/etc/passwd`; empty where it has none.
fn accounts(layers: &[PathBuf]) -> String {
    let mut top_down = layers.iter().rev().map(|layer| layer.join("etc/passwd"));
    top_down
        .find(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file()))
        .and_then(|path| fs::read_to_string(path).ok())
        .unwrap_or_default()
}
