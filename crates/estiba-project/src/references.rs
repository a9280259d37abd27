//! What the placeholders of workloads refer to.

use std::io::Read;
use std::path::Path;

use estiba_model::{Container, FileData, Name, Project, ProjectWorkload, Resource};
use estiba_score::placeholder::{Reference, Root, Template};
use serde_json::Value;

use crate::finding::Spot;

/// The Score type whose outputs are the environment's own values.
pub(crate) const ENVIRONMENT: &str = "environment";

/// Placeholders of a longer source file are looked at when it is released.
const MOST_SOURCE_BYTES: u64 = 1 << 20;

/// `${resources.NAME.KEY…}` in a workload.
pub(crate) struct ResourceReference<'p> {
    pub user: &'p ProjectWorkload,
    /// The resource's name.
    pub name: String,
    /// The resource; `None` where the workload declares none of the name.
    pub resource: Option<&'p Resource>,
    /// The keys after the name.
    pub keys: Vec<String>,
    /// The text that the reference is in.
    pub spot: Spot,
    /// Whether the text is a file of the project, which the Score reader does
    /// not look into.
    pub in_source: bool,
}

impl<'p> ResourceReference<'p> {
    fn new(user: &'p ProjectWorkload, path: &[String], text: &Text<'_>) -> Option<Self> {
        let (name, keys) = path.split_first()?;
        Some(Self {
            user,
            resource: user.workload.resources.get(name.as_str()),
            name: name.clone(),
            keys: keys.to_vec(),
            spot: text
                .spot(&user.file)
                .words(&format!("resources.{}", path.join("."))),
            in_source: text.in_source,
        })
    }

    /// The key of an environment's value, where it refers to one.
    pub fn value_key(&self) -> Option<&str> {
        match (self.resource, self.keys.as_slice()) {
            (Some(resource), [key]) if resource.kind == ENVIRONMENT => Some(key),
            _ => None,
        }
    }
}

/// Every reference to a resource in the project's workloads.
pub(crate) fn all(project: &Project) -> Vec<ResourceReference<'_>> {
    project.workloads.values().flat_map(of).collect()
}

/// Every reference to a resource in one workload.
pub(crate) fn of(user: &ProjectWorkload) -> Vec<ResourceReference<'_>> {
    let mut references = Vec::new();
    for_each_text(user, &mut |text| {
        let Ok(template) = Template::parse(text.content) else {
            return;
        };
        let paths = template.references().filter(|r| r.root == Root::Resources);
        references.extend(
            paths.filter_map(|Reference { path, .. }| ResourceReference::new(user, path, &text)),
        );
    });
    references
}

/// A text in which placeholders are expanded.
struct Text<'t> {
    content: &'t str,
    /// From the root of the Score file.
    path: &'t [&'t str],
    in_source: bool,
}

impl Text<'_> {
    fn spot(&self, file: &Path) -> Spot {
        Spot::value(file, self.path)
    }
}

fn for_each_text(user: &ProjectWorkload, visit: &mut dyn FnMut(Text<'_>)) {
    for (name, container) in &user.workload.containers {
        container_texts(user, name, container, visit);
    }
    for (name, resource) in &user.workload.resources {
        for (key, value) in &resource.params {
            let path = ["resources", name.as_str(), "params", key];
            texts_within(value, &mut |content| {
                visit(Text {
                    content,
                    path: &path,
                    in_source: false,
                });
            });
        }
    }
}

fn container_texts(
    user: &ProjectWorkload,
    name: &Name,
    container: &Container,
    visit: &mut dyn FnMut(Text<'_>),
) {
    let name = name.as_str();
    let mut inline = |content: &str, path: &[&str]| {
        visit(Text {
            content,
            path,
            in_source: false,
        });
    };
    for (key, content) in &container.variables {
        inline(content, &["containers", name, "variables", key]);
    }
    for (target, mount) in &container.volumes {
        inline(
            &mount.source,
            &["containers", name, "volumes", target, "source"],
        );
    }
    for (target, file) in container.files.iter().filter(|(_, file)| !file.no_expand) {
        let at = |key| ["containers", name, "files", target, key];
        match &file.data {
            FileData::Content(content) => {
                visit(Text {
                    content,
                    path: &at("content"),
                    in_source: false,
                });
            }
            FileData::Source(source) => {
                if let Some(content) = read_source(&user.directory.join(source)) {
                    visit(Text {
                        content: &content,
                        path: &at("source"),
                        in_source: true,
                    });
                }
            }
            FileData::Binary(_) => {}
        }
    }
}

/// `None` for what has no placeholders: bytes that are no text, or no file.
fn read_source(path: &Path) -> Option<String> {
    let file = std::fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MOST_SOURCE_BYTES).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

fn texts_within(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(items) => items.iter().for_each(|item| texts_within(item, visit)),
        Value::Object(map) => map.values().for_each(|item| texts_within(item, visit)),
        _ => {}
    }
}
