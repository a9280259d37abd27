//! Releases: what was built, immutable.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Commit, Digest, ImageSource, Name, ProjectId, Version, Workload};

/// A version of a project: its workloads and the images they were built into.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Release {
    /// The project.
    pub project: ProjectId,
    /// Unique in the project.
    pub version: Version,
    /// The Git commit it was built from, where there is one.
    pub commit: Option<String>,
    /// That commit and those before it, as far as they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commits: Vec<Commit>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What ships.
    pub workloads: BTreeMap<Name, ReleasedWorkload>,
}

/// A workload of a release.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleasedWorkload {
    /// The Score file, its file sources read into it.
    #[schema(value_type = Object)]
    pub workload: Workload,
    /// The image of each container.
    pub images: BTreeMap<Name, Digest>,
}

impl ReleasedWorkload {
    /// Whether this image was built for the workload, and is not one that others
    /// made.
    #[must_use]
    pub fn is_built(&self, image: &Digest) -> bool {
        let mut containers = self.workload.containers.iter();
        containers.any(|(name, container)| {
            container.image == ImageSource::Built && self.images.get(name) == Some(image)
        })
    }
}

impl Release {
    /// Its workloads without what tries them.
    #[must_use]
    pub fn what_runs(&self) -> BTreeMap<Name, ReleasedWorkload> {
        let mut workloads = self.workloads.clone();
        workloads.retain(|_, released| {
            let tests = released.workload.acceptance().map(|(name, _)| name.clone());
            released
                .workload
                .containers
                .retain(|name, _| Some(name) != tests.as_ref());
            released.workload.has_instances()
        });
        workloads
    }

    /// A digest of what ships: two releases with equal content are the same
    /// thing under two names.
    #[must_use]
    pub fn content(&self) -> Digest {
        // Value's maps keep the order of insertion, which is that of the sorted
        // maps above, so equal content gives equal text.
        let text = serde_json::to_string(&self.workloads).unwrap_or_default();
        Digest::of(text.as_bytes())
    }
}
