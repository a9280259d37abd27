//! From a file to a [`Course`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Message, Name, Project, Quantities, has_errors, message};
use estiba_project::Over;
use estiba_score::yaml::{Document, join};
use indexmap::IndexMap;
use serde_json::Value;

use crate::check;
use crate::document::{self, Read};
use crate::file::{AmountsFile, CourseFile, TeamFile, schema};
use crate::size::{Demand, Part, Terms};
use crate::{Course, Team, TokenWanted};

/// What stands for the team's name.
pub(crate) const TEAM: &str = "{team}";
/// What stands for the environment's name.
pub(crate) const ENVIRONMENT: &str = "{environment}";

/// What came of reading a course.
#[derive(Debug)]
pub struct Loaded {
    /// The course; `None` where any finding is an error.
    pub course: Option<Course>,
    /// Every mistake in it and in the projects that it names.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks a course, with the projects of its teams. Mistakes in the
/// projects of other teams than `only` are not told; of all where none is named.
#[must_use]
pub fn load(file: &Path, only: &[Name]) -> Loaded {
    read(file, None, only)
}

/// The same with a team that need not be in the file any more.
#[must_use]
pub fn load_with(file: &Path, team: &Name) -> Loaded {
    read(file, Some(team), std::slice::from_ref(team))
}

fn read(file: &Path, team: Option<&Name>, only: &[Name]) -> Loaded {
    match document::text_of(file) {
        Ok(text) => parse(file, &text, team, only),
        Err(diagnostic) => Loaded {
            course: None,
            diagnostics: vec![*diagnostic],
        },
    }
}

fn parse(file: &Path, text: &str, team: Option<&Name>, only: &[Name]) -> Loaded {
    let Read {
        document,
        sound,
        content,
        mut found,
    } = document::read::<CourseFile>(file, text, &schema(), &["course"]);
    let (Some(document), Some(sound), Some(mut content)) = (document, sound, content) else {
        return Loaded {
            course: None,
            diagnostics: found,
        };
    };
    let left = team.filter(|team| !content.teams.contains_key(*team));
    if let Some(team) = left {
        content.teams.insert(team.clone(), TeamFile::default());
    }
    let reading = Reading {
        folder: folder(file),
        document: &document,
        sound: &sound,
        only,
    };
    let mut course = reading.course(file, content, &mut found);
    if let Some(left) = left.and_then(|team| course.teams.get_mut(team)) {
        left.has_left = true;
    }
    // What is wrong about a folder that teams share is wrong once.
    let mut seen = BTreeSet::new();
    found.retain(|finding| {
        let place = finding
            .place
            .as_ref()
            .map(|p| (p.file.clone(), p.offset_bytes));
        seen.insert((place, finding.code.clone(), finding.message.en.clone()))
    });
    Loaded {
        course: (!has_errors(&found)).then_some(course),
        diagnostics: found,
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// A course that is being read.
pub(crate) struct Reading<'d> {
    folder: PathBuf,
    pub document: &'d Document,
    /// Without what the schema does not allow: that was told.
    sound: &'d Document,
    only: &'d [Name],
}

impl Reading<'_> {
    fn course(&self, file: &Path, content: CourseFile, found: &mut Vec<Diagnostic>) -> Course {
        check::patterns(self, &content, found);
        let mut teams = IndexMap::new();
        for (name, team) in &content.teams {
            teams.insert(name.clone(), self.team(&content, name, team, found));
        }
        check::apart(self, &teams, found);
        let sketch = self.sketch(&content, found);
        let targets = targets(&content, &teams, &sketch);
        check::nodes(self, &content, &teams, &targets, found);
        let tokens = content.tokens.iter().map(|(name, token)| {
            let wanted = TokenWanted {
                role: token.role.into(),
                days: token.days,
                holder: token.holder,
            };
            (name.clone(), wanted)
        });
        let size = &content.size;
        let terms = Terms {
            budget: size.budget,
            nodes: size.nodes.clone(),
            database: size
                .database
                .as_ref()
                .map(|amounts| self.amounts(amounts, "/size/database", found)),
        };
        Course {
            tokens: tokens.collect(),
            chat: content.chat,
            size: terms,
            sketch,
            targets,
            name: content.course,
            file: file.to_owned(),
            teams,
        }
    }

    fn team(
        &self,
        content: &CourseFile,
        name: &Name,
        team: &TeamFile,
        found: &mut Vec<Diagnostic>,
    ) -> Team {
        let project = self.project(content, name, team, found);
        let environments = project
            .iter()
            .flat_map(|project| project.environments.keys());
        let secrets = content.secrets.iter().flat_map(|pattern| {
            let of = pattern.replace(TEAM, name.as_str());
            environments.clone().map(move |environment| {
                let path = of.replace(ENVIRONMENT, environment.as_str());
                (environment.clone(), path)
            })
        });
        let secrets = secrets.map(|(environment, path)| (environment, self.folder.join(path)));
        Team {
            secrets: secrets.collect(),
            members: team
                .members
                .iter()
                .map(|(login, role)| (login.trim().to_owned(), (*role).into()))
                .collect(),
            keys: self.folder.join(content.keys.replace(TEAM, name.as_str())),
            has_left: false,
            project,
        }
    }

    fn project(
        &self,
        content: &CourseFile,
        name: &Name,
        team: &TeamFile,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Project> {
        let of_team = join(&join("/teams", name.as_str()), "project");
        let (path, pointer) = match (&team.project, &content.project) {
            (Some(own), _) => (own, of_team.as_str()),
            (None, Some(shared)) => (shared, "/project"),
            (None, None) => return None,
        };
        let folder = self.folder.join(path.replace(TEAM, name.as_str()));
        if !folder.join(estiba_project::FILE_NAME).is_file() {
            let shown = folder.display();
            found.push(self.error(
                "no-project",
                pointer,
                message!(
                    "there is no estiba.yaml in {shown}, the project of {name}",
                    "no hay un estiba.yaml en {shown}, el proyecto de {name}"
                ),
                message!(
                    "correct the path, which is relative to this file, or write one: `estiba init {shown}`",
                    "corrija la ruta, que es relativa a este archivo, o escriba uno: `estiba init {shown}`"
                ),
            ));
            return None;
        }
        let over = Over {
            document: self.sound,
            team: name,
            without: &team.without,
        };
        let loaded = estiba_project::load_over(&folder, &over);
        if self.only.is_empty() || self.only.contains(name) {
            found.extend(loaded.diagnostics);
        }
        check::without(self, name, team, &folder, found);
        loaded.project
    }

    /// What would run of a course that has no project yet.
    fn sketch(&self, content: &CourseFile, found: &mut Vec<Diagnostic>) -> Vec<Demand> {
        let mut demands = Vec::new();
        for (workload, sketched) in &content.workloads {
            let place = join("/workloads", workload.as_str());
            let part = Part {
                requests: self.amounts(&sketched.requests, &join(&place, "requests"), found),
                limits: self.amounts(&sketched.limits, &join(&place, "limits"), found),
            };
            for (name, environment) in &content.environments {
                let on = match &environment.on {
                    Value::String(target) => Some(target.as_str()),
                    Value::Object(each) => each.get(workload.as_str()).and_then(Value::as_str),
                    _ => None,
                };
                let Some(target) = on.and_then(|target| target.parse::<Name>().ok()) else {
                    found.push(self.error(
                        "unplaced-workload",
                        &join("/environments", name.as_str()),
                        message!(
                            "environment {name} does not say where {workload} runs",
                            "el ambiente {name} no dice dónde se ejecuta {workload}"
                        ),
                        message!("add `on: TARGET`", "agregue `on: PLATAFORMA`"),
                    ));
                    continue;
                };
                let copies = environment.replicas.get(workload);
                let config = content.targets.get(&target);
                let kind = config
                    .and_then(|config| config.get("kind"))
                    .and_then(Value::as_str);
                for (team, of_team) in &content.teams {
                    if of_team.without.contains(name) {
                        continue;
                    }
                    demands.push(Demand {
                        team: team.clone(),
                        environment: name.clone(),
                        workload: workload.clone(),
                        target: target.clone(),
                        kind: kind.unwrap_or_default().to_owned(),
                        copies: copies.copied().unwrap_or(sketched.copies),
                        part: part.clone().filled(config.and_then(|c| c.get("limits"))),
                        databases: u32::from(sketched.database),
                        overlaps: true,
                    });
                }
            }
        }
        demands
    }

    fn amounts(
        &self,
        amounts: &AmountsFile,
        pointer: &str,
        found: &mut Vec<Diagnostic>,
    ) -> Quantities {
        let mut amount = |key, value: &Option<Value>, parse: fn(&str) -> Option<u64>| {
            let pointer = join(pointer, key);
            let text = match value.as_ref()? {
                Value::String(text) => text.clone(),
                _ => self.document.written(&pointer).trim().to_owned(),
            };
            let parsed = parse(&text);
            if parsed.is_none() {
                found.push(self.error(
                    "out-of-range",
                    &pointer,
                    message!(
                        "{text} is no amount of {key}",
                        "{text} no es una cantidad de {key}"
                    ),
                    message!(
                        "for example: {key}: {}",
                        "por ejemplo: {key}: {}",
                        example(key)
                    ),
                ));
            }
            parsed
        };
        Quantities {
            cpu_millis: amount("cpu", &amounts.cpu, estiba_score::cpu_millis),
            memory_bytes: amount("memory", &amounts.memory, estiba_score::memory_bytes),
        }
    }

    pub(crate) fn error(
        &self,
        code: &str,
        pointer: &str,
        message: Message,
        hint: Message,
    ) -> Diagnostic {
        self.told(
            Diagnostic::error(code, message).hint(hint),
            self.document.file(),
            pointer,
        )
    }

    pub(crate) fn told(&self, finding: Diagnostic, file: &Path, pointer: &str) -> Diagnostic {
        match document::place(self.document, file, pointer) {
            Some(place) => finding.at(place),
            None => finding,
        }
    }
}

fn example(key: &str) -> &'static str {
    match key {
        "cpu" => "250m",
        _ => "256Mi",
    }
}

/// The targets that a course and its projects name.
fn targets(
    content: &CourseFile,
    teams: &IndexMap<Name, Team>,
    sketch: &[Demand],
) -> BTreeSet<Name> {
    let projects = teams.values().filter_map(|team| team.project.as_ref());
    let of_projects = projects.flat_map(|project| project.targets.keys());
    let sketched = sketch.iter().map(|demand| &demand.target);
    let all = of_projects.chain(sketched).chain(content.targets.keys());
    all.cloned().collect()
}
