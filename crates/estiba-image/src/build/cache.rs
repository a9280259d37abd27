//! What was built from what: so that nothing is built twice.

use std::fs;
use std::path::{Path, PathBuf};

use estiba_model::Digest;

use super::blocking;
use crate::blob::write_whole;
use crate::error::At;
use crate::fingerprint::{Inputs, fingerprint};
use crate::{BuildRequest, ImageError, ImageStore};

/// Everything that an image depends on.
pub(super) struct BuildKey(Digest);

impl BuildKey {
    pub(super) async fn new(
        store: &ImageStore,
        request: &BuildRequest,
        inputs: Inputs,
    ) -> Result<Self, ImageError> {
        let kind = match inputs {
            Inputs::Context { .. } => "dockerfile",
            Inputs::Package { .. } => "package",
            Inputs::Program { .. } => "program",
        };
        let files = store.clone();
        let sources = blocking(move || fingerprint(&files, &inputs)).await?;
        let BuildRequest {
            dir,
            dockerfile,
            program,
            built,
            include,
            compress,
            ..
        } = request;
        let options = format!(
            "{kind} {sources} {dir:?} {dockerfile:?} {program:?} {built:?} {include:?} {compress}"
        );
        Ok(Self(Digest::of(options.as_bytes())))
    }

    /// A name for builders that want one.
    pub(super) fn tag(&self, request: &BuildRequest) -> String {
        let name = [request.workload.as_str(), &request.container].join("-");
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        let name = name
            .split('-')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-");
        let name = if name.is_empty() { "image" } else { &name };
        format!("estiba/{name}:{}", self.0.short())
    }

    /// The image, if it was built before and is still whole.
    pub(super) fn find(&self, store: &ImageStore) -> Option<Digest> {
        let digest = fs::read_to_string(self.path(store)).ok()?.parse().ok()?;
        store.is_complete(&digest).then_some(digest)
    }

    pub(super) fn remember(&self, store: &ImageStore, digest: &Digest) -> Result<(), ImageError> {
        write_whole(&store.tmp(), &self.path(store), digest.as_str().as_bytes())
    }

    fn path(&self, store: &ImageStore) -> PathBuf {
        builds(store).join(self.0.hex())
    }
}

impl ImageStore {
    /// Drops what is remembered of images and layers that are gone.
    pub(crate) fn forget(&self) -> Result<(), ImageError> {
        for dir in [builds(self), self.compressed_dir()] {
            self.forget_in(&dir)?;
        }
        Ok(())
    }

    fn forget_in(&self, dir: &Path) -> Result<(), ImageError> {
        for entry in fs::read_dir(dir).at(dir)? {
            let path = entry.at(dir)?.path();
            let digest = fs::read_to_string(&path)
                .ok()
                .and_then(|text| text.parse().ok());
            if !digest.is_some_and(|digest| self.blob_path(&digest).is_file()) {
                fs::remove_file(&path).at(&path)?;
            }
        }
        Ok(())
    }
}

fn builds(store: &ImageStore) -> PathBuf {
    store.root().join("cache/builds")
}
