//! The objects of manifests, by kind, name and environment.

use std::collections::BTreeMap;

use estiba_score::yaml::Document;

use crate::node::Node;
use crate::source::is_environment;

/// Kinds that run containers until they are stopped.
const RUN: [&str; 6] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
];

/// An object of a manifest.
#[derive(Clone)]
pub(super) struct Object<'a> {
    pub kind: String,
    pub api: String,
    pub name: String,
    pub namespace: Option<String>,
    pub environment: Option<String>,
    pub node: Node<'a>,
}

impl<'a> Object<'a> {
    fn of(node: Node<'a>, of_file: Option<&str>) -> Option<Self> {
        let kind = node.text("kind")?;
        let metadata = node.get("metadata");
        let text = |key| metadata.as_ref().and_then(|metadata| metadata.text(key));
        let namespace = text("namespace");
        let of_namespace = namespace.as_deref().and_then(environment_of_namespace);
        let environment = of_file.map(str::to_owned).or(of_namespace);
        Some(Self {
            kind,
            api: node.text("apiVersion").unwrap_or_default(),
            name: text("name").or_else(|| text("generateName"))?,
            namespace,
            environment,
            node,
        })
    }

    /// `restapi` of `restapi-test`.
    pub fn name_without_environment(&self) -> String {
        let environment = self.environment.as_deref().unwrap_or_default();
        let base = self.name.strip_suffix(environment);
        let base = base.and_then(|base| base.strip_suffix(['-', '_']));
        match base {
            Some(base) if !environment.is_empty() && !base.is_empty() => base.to_owned(),
            _ => self.name.clone(),
        }
    }
}

/// `test` of `moria-test`.
fn environment_of_namespace(namespace: &str) -> Option<String> {
    let (_, word) = namespace.rsplit_once('-')?;
    is_environment(word).then(|| word.to_owned())
}

/// All objects.
pub(super) struct Objects<'a> {
    all: Vec<Object<'a>>,
}

impl<'a> Objects<'a> {
    pub fn of(documents: &'a [(Option<&str>, Document)]) -> Self {
        let mut all = Vec::new();
        for (environment, document) in documents {
            let root = Node::root(document);
            let listed = match root.text("kind").as_deref() {
                Some("List") => root.items("items"),
                _ => vec![root],
            };
            all.extend(
                listed
                    .into_iter()
                    .filter_map(|node| Object::of(node, *environment)),
            );
        }
        Self { all }
    }

    pub fn all(&self) -> impl Iterator<Item = &Object<'a>> {
        self.all.iter()
    }

    pub fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Object<'a>> {
        self.all.iter().filter(move |object| object.kind == kind)
    }

    /// Those that run until they are stopped, in the order of the files.
    pub fn that_run(&self) -> Vec<Object<'a>> {
        let run = self
            .all
            .iter()
            .filter(|object| RUN.contains(&object.kind.as_str()));
        run.cloned().collect()
    }

    /// The object of a kind and name that holds in an environment.
    pub fn find(&self, kind: &str, name: &str, environment: Option<&str>) -> Option<&Object<'a>> {
        let of = |wanted: Option<&str>| {
            self.all.iter().find(|object| {
                object.kind == kind
                    && object.name == name
                    && object.environment.as_deref() == wanted
            })
        };
        of(environment).or_else(|| of(None))
    }

    /// Who owns namespaces of the form `{team}-{environment}`.
    pub fn team(&self) -> Option<String> {
        let mut teams: BTreeMap<&str, usize> = BTreeMap::new();
        for namespace in self.all.iter().filter_map(|o| o.namespace.as_deref()) {
            if environment_of_namespace(namespace).is_some()
                && let Some((team, _)) = namespace.rsplit_once('-')
            {
                *teams.entry(team).or_default() += 1;
            }
        }
        let most = teams.into_iter().max_by_key(|(_, count)| *count);
        most.and_then(|(team, _)| estiba_project::name_of(team))
    }
}
