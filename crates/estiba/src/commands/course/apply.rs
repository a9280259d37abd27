//! `estiba course apply`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use estiba_api::NewTokenBody;
use estiba_course::{Action, Course, Team, TeamPlan, TokenWanted};
use estiba_engine::{Outcome, Silent};
use estiba_model::{Message, Name, Project, Release, Scope, Token, Version, message};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::conclude::{Failed, conclude};
use super::keys::Keys;
use super::look::{self, Looked};
use super::people::People;
use super::told::Told;
use super::{Place, read_scope, secrets, show};
use crate::backend::{Backend, Done, Wanted};
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;

/// How it is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// How many environments at once.
    pub at_once: usize,
    /// Without asking.
    pub yes: bool,
}

/// Brings every team to what the file says. What fails for one team does not keep
/// the others from it.
pub async fn apply(
    context: &Context,
    file: &Path,
    scope: &cli::CourseScope,
    asked: Asked,
) -> Result<(), Failure> {
    let begun = Instant::now();
    let course = read_scope(context, file, &scope.team)?;
    if let Some(team) = course.teams.iter().find(|(_, team)| team.project.is_none()) {
        let (team, file) = (team.0, file.display());
        return Err(Failure::because(message!(
            "{file} names no project for {team}, only what it would use: add `project: FOLDER`",
            "{file} no nombra un proyecto para {team}, solo lo que usaría: agregue `project: CARPETA`"
        )));
    }
    let place = Place::of(context).await?;
    let looked = look::look(context, &course, &place, scope).await?;
    show(context, file, &looked);
    context.output.json(&looked.document(&course));
    if looked.plans.iter().all(TeamPlan::is_empty) {
        return Ok(());
    }
    let has_actions = looked.plans.iter().any(|plan| !plan.actions.is_empty());
    let question = message!("Do this?", "¿Hacerlo?");
    if has_actions && !asked.yes && !context.output.agree(&question)? {
        return Err(Failure::Quiet(1));
    }
    let failed = carry_out(context, &course, &place, looked, asked).await?;
    conclude(context, file, &course, &failed, begun)
}

async fn carry_out(
    context: &Context,
    course: &Course,
    place: &Place,
    looked: Looked,
    asked: Asked,
) -> Result<Vec<Failed>, Failure> {
    let Looked {
        plans, releases, ..
    } = looked;
    let total = plans.iter().map(TeamPlan::deployments).sum::<usize>();
    let told = Told::new(context.output, total.try_into().unwrap_or(u64::MAX));
    let room = Arc::new(Semaphore::new(asked.at_once));
    let course = Arc::new(course.clone());
    let mut failed = Vec::new();
    let mut tasks = JoinSet::new();
    for plan in plans {
        failed.extend(plan.problems.iter().map(|problem| Failed {
            team: plan.team.clone(),
            environment: None,
            failure: Failure::because(problem.clone()),
        }));
        let Some(release) = releases.get(&plan.team).cloned() else {
            continue;
        };
        let (backend, people) = (Arc::clone(&place.backend), Arc::clone(&place.people));
        let (course, room) = (Arc::clone(&course), Arc::clone(&room));
        let told = told.clone();
        tasks.spawn(async move {
            let _turn = room.acquire_owned().await;
            let work = Work {
                course: &course,
                team: &course.teams[&plan.team],
                plan: &plan,
                release: &release,
                backend: &*backend,
                people: &*people,
                told: &told,
            };
            work.carry_out().await
        });
    }
    while let Some(done) = tasks.join_next().await {
        failed.extend(done.map_err(|error| stopped(&error))?);
    }
    told.finish();
    failed.sort_by(|a, b| a.team.cmp(&b.team));
    Ok(failed)
}

/// A task that did not come to its end.
pub fn stopped(error: &JoinError) -> Failure {
    Failure::because(Message::verbatim(error.to_string()))
}

/// What is to be done for one team.
struct Work<'w> {
    course: &'w Course,
    team: &'w Team,
    plan: &'w TeamPlan,
    release: &'w Release,
    backend: &'w dyn Backend,
    people: &'w dyn People,
    told: &'w Told,
}

