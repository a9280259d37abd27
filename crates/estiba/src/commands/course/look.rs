//! What there is of a course, and what it lacks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use estiba_course::{Course, ObservedTeam, Runs, Team, TeamPlan, plan};
use estiba_model::{Message, Name, Project, ProjectId, Release, Token, Version};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Place;
use super::keys::Keys;
use super::people::People;
use super::secrets::{self, SecretFile};
use crate::backend::Backend;
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, ShownProgress};

/// How many teams are looked at at once.
const AT_ONCE: usize = 8;

/// What there is, and what is to be done.
pub struct Looked {
    pub plans: Vec<TeamPlan>,
    /// The release of each team's project.
    pub releases: BTreeMap<Name, Release>,
    /// Environments of teams that are not in the file.
    pub leftovers: BTreeMap<ProjectId, Vec<Name>>,
    environments: usize,
}

impl Looked {
    /// How many teams and environments there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.plans.len(), self.environments)
    }

    /// For programs.
    pub fn document(&self, course: &Course) -> Value {
        let leftovers = self.leftovers.iter();
        let leftovers = leftovers
            .map(|(id, environments)| json!({ "project": id, "environments": environments }));
        json!({
            "event": "course-plan",
            "course": course.name,
            "teams": self.plans,
            "not_in_the_file": leftovers.collect::<Vec<_>>(),
        })
    }
}

/// Builds what has changed, once for each folder, and looks at every team.
pub async fn look(
    context: &Context,
    course: &Course,
    place: &Place,
    scope: &cli::CourseScope,
) -> Result<Looked, Failure> {
    let assembled = releases(context, course, place, scope.version.as_ref()).await;
    let known: BTreeSet<ProjectId> = place.backend.projects().await?.into_iter().collect();
    let all = Known {
        teams: place.people.teams().await?,
        tokens: place.people.tokens().await?,
        projects: known,
    };
    let all = Arc::new(all);
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for (index, (name, team)) in course.teams.iter().enumerate() {
        let (name, team, all) = (name.clone(), team.clone(), Arc::clone(&all));
        let (backend, people) = (Arc::clone(&place.backend), Arc::clone(&place.people));
        let release = assembled.get(&name).and_then(|one| one.clone().ok());
        let room = Arc::clone(&room);
        let chat = course.chat;
        tasks.spawn(async move {
            let _turn = room.acquire_owned().await;
            let looking = Looking {
                backend: &*backend,
                people: &*people,
                all: &all,
                chat,
            };
            let observed = looking.team(&name, &team, release.as_ref()).await;
            (index, observed)
        });
    }
    let mut observed = BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let (index, found) = done.map_err(|error| super::apply::stopped(&error))?;
        observed.insert(index, found);
    }
    let mut plans = Vec::new();
    let mut releases = BTreeMap::new();
    for ((name, team), (_, observed)) in course.teams.iter().zip(observed) {
        let release = assembled.get(name);
        let version = release.and_then(|release| Some(&release.as_ref().ok()?.version));
        let mut plan = match observed {
            Ok(observed) => plan(course, name, team, &observed, version, scope.update),
            Err(failure) => TeamPlan::unknown(name, reasons(failure)),
        };
        match release {
            Some(Ok(release)) => drop(releases.insert(name.clone(), release.clone())),
            Some(Err(why)) => plan.problems.push(why.clone()),
            None => {}
        }
        plans.push(plan);
    }
    let environments = projects(course)
        .map(|project| project.environments.len())
        .sum();
    Ok(Looked {
        leftovers: match scope.team.is_empty() {
            true => leftovers(course, place, &all.projects).await?,
            false => BTreeMap::new(),
        },
        plans,
        releases,
        environments,
    })
}

/// What is wrong, each by itself.
fn reasons(failure: Failure) -> Vec<Message> {
    match failure {
        Failure::Failed { messages, .. } => messages,
        other => vec![other.message()],
    }
}

/// What would be released of each team's project, or why that can't be told. Teams
/// that share a folder share what is built.
async fn releases(
    context: &Context,
    course: &Course,
    place: &Place,
    version: Option<&Version>,
) -> BTreeMap<Name, Result<Release, Message>> {
    let mut of_folders: HashMap<PathBuf, Result<Release, Message>> = HashMap::new();
    let mut releases = BTreeMap::new();
    let progress = ShownProgress::new(Output {
        json: false,
        ..context.output
    });
    for (name, team) in &course.teams {
        let Some(project) = &team.project else {
            continue;
        };
        let built = match of_folders.get(&project.directory) {
            Some(built) => built.clone(),
            None => {
                let assembled = place.backend.assemble(project, version, &progress);
                let built = assembled.await.map_err(|failure| {
                    context.output.failure_text(&failure);
                    failure.message()
                });
                of_folders.insert(project.directory.clone(), built.clone());
                built
            }
        };
        let project = project.id.clone();
        let of_team = built.map(|release| Release { project, ..release });
        releases.insert(name.clone(), of_team);
    }
    releases
}

/// What is asked for once for all teams.
struct Known {
    teams: BTreeSet<Name>,
    tokens: Vec<Token>,
    projects: BTreeSet<ProjectId>,
}

struct Looking<'l> {
    backend: &'l dyn Backend,
    people: &'l dyn People,
    all: &'l Known,
    chat: bool,
}

