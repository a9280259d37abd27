//! A picture of what an environment is made of, from its description alone: who comes
//! in, workloads, resources, services outside, and the targets on which they are.

mod draw;

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    EnvironmentStatus, InstanceState, Lang, Message, Name, Project, Resource, Workload, message,
};

/// The parts of an environment, and which uses which.
pub(super) struct Picture {
    title: String,
    lang: Lang,
    targets: Vec<Target>,
    /// Workloads that people reach.
    reached: BTreeSet<Name>,
    /// Services outside, by host.
    outside: BTreeSet<String>,
    uses: BTreeSet<Use>,
}

/// A target and what is there.
struct Target {
    name: Name,
    kind: String,
    workloads: Vec<Part>,
    resources: Vec<Part>,
}

/// A workload or a resource.
struct Part {
    id: String,
    kind: String,
    health: Health,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Health {
    Unknown,
    Well,
    Ill,
}

/// A workload that uses something.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Use {
    workload: Name,
    what: Used,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Used {
    Workload(Name),
    Resource(String),
    Outside(String),
}

impl Used {
    fn is_outside(&self, host: &str) -> bool {
        matches!(self, Self::Outside(outside) if outside == host)
    }
}

impl Picture {
    pub fn of(
        project: &Project,
        environment: &Name,
        status: Option<&EnvironmentStatus>,
        lang: Lang,
    ) -> Self {
        let mut picture = Self {
            title: format!("{} {environment}", project.id.project),
            lang,
            targets: Vec::new(),
            reached: BTreeSet::new(),
            outside: BTreeSet::new(),
            uses: BTreeSet::new(),
        };
        let Some(described) = project.environments.get(environment) else {
            return picture;
        };
        for (name, workload) in &project.workloads {
            let Some(target) = described.placement.get(name) else {
                continue;
            };
            let kind = project.targets.get(target).map_or("", |t| t.kind.as_str());
            let part = Part {
                id: name.to_string(),
                kind: message!("workload", "componente").text(lang).to_owned(),
                health: health(status, name),
            };
            picture.on(target, kind).workloads.push(part);
            picture.add(&workload.workload, name, target, &described.config);
        }
        picture
    }

    fn on(&mut self, name: &Name, kind: &str) -> &mut Target {
        let known = self.targets.iter().position(|target| target.name == *name);
        let index = known.unwrap_or_else(|| {
            self.targets.push(Target {
                name: name.clone(),
                kind: kind.to_owned(),
                workloads: Vec::new(),
                resources: Vec::new(),
            });
            self.targets.len() - 1
        });
        &mut self.targets[index]
    }

    /// What a workload uses.
    fn add(
        &mut self,
        workload: &Workload,
        name: &Name,
        target: &Name,
        config: &BTreeMap<String, String>,
    ) {
        for (key, resource) in &workload.resources {
            match resource.kind.as_str() {
                "environment" | "dns" => {}
                "route" => {
                    self.reached.insert(name.clone());
                }
                "service-port" => {
                    if let Some(other) = other_workload(resource) {
                        self.uses(name, Used::Workload(other));
                    }
                }
                kind => {
                    let id = resource.id.clone().unwrap_or_else(|| key.to_string());
                    self.provide(target, &id, kind);
                    self.uses(name, Used::Resource(id));
                }
            }
        }
        for host in hosts(workload, config) {
            self.outside.insert(host.clone());
            self.uses(name, Used::Outside(host));
        }
    }

    fn provide(&mut self, target: &Name, id: &str, kind: &str) {
        let mut all = self.targets.iter().flat_map(|target| &target.resources);
        if all.any(|part| part.id == id) {
            return;
        }
        let part = Part {
            id: id.to_owned(),
            kind: kind.to_owned(),
            health: Health::Unknown,
        };
        self.on(target, "").resources.push(part);
    }

    fn uses(&mut self, workload: &Name, what: Used) {
        let workload = workload.clone();
        self.uses.insert(Use { workload, what });
    }

