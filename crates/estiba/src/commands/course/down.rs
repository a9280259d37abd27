//! `estiba course down`: a team's environments end, with their data.

use std::collections::BTreeSet;
use std::path::Path;

use estiba_model::{Message, Name, message};

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
    let Some(project) = &course.teams[team].project else {
        return Err(Failure::because(message!(
            "the course has no project, so nothing of {team} runs",
            "el curso no tiene un proyecto, así que nada de {team} está en marcha"
        )));
    };
    let place = Place::of(context).await?;
    let output = context.output;
    let mut running = Vec::new();
    // Those that take releases of others first.
    for environment in project.environments.keys().rev() {
        if !named.is_empty() && !named.contains(environment) {
            continue;
        }
        let losses = place.backend.losses(project, environment).await?;
        let (instances, data) = (losses.instances, losses.data.len());
        let deployed = place.backend.deployed(project, environment).await?;
        // A first deployment that failed leaves its databases to the next one.
        if deployed.is_none() && instances + data == 0 {
            continue;
        }
        running.push(environment);
        output.remark(&message!(
            "{team}/{environment}: {instances} instances end, and the data of {data} resources goes",
            "{team}/{environment}: terminan {instances} instancias, y se pierden los datos de {data} recursos"
        ));
    }
    let tokens = match named.is_empty() {
        true => place.people.tokens().await?,
        false => Vec::new(),
    };
    let is_of_course = |name: &str| course.tokens.keys().any(|token| token.as_str() == name);
    let tokens: Vec<_> = tokens
        .into_iter()
        .filter(|token| token.scope.team.as_ref() == Some(team) && is_of_course(&token.name))
        .collect();
    if !tokens.is_empty() {
        let count = tokens.len();
        output.remark(&message!("{count} tokens end", "terminan {count} tokens"));
    }
    if running.is_empty() && tokens.is_empty() {
        output.line(&message!(
            "nothing of {team} runs",
            "nada de {team} está en marcha"
        ));
    } else if !yes && !output.agree(&message!("Take it down?", "¿Eliminarlo?"))? {
        return Err(Failure::Quiet(1));
    }
    for environment in &running {
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
    output.json(&serde_json::json!({
        "event": "course-down", "team": team, "environments": running, "tokens": ended,
    }));
    if course.teams[team].keys.is_file() {
        let keys = course.teams[team].keys.display().to_string();
        output.remark(&Message {
            en: format!("{keys} has keys that open nothing any more"),
            es: format!("{keys} tiene claves que ya no abren nada"),
        });
    }
    Ok(())
}