impl Looking<'_> {
    async fn team(
        &self,
        name: &Name,
        team: &Team,
        release: Option<&Release>,
    ) -> Result<ObservedTeam, Failure> {
        let secrets = secrets::read_all(&team.secrets)?;
        let mut observed = ObservedTeam {
            exists: self.all.teams.contains(name),
            lost: Keys::read(&team.keys)?.lost(),
            ..ObservedTeam::default()
        };
        if observed.exists {
            observed.members = self.people.members(name).await?;
            if self.chat {
                observed.chats = self.people.in_chat(name).await?;
            }
            let tokens = self.all.tokens.iter();
            let of_team = tokens.filter(|token| token.scope.team.as_ref() == Some(name));
            observed.tokens = of_team
                .map(|token| (token.name.clone(), token.login.clone()))
                .collect();
        }
        if let (Some(project), Some(release)) = (&team.project, release) {
            for environment in project.environments.keys() {
                let secrets = secrets.get(environment);
                self.environment(project, environment, secrets, release, &mut observed)
                    .await?;
            }
        }
        Ok(observed)
    }

    async fn environment(
        &self,
        project: &Project,
        environment: &Name,
        secrets: Option<&SecretFile>,
        release: &Release,
        observed: &mut ObservedTeam,
    ) -> Result<(), Failure> {
        let is_known = self.all.projects.contains(&project.id);
        if let Some(file) = secrets {
            let kept = match is_known {
                true => self.backend.secrets(project, environment).await?,
                false => Vec::new(),
            };
            let newer = file.newer_than(&kept.into_iter().collect());
            observed.secrets.insert(environment.clone(), newer);
        }
        let runs = match is_known {
            false => Runs::Nothing,
            true => self.runs(project, environment, release).await,
        };
        observed.environments.insert(environment.clone(), runs);
        Ok(())
    }

    async fn runs(&self, project: &Project, environment: &Name, release: &Release) -> Runs {
        let looked = async {
            let runs = match self.backend.deployed(project, environment).await? {
                None => Runs::Nothing,
                Some(version) if version != release.version => Runs::Other(version),
                Some(_) => {
                    let distance = self.backend.distance(project, environment, release);
                    Runs::Same {
                        steps: distance.await?,
                    }
                }
            };
            Ok::<_, Failure>(runs)
        };
        match looked.await {
            Ok(runs) => runs,
            Err(failure) => Runs::Unknown(
                failure
                    .message()
                    .map(|text| format!("{environment}: {text}")),
            ),
        }
    }
}

/// What runs of the course's projects for teams that are not in its file.
async fn leftovers(
    course: &Course,
    place: &Place,
    known: &BTreeSet<ProjectId>,
) -> Result<BTreeMap<ProjectId, Vec<Name>>, Failure> {
    let templates: BTreeMap<&Name, &Project> = projects(course)
        .map(|project| (&project.id.project, project))
        .collect();
    let mut left = BTreeMap::new();
    for id in known
        .iter()
        .filter(|id| !course.teams.contains_key(&id.team))
    {
        let Some(template) = templates.get(&id.project) else {
            continue;
        };
        let mut project = with_environments_of_all(course, template);
        project.id = id.clone();
        let mut running = Vec::new();
        for environment in project.environments.keys() {
            if place
                .backend
                .deployed(&project, environment)
                .await?
                .is_some()
            {
                running.push(environment.clone());
            }
        }
        if !running.is_empty() {
            left.insert(id.clone(), running);
        }
    }
    Ok(left)
}

fn projects(course: &Course) -> impl Iterator<Item = &Project> {
    let teams = course.teams.values();
    teams.filter_map(|team| team.project.as_ref())
}

/// A project of a team with the environments that only others have of it: a team may
/// be without some that it, or one that left, has had.
pub fn with_environments_of_all(course: &Course, project: &Project) -> Project {
    let mut all = project.clone();
    let alike = projects(course).filter(|other| other.id.project == project.id.project);
    for (name, environment) in alike.flat_map(|other| &other.environments) {
        let there = all.environments.entry(name.clone());
        there.or_insert_with(|| environment.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "project: tp2\nteam: demo\nworkloads: [score.yaml]\ntargets: { laptop: { kind: local } }\nenvironments: { test: { on: laptop }, prod: { on: laptop } }\n";
    const SCORE: &str = "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers: { main: { image: registry.example.edu/api:1 } }\n";
    const COURSE: &str =
        "course: memo2\nproject: .\nteams: { moria: {}, rohan: { without: [prod] } }\n";

    #[test]
    fn environments_that_only_other_teams_have_are_looked_at_too() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("estiba.yaml", PROJECT),
            ("score.yaml", SCORE),
            ("course.yaml", COURSE),
        ];
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let course = estiba_course::load(&folder.path().join("course.yaml"), &[]);
        let course = course.course.unwrap();
        let own = course.teams["rohan"].project.as_ref().unwrap();
        assert_eq!(own.environments.len(), 1);
        let all = with_environments_of_all(&course, own);
        let names: Vec<&str> = all.environments.keys().map(Name::as_str).collect();
        assert_eq!(names, ["test", "prod"]);
        assert_eq!(all.id, own.id);
    }
}
