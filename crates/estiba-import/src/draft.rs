//! A project as its source describes it, before anything is looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use estiba_model::{Name, Place};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::text::Setting;

/// Workloads, and the environments that the source speaks of.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// What ships.
    pub workloads: Vec<Workload>,
    /// In the order in which a release goes through them.
    pub environments: Vec<String>,
    /// Values that texts refer to by name.
    pub named: BTreeMap<String, Setting>,
    /// Who owns the project, where the source says it.
    pub team: Option<String>,
    /// The kind of target that the source was made for, where there is one.
    pub made_for: Option<&'static str>,
}

impl Draft {
    /// The environments, or the one that a project has at the least.
    pub fn environments(&self) -> Vec<String> {
        if self.environments.is_empty() {
            vec![FIRST_ENVIRONMENT.to_owned()]
        } else {
            self.environments.clone()
        }
    }
}

/// The environment of a source that speaks of none.
pub(crate) const FIRST_ENVIRONMENT: &str = "test";

/// What becomes a Score file.
#[derive(Debug)]
pub(crate) struct Workload {
    pub name: Name,
    /// Host names by which others reach it.
    pub hosts: BTreeSet<String>,
    /// Where the source describes it.
    pub place: Place,
    /// The folder that it is built from.
    pub folder: Option<PathBuf>,
    pub ports: IndexMap<String, Port>,
    pub containers: IndexMap<Name, Container>,
    pub resources: IndexMap<String, Resource>,
    pub annotations: BTreeMap<String, String>,
    /// The host name of its routes.
    pub host: Option<Setting>,
    /// Copies in every environment that has no number of its own.
    pub replicas: Option<u64>,
    /// Copies by environment.
    pub own_replicas: BTreeMap<String, u64>,
}

impl Workload {
    pub fn new(name: Name, place: Place) -> Self {
        Self {
            name,
            hosts: BTreeSet::new(),
            place,
            folder: None,
            ports: IndexMap::new(),
            containers: IndexMap::new(),
            resources: IndexMap::new(),
            annotations: BTreeMap::new(),
            host: None,
            replicas: None,
            own_replicas: BTreeMap::new(),
        }
    }

    /// Adds a resource under a name like `wanted`, or finds the equal one.
    pub fn resource(&mut self, wanted: &str, resource: Resource) -> String {
        let base = estiba_project::name_of(wanted).unwrap_or_else(|| format!("{}1", resource.kind));
        let mut number = 1u32;
        loop {
            let name = match number {
                1 => base.clone(),
                number => format!("{base}-{number}"),
            };
            number += 1;
            match self.resources.get(&name) {
                None => {
                    self.resources.insert(name.clone(), resource);
                    return name;
                }
                Some(known) if *known == resource => return name,
                Some(_) => {}
            }
        }
    }
}

/// A port that a workload's service offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub port: u16,
    pub target: u16,
    pub udp: bool,
}

/// A container of a workload.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Container {
    pub image: Image,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub variables: IndexMap<String, Setting>,
    pub files: IndexMap<String, File>,
    pub volumes: IndexMap<String, Mount>,
    /// `limits` and `requests`, as Score has them.
    pub quantities: Map<String, Value>,
    pub liveness: Option<Value>,
    pub readiness: Option<Value>,
    /// Containers that wait for this one, and for what.
    pub before: BTreeMap<Name, &'static str>,
    pub place: Place,
}

impl Container {
    pub fn new(image: Image, place: Place) -> Self {
        Self {
            image,
            command: Vec::new(),
            args: Vec::new(),
            variables: IndexMap::new(),
            files: IndexMap::new(),
            volumes: IndexMap::new(),
            quantities: Map::new(),
            liveness: None,
            readiness: None,
            before: BTreeMap::new(),
            place,
        }
    }
}

/// Where an image comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Image {
    /// Built from the workload's folder.
    Built,
    Reference(String),
}

impl Image {
    /// The last part of the repository, without tag: `postgres`.
    pub fn base(&self) -> Option<&str> {
        let Self::Reference(reference) = self else {
            return None;
        };
        let name = reference.split('@').next()?.rsplit('/').next()?;
        name.split(':').next()
    }
}

/// A file to put into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    pub content: Content,
    /// Octal digits.
    pub mode: Option<String>,
}

/// What is in a [`File`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A file of the source.
    Source(PathBuf),
    /// A text, which may be a secret; its name is for the value.
    Text { name: String, value: Setting },
    /// Bytes, as base64.
    Binary(String),
}

/// A mounted volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The workload's resource.
    pub resource: String,
    pub path: Option<String>,
    pub read_only: bool,
}

/// What a workload needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub kind: &'static str,
    pub id: Option<String>,
    pub params: Map<String, Value>,
}

impl Resource {
    pub fn new(kind: &'static str) -> Self {
        Self {
            kind,
            id: None,
            params: Map::new(),
        }
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.params.insert(key.to_owned(), value.into());
        self
    }
}