    /// The same in words, for those who do not see it.
    pub fn sentences(&self) -> Vec<Message> {
        let mut all = Vec::new();
        for target in &self.targets {
            let on = &target.name;
            for part in &target.workloads {
                let name = &part.id;
                all.push(match part.health {
                    Health::Unknown => {
                        message!("{name} is placed on {on}", "{name} va en {on}")
                    }
                    Health::Well => message!(
                        "{name} runs on {on} and is healthy",
                        "{name} está en marcha en {on}, sano"
                    ),
                    Health::Ill => message!(
                        "{name} runs on {on} and is not healthy",
                        "{name} está en marcha en {on}, con fallas"
                    ),
                });
                if self.reached.iter().any(|reached| reached.as_str() == name) {
                    all.push(message!(
                        "people reach {name} from outside",
                        "se llega a {name} desde afuera"
                    ));
                }
            }
            for part in &target.resources {
                let (id, kind) = (&part.id, &part.kind);
                all.push(message!(
                    "{on} provides {id} ({kind})",
                    "{on} provee {id} ({kind})"
                ));
            }
        }
        for one in &self.uses {
            let user = &one.workload;
            all.push(match &one.what {
                Used::Workload(other) => message!("{user} calls {other}", "{user} llama a {other}"),
                Used::Resource(id) => message!("{user} uses {id}", "{user} usa {id}"),
                Used::Outside(host) => message!(
                    "{user} calls {host}, which is outside",
                    "{user} llama a {host}, que está afuera"
                ),
            });
        }
        all
    }

    /// The drawing.
    pub fn svg(&self) -> String {
        draw::svg(self)
    }
}

fn other_workload(resource: &Resource) -> Option<Name> {
    resource.params.get("workload")?.as_str()?.parse().ok()
}

fn health(status: Option<&EnvironmentStatus>, workload: &Name) -> Health {
    let all = status.iter().flat_map(|status| &status.instances);
    let of_it = all.filter(|instance| instance.workload == *workload);
    let ready: Vec<bool> = of_it.map(|one| one.state == InstanceState::Ready).collect();
    match ready.as_slice() {
        [] => Health::Unknown,
        ready if ready.contains(&false) => Health::Ill,
        _ => Health::Well,
    }
}

/// The hosts outside that the variables of a workload name, by themselves or by a
/// value of the environment.
fn hosts(workload: &Workload, config: &BTreeMap<String, String>) -> BTreeSet<String> {
    let values = workload.resources.iter();
    let values: Vec<&Name> = values
        .filter(|(_, resource)| resource.kind == "environment")
        .map(|(name, _)| name)
        .collect();
    let value_of = |text: &str| {
        let inside = text.strip_prefix("${resources.")?.strip_suffix('}')?;
        let (resource, key) = inside.split_once('.')?;
        let is_value = values.iter().any(|name| name.as_str() == resource);
        config.get(key).filter(|_| is_value).cloned()
    };
    workload
        .containers
        .values()
        .flat_map(|container| container.variables.values())
        .filter_map(|text| host(&value_of(text).unwrap_or_else(|| text.clone())))
        .collect()
}

/// The host of an address, if it is one of another machine.
fn host(text: &str) -> Option<String> {
    let url: http::Uri = text.parse().ok()?;
    url.scheme()?;
    let host = url.host()?;
    let is_elsewhere = !crate::auth::is_loopback(host) && host.contains('.');
    is_elsewhere.then(|| host.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::describe::Descriptions;

    fn example() -> Project {
        let read = |name: &str| {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tp2/");
            std::fs::read_to_string(format!("{folder}{name}")).unwrap()
        };
        let files = ["estiba.yaml", "api/score.yaml", "bot/score.yaml"];
        let files = files.map(|name| (name.to_owned(), read(name)));
        let id = estiba_model::ProjectId {
            team: "demo".parse().unwrap(),
            project: "tp2".parse().unwrap(),
        };
        Descriptions::new(None)
            .read(&id, &files.into_iter().collect())
            .unwrap()
    }

    #[test]
    fn it_says_who_uses_what() {
        let test = "test".parse().unwrap();
        let picture = Picture::of(&example(), &test, None, Lang::En);
        let words: Vec<String> = picture.sentences().into_iter().map(|m| m.en).collect();
        assert_eq!(
            words,
            [
                "api is placed on laptop",
                "people reach api from outside",
                "bot is placed on laptop",
                "laptop provides db (postgres)",
                "api uses db",
                "bot calls api",
                "bot calls api.telegram.org, which is outside",
            ]
        );
    }

    #[test]
    fn it_is_drawn_with_every_part_and_without_foreign_markup() {
        let mut project = example();
        let test: Name = "test".parse().unwrap();
        let config = &mut project.environments[&test].config;
        config.insert(
            "TELEGRAM_API_URL".to_owned(),
            "https://x.example/<b>".to_owned(),
        );
        let svg = Picture::of(&project, &test, None, Lang::Es).svg();
        for part in ["api", "bot", "db", "postgres", "laptop"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(!svg.contains("<b>"), "{svg}");
    }
}
