//! A project as files that run without Estiba: a Compose file, Kubernetes
//! manifests, or a Helm chart.
//!
//! Everything is worked out from a [`Export`], and nothing is written here. No
//! value of a secret is in what comes out: each is a name, listed in a file to
//! fill in.

mod chart;
mod compose;
mod explain;
mod file_logs;
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
    /// Whom containers run as, by workload and container; those whose image was
    /// not looked at are left out.
    pub users: BTreeMap<(Name, Name), RunsAs>,
    /// What the environment says about its databases.
    pub database: Database,
    /// How the cluster is used, for manifests.
    pub cluster: Settings,
    /// Comments that teach, in this language.
    pub explain: Option<Lang>,
    /// The language of what is not a comment: the README.
    pub lang: Lang,
}

/// Whom an image is made to run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunsAs {
    /// This user, by number.
    User(i64),
    /// Root, or nobody in particular.
    Root,
}

/// How databases are provided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    /// The image of servers; the usual one where there is none.
    pub image: Option<String>,
    /// The disk of a server, as Kubernetes writes it.
    pub size: Option<String>,
    /// They are in a server that is there already.
    pub external: bool,
}

impl Database {
    /// The image of servers, which has the client too.
    fn image(&self) -> &str {
        self.image.as_deref().unwrap_or("postgres:15")
    }
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
