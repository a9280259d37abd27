//! A project as files that run without Estiba: a Compose file, Kubernetes
//! manifests, or a Helm chart.
//!
//! Everything is worked out from a [`Export`], and nothing is written here. No
//! value of a secret is in what comes out: each is a name, listed in a file to
//! fill in.

mod chart;
mod compose;
mod explain;
mod kubernetes;
mod parts;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{EnvironmentId, Lang, Message, Name, ReleasedWorkload, Version};
use estiba_target_kubernetes::Settings;

pub use chart::chart;
pub use compose::compose;
pub use kubernetes::kubernetes;

/// A project in one of its environments.
#[derive(Debug, Clone)]
pub struct Export {
    /// Which.
    pub environment: EnvironmentId,
    /// The version that images have.
    pub version: Version,
    /// What ships, the sources of files read in.
    pub workloads: BTreeMap<Name, ReleasedWorkload>,
    /// Where images are pushed; they have local names where there is none.
    pub registry: Option<String>,
    /// Values in clear.
    pub config: BTreeMap<String, String>,
    /// The names of secrets. A value that is neither is taken for one.
    pub secrets: BTreeSet<String>,
    /// Copies of each workload; one where it is not named.
    pub replicas: BTreeMap<Name, u32>,
    /// Workloads whose images have no shell, so that Compose can't ask them over
    /// HTTP.
    pub without_shell: BTreeSet<Name>,
    /// The numbers of the users that built images name, where that is not root.
    pub users: BTreeMap<Name, i64>,
    /// How the cluster is used, for manifests.
    pub cluster: Settings,
    /// Comments that teach, in this language.
    pub explain: Option<Lang>,
    /// The language of what is not a comment: the README.
    pub lang: Lang,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// From the export's folder.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// It is a program.
    pub executable: bool,
}

impl ExportedFile {
    fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            executable: false,
        }
    }
}

/// What an export comes to.
#[derive(Debug, Clone, Default)]
pub struct Exported {
    /// Files for the export's folder.
    pub files: Vec<ExportedFile>,
    /// The names that images of built workloads have in these files.
    pub images: BTreeMap<Name, String>,
    /// What the format can't say.
    pub notes: Vec<Message>,
}

impl Export {
    /// The name of the image that is built for a workload.
    fn built_image(&self, workload: &Name) -> String {
        let version = &self.version;
        match &self.registry {
            Some(registry) => format!("{registry}/{workload}:{version}"),
            None => format!("{}-{workload}:{version}", self.environment.project),
        }
    }

    /// The names of the images that are built.
    fn images(&self) -> BTreeMap<Name, String> {
        let built = |workload: &ReleasedWorkload| {
            let mut containers = workload.workload.containers.values();
            containers.any(|container| container.image == estiba_model::ImageSource::Built)
        };
        let built = self
            .workloads
            .iter()
            .filter(|(_, workload)| built(workload));
        built
            .map(|(name, _)| (name.clone(), self.built_image(name)))
            .collect()
    }
}