impl Work<'_> {
    async fn carry_out(&self) -> Vec<Failed> {
        let mut failed = Vec::new();
        if let Err(failure) = self.people().await {
            self.failed(None, failure, &mut failed);
            // Nothing is of a team that is not there.
            return failed;
        }
        let Some(project) = &self.team.project else {
            return failed;
        };
        let environments: Vec<&Action> = self.plan.actions.iter().filter(is_of_project).collect();
        if environments.is_empty() {
            return failed;
        }
        if let Err(failure) = self.prepare(project).await {
            self.failed(None, failure, &mut failed);
            return failed;
        }
        let mut broken: BTreeSet<&Name> = BTreeSet::new();
        for action in environments {
            let done = match action {
                Action::SetSecrets { environment, names } => {
                    let set = self.set_secrets(project, environment, names);
                    set.await.map_err(|failure| (environment, failure))
                }
                Action::Deploy {
                    environment,
                    version,
                    ..
                } => {
                    let before = project.environments[environment].after.as_ref();
                    if before.is_some_and(|before| broken.contains(before)) {
                        broken.insert(environment);
                    }
                    if broken.contains(environment) {
                        self.told.advance();
                        continue;
                    }
                    let deployed = self.deploy(project, environment, version).await;
                    self.told.advance();
                    deployed.map_err(|failure| (environment, failure))
                }
                _ => Ok(()),
            };
            if let Err((environment, failure)) = done {
                broken.insert(environment);
                self.failed(Some(environment.clone()), failure, &mut failed);
            }
        }
        failed
    }

    fn failed(&self, environment: Option<Name>, failure: Failure, all: &mut Vec<Failed>) {
        let team = self.plan.team.clone();
        let whose = match &environment {
            Some(environment) => format!("{team}/{environment}"),
            None => team.to_string(),
        };
        let why = failure.message();
        self.told
            .line(&why.map(|text| format!("✗ {whose}: {text}")));
        all.push(Failed {
            team,
            environment,
            failure,
        });
    }

    fn done(&self, action: &Action) {
        let team = &self.plan.team;
        let what = action.message();
        self.told
            .line(&what.map(|text| format!("✓ {team}: {text}")));
    }

    /// The team, its members, tokens and codes.
    async fn people(&self) -> Result<(), Failure> {
        let name = &self.plan.team;
        for action in &self.plan.actions {
            match action {
                Action::MakeTeam => self.people.make_team(name).await?,
                Action::Admit { login, role } => self.people.admit(name, login, *role).await?,
                Action::MakeToken {
                    name: token,
                    login,
                    replaces,
                } => self.make_token(token, login.as_deref(), *replaces).await?,
                Action::MakeChatCode { login } => self.make_code(login).await?,
                Action::SetSecrets { .. } | Action::Deploy { .. } => continue,
            }
            self.done(action);
        }
        Ok(())
    }

    async fn make_token(
        &self,
        name: &Name,
        login: Option<&str>,
        replaces: bool,
    ) -> Result<(), Failure> {
        let team = &self.plan.team;
        if replaces {
            for token in self.people.tokens().await? {
                if is_token(&token, team, name, login) {
                    self.people.end_token(&token.id).await?;
                }
            }
        }
        let what = match login {
            Some(login) => format!("token {name} {login}"),
            None => format!("token {name}"),
        };
        let mut keys = Keys::read(&self.team.keys)?;
        keys.begin(&what)?;
        let new = new_token(team, name, login, &self.course.tokens[name]);
        let created = self.people.make_token(&new).await?;
        let until = created.token.expires_at.map(|end| end.to_string());
        let until = until.unwrap_or_default();
        let role = json!(new.scope.role);
        let role = role.as_str().unwrap_or_default();
        let of = login.unwrap_or("machine");
        let made = [
            format!("# {team}: token {name} for {of}, {role}, until {until}"),
            format!("ESTIBA_TOKEN={}", created.key),
        ];
        keys.end(&what, &made)
    }

    async fn make_code(&self, login: &str) -> Result<(), Failure> {
        let mut keys = Keys::read(&self.team.keys)?;
        let what = format!("code {login}");
        keys.begin(&what)?;
        let code = self.people.make_code(&self.plan.team, login).await?;
        let (until, code) = (code.expires_at, code.code);
        let made = [
            format!("# {login} sends this to the bot before {until}:"),
            format!("/start {code}"),
        ];
        keys.end(&what, &made)
    }

    /// What the environments of a project need before any of them.
    async fn prepare(&self, project: &Project) -> Result<(), Failure> {
        self.backend.describe(project).await?;
        self.backend.keep(project, self.release, &Silent).await?;
        Ok(())
    }

    async fn set_secrets(
        &self,
        project: &Project,
        environment: &Name,
        names: &[String],
    ) -> Result<(), Failure> {
        let path = &self.team.secrets[environment];
        let Some(file) = secrets::read(path)? else {
            return Ok(());
        };
        for (name, value) in file.values {
            if names.contains(&name) {
                let set = self.backend.set_secret(project, environment, &name, value);
                set.await?;
            }
        }
        Ok(())
    }

    async fn deploy(
        &self,
        project: &Project,
        environment: &Name,
        version: &Version,
    ) -> Result<(), Failure> {
        let team = &self.plan.team;
        let observer = self.told.of(team, environment);
        let without = BTreeSet::new();
        let wanted = Wanted::Release(version);
        let deployed = self
            .backend
            .deploy(project, environment, wanted, &without, &observer);
        match deployed.await? {
            Done::Ended(Outcome::Unchanged) => {}
            Done::Ended(Outcome::Succeeded { took, .. }) => {
                let seconds = took.as_secs_f64();
                self.told.line(&message!(
                    "✓ {team}/{environment} runs {version} ({seconds:.1} s)",
                    "✓ {team}/{environment} tiene {version} en marcha ({seconds:.1} s)"
                ));
            }
            Done::Ended(Outcome::Superseded { deployment }) => {
                return Err(Failure::because(message!(
                    "{deployment} gave way to a newer deployment of {environment}",
                    "{deployment} cedió el lugar a un despliegue más nuevo de {environment}"
                )));
            }
            Done::Waiting(approval) => {
                let id = approval.id;
                self.told.line(&message!(
                    "… {team}/{environment}: {version} waits for another person to agree: `estiba approve {id}`",
                    "… {team}/{environment}: {version} espera que otra persona lo acepte: `estiba approve {id}`"
                ));
            }
        }
        Ok(())
    }
}

fn is_of_project(action: &&Action) -> bool {
    matches!(action, Action::SetSecrets { .. } | Action::Deploy { .. })
}

/// Whether a token is that of a course for a team.
pub fn is_token(token: &Token, team: &Name, name: &Name, login: Option<&str>) -> bool {
    token.scope.team.as_ref() == Some(team)
        && token.name == name.as_str()
        && token.login.as_deref() == login
}

fn new_token(team: &Name, name: &Name, login: Option<&str>, wanted: &TokenWanted) -> NewTokenBody {
    NewTokenBody {
        name: name.to_string(),
        scope: Scope {
            role: wanted.role,
            team: Some(team.clone()),
            project: None,
            environments: Vec::new(),
        },
        days: Some(wanted.days),
        login: login.map(str::to_owned),
        machine: login.is_none(),
    }
}
