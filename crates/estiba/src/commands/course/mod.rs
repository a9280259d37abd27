//! `estiba course`: all teams of a course, from one file.

mod apply;
mod conclude;
mod down;
mod keys;
mod look;
mod people;
mod secrets;
mod size;
mod told;

use std::path::Path;
use std::sync::Arc;

use estiba_course::{Course, Loaded, TeamPlan};
use estiba_model::{Message, Name, has_errors, message};

use crate::backend::Backend;
use crate::cli;
use crate::context::Context;
use crate::failure::Failure;

use look::Looked;
use people::People;

pub use size::size;

/// Does what was asked of a course.
pub async fn course(context: &Context, asked: cli::Course) -> Result<(), Failure> {
    match asked {
        cli::Course::Plan { file, scope } => plan(context, &file, &scope).await,
        cli::Course::Apply {
            file,
            scope,
            at_once,
            yes,
        } => {
            let asked = apply::Asked { at_once, yes };
            apply::apply(context, &file, &scope, asked).await
        }
        cli::Course::Down {
            file,
            team,
            env,
            yes,
        } => down::down(context, &file, &team, &env, yes).await,
        cli::Course::Size(asked) => size(context, &asked),
        cli::Course::Schema => schema(context),
    }
}

fn schema(context: &Context) -> Result<(), Failure> {
    let schema = estiba_course::schema();
    context.output.json(&schema);
    let text = serde_json::to_string_pretty(&schema);
    let text = text.map_err(|error| Failure::because(Message::verbatim(error.to_string())))?;
    context.output.text(&text);
    Ok(())
}

/// The course, or every mistake in it.
fn checked(context: &Context, loaded: Loaded) -> Result<Course, Failure> {
    match loaded.course {
        Some(course) if !has_errors(&loaded.diagnostics) => {
            context.output.diagnostics(&loaded.diagnostics);
            Ok(course)
        }
        _ => Err(Failure::Findings(loaded.diagnostics)),
    }
}

/// Reads a course with only the teams that were named.
fn read_scope(context: &Context, file: &Path, named: &[Name]) -> Result<Course, Failure> {
    let mut course = checked(context, estiba_course::load(file, named))?;
    let unknown: Vec<&str> = named
        .iter()
        .filter(|name| !course.teams.contains_key(*name))
        .map(Name::as_str)
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let known: Vec<&str> = course.teams.keys().map(Name::as_str).collect();
        let known = known.join(", ");
        let file = file.display();
        return Err(Failure::Usage(message!(
            "{file} has no team {unknown}; it has: {known}",
            "{file} no tiene un equipo {unknown}; tiene: {known}"
        )));
    }
    if !named.is_empty() {
        course.teams.retain(|name, _| named.contains(name));
    }
    Ok(course)
}

/// Those who carry out, and who know the people.
struct Place {
    backend: Arc<dyn Backend>,
    people: Arc<dyn People>,
}

impl Place {
    async fn of(context: &Context) -> Result<Self, Failure> {
        let engine = context.engine().await?;
        let people: Arc<dyn People> = match context.client()? {
            Some(client) => {
                let me = client.me().await?;
                if !me.admin {
                    let name = &me.name;
                    return Err(Failure::because(message!(
                        "{name} is no admin of the server, and only an admin makes teams: set ESTIBA_TOKEN to a token of one",
                        "{name} no administra el servidor, y solo quien lo administra crea equipos: defina ESTIBA_TOKEN con un token suyo"
                    )));
                }
                Arc::new(people::OfServer(client))
            }
            None => Arc::new(people::OfState(engine.clone())),
        };
        let backend = Arc::from(context.backend_over(engine)?);
        Ok(Self { backend, people })
    }
}

/// Shows what an application would do.
async fn plan(context: &Context, file: &Path, scope: &cli::CourseScope) -> Result<(), Failure> {
    let course = read_scope(context, file, &scope.team)?;
    let place = Place::of(context).await?;
    let looked = look::look(context, &course, &place, scope).await?;
    show(context, file, &looked);
    context.output.json(&looked.document(&course));
    match looked.plans.iter().any(|plan| !plan.problems.is_empty()) {
        true => Err(Failure::Quiet(1)),
        false => Ok(()),
    }
}

/// What is to be done, team by team.
fn show(context: &Context, file: &Path, looked: &Looked) {
    let output = context.output;
    for plan in &looked.plans {
        show_team(context, plan);
    }
    let shown = file.display();
    for (id, environments) in &looked.leftovers {
        let (team, project) = (&id.team, &id.project);
        let environments: Vec<&str> = environments.iter().map(Name::as_str).collect();
        let environments = environments.join(", ");
        output.remark(&message!(
            "{team} is not in {shown}, and its {project} runs in {environments}: it stays; `estiba course down {shown} --team {team}` ends it",
            "{team} no está en {shown}, y su {project} corre en {environments}: queda como está; `estiba course down {shown} --team {team}` lo elimina"
        ));
    }
    if looked.plans.iter().all(TeamPlan::is_empty) {
        let (teams, environments) = looked.counts();
        output.line(&message!(
            "nothing to do: {teams} teams and {environments} environments are as {shown} says",
            "nada que hacer: {teams} equipos y {environments} ambientes están como dice {shown}"
        ));
    }
}

fn show_team(context: &Context, plan: &TeamPlan) {
    let output = context.output;
    if plan.is_empty() && plan.kept.is_empty() {
        return;
    }
    output.text(plan.team.as_str());
    for action in &plan.actions {
        output.line(&action.message().map(|text| format!("  {text}")));
    }
    for (environment, version) in &plan.kept {
        output.line(&message!(
            "  {environment}: runs {version}, a release of the team's own, which stays (--update replaces it)",
            "  {environment}: tiene {version} en marcha, una versión propia del equipo, que queda (--update la reemplaza)"
        ));
    }
    for problem in &plan.problems {
        output.line(&problem.clone().map(|text| format!("  ✗ {text}")));
    }
}
