//! `estiba course down`: a team's environments end, with their data.

use std::collections::BTreeSet;
use std::path::Path;

use estiba_course::Course;
use estiba_model::{Losses, Message, Name, Project, Token, message};

use super::look::with_environments_of_all;
use super::{Place, checked};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::ShownProgress;

/// Says what data goes, asks, and takes a team's environments down, also those of a
/// team that is not in the file any more. Its tokens end.
pub async fn down(
    context: &Context,
    file: &Path,
    team: &Name,
    named: &[Name],
    yes: bool,
) -> Result<(), Failure> {
    let course = checked(context, estiba_course::load_with(file, team))?;
    let place = Place::of(context).await?;
    known(&course, &place, file, team).await?;
    let Some(own) = &course.teams[team].project else {
        return Err(Failure::because(message!(
            "the course has no project, so nothing of {team} runs",
            "el curso no tiene un proyecto, así que nada de {team} está en marcha"
        )));
    };
    let project = &with_named(&course, own, named);
    let going = going(&place, own, project, named).await?;
    all_there(&course, own, named, &going)?;
    let output = context.output;
    for (environment, losses) in &going {
        let (instances, data) = (losses.instances, losses.data.len());
        output.remark(&message!(
            "{team}/{environment}: {instances} instances end, and the data of {data} resources goes",
            "{team}/{environment}: terminan {instances} instancias, y se pierden los datos de {data} recursos"
        ));
    }
    let tokens = tokens(&course, &place, team, named).await?;
    if !tokens.is_empty() {
        let count = tokens.len();
        output.remark(&message!("{count} tokens end", "terminan {count} tokens"));
    }
    if going.is_empty() && tokens.is_empty() {
        output.line(&nothing_runs(team, named));
    } else if !yes && !output.agree(&message!("Take it down?", "¿Eliminarlo?"))? {
        return Err(Failure::Quiet(1));
    }
    for (environment, _) in &going {
        let progress = ShownProgress::new(output);
        let without = BTreeSet::new();
        let down = place
            .backend
            .down(project, environment, &without, &progress);
        down.await?;
        output.line(&message!(
            "{team}/{environment} is down",
            "{team}/{environment} se eliminó"
        ));
    }
    for token in &tokens {
        place.people.end_token(&token.id).await?;
    }
    let ended: Vec<&String> = tokens.iter().map(|token| &token.id).collect();
    let environments: Vec<&Name> = going.iter().map(|(environment, _)| environment).collect();
    output.json(&serde_json::json!({
        "event": "course-down", "team": team, "environments": environments, "tokens": ended,
    }));
    // Where only some environments end, the tokens do not.
    if named.is_empty() && course.teams[team].keys.is_file() {
        let keys = course.teams[team].keys.display().to_string();
        output.remark(&Message {
            en: format!("{keys} has keys that open nothing any more"),
            es: format!("{keys} tiene claves que ya no abren nada"),
        });
    }
    Ok(())
}

/// Refuses a team that the file does not have, and of which nothing was ever made.
async fn known(course: &Course, place: &Place, file: &Path, team: &Name) -> Result<(), Failure> {
    if !course.teams[team].has_left || place.people.teams().await?.contains(team) {
        return Ok(());
    }
    let projects = place.backend.projects().await?;
    if projects.iter().any(|id| id.team == *team) {
        return Ok(());
    }
    let teams = course.teams.iter().filter(|(_, team)| !team.has_left);
    let teams: Vec<&str> = teams.map(|(name, _)| name.as_str()).collect();
    let (file, teams) = (file.display(), teams.join(", "));
    Err(Failure::because(message!(
        "there is no team {team}: {file} has {teams}, and no other of that name was ever made",
        "no hay un equipo {team}: {file} tiene {teams}, y nunca se creó otro con ese nombre"
    )))
}

/// A team's project with what may run of it besides: environments that only other
/// teams have by now, and those that were named and that no file has any more.
fn with_named(course: &Course, own: &Project, named: &[Name]) -> Project {
    let mut project = with_environments_of_all(course, own);
    for environment in named {
        project = project.including(environment);
        // What ends is what was deployed, whatever the file says of it.
        let there = project.environments.entry(environment.clone());
        there.or_default();
    }
    project
}

/// What would go: of those that were named, or of all.
async fn going(
    place: &Place,
    own: &Project,
    project: &Project,
    named: &[Name],
) -> Result<Vec<(Name, Losses)>, Failure> {
    let mut going = Vec::new();
    // Those that take releases of others first.
    for environment in project.environments.keys().rev() {
        if !named.is_empty() && !named.contains(environment) {
            continue;
        }
        let deployed = place.backend.deployed(project, environment).await?;
        // The targets of what the team never had need not answer.
        if deployed.is_none() && !own.environments.contains_key(environment) {
            continue;
        }
        let losses = place.backend.losses(project, environment).await?;
        // A first deployment that failed leaves its databases to the next one.
        if deployed.is_none() && losses.instances + losses.data.len() == 0 {
            continue;
        }
        going.push((environment.clone(), losses));
    }
    Ok(going)
}

/// Refuses environments that no file has and in which nothing runs.
fn all_there(
    course: &Course,
    own: &Project,
    named: &[Name],
    going: &[(Name, Losses)],
) -> Result<(), Failure> {
    let project = with_environments_of_all(course, own);
    let is_there = |name: &Name| {
        project.environments.contains_key(name) || going.iter().any(|(one, _)| one == name)
    };
    let unknown: Vec<&str> = named
        .iter()
        .filter(|name| !is_there(name))
        .map(Name::as_str)
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let (unknown, id) = (unknown.join(", "), &project.id);
    let known: Vec<&str> = project.environments.keys().map(Name::as_str).collect();
    let known = known.join(", ");
    Err(Failure::because(message!(
        "{id} has no environment {unknown}, and nothing of it runs in one; it has: {known}",
        "{id} no tiene un ambiente {unknown}, ni nada en marcha en uno así; tiene: {known}"
    )))
}

/// The tokens that end: none where only some environments do.
async fn tokens(
    course: &Course,
    place: &Place,
    team: &Name,
    named: &[Name],
) -> Result<Vec<Token>, Failure> {
    if !named.is_empty() {
        return Ok(Vec::new());
    }
    let is_of_course = |name: &str| course.tokens.keys().any(|token| token.as_str() == name);
    let mut tokens = place.people.tokens().await?;
    tokens.retain(|token| token.scope.team.as_ref() == Some(team) && is_of_course(&token.name));
    Ok(tokens)
}

fn nothing_runs(team: &Name, named: &[Name]) -> Message {
    if named.is_empty() {
        return message!("nothing of {team} runs", "nada de {team} está en marcha");
    }
    let named: Vec<&str> = named.iter().map(Name::as_str).collect();
    let named = named.join(", ");
    message!(
        "nothing of {team} runs in {named}",
        "nada de {team} está en marcha en {named}"
    )
}
