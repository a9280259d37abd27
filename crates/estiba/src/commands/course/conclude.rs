//! How an application ended, for all teams.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use estiba_course::Course;
use estiba_model::{Message, Name, message};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;

/// A team that is not as it should be, and why.
pub struct Failed {
    pub team: Name,
    pub environment: Option<Name>,
    pub failure: Failure,
}

/// Tells how it ended.
pub fn conclude(
    context: &Context,
    file: &Path,
    course: &Course,
    failed: &[Failed],
    begun: Instant,
) -> Result<(), Failure> {
    let output = context.output;
    let teams = course.teams.len();
    let broken: BTreeSet<&Name> = failed.iter().map(|one| &one.team).collect();
    let (well, seconds) = (teams - broken.len(), begun.elapsed().as_secs_f64());
    let shown = file.display();
    let reasons = failed.iter().map(|one| {
        json!({
            "team": one.team,
            "environment": one.environment,
            "errors": [one.failure.message()],
        })
    });
    output.json(&json!({
        "event": "course-applied",
        "course": course.name,
        "teams": teams,
        "failed": reasons.collect::<Vec<_>>(),
    }));
    output.line(&message!(
        "{well} of {teams} teams are as {shown} says ({seconds:.1} s)",
        "{well} de {teams} equipos están como dice {shown} ({seconds:.1} s)"
    ));
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = broken.into_iter().map(Name::as_str).collect();
    let names = names.join(", ");
    for one in failed {
        let whose = match &one.environment {
            Some(environment) => format!("{}/{environment}", one.team),
            None => one.team.to_string(),
        };
        output.remark(&Message::verbatim(format!("{whose}:")));
        output.failure_text(&one.failure);
    }
    output.remark(&message!(
        "not all is done for {names}; the same command goes on with what is left",
        "no se hizo todo para {names}; el mismo comando sigue con lo que falta"
    ));
    Err(Failure::Quiet(1))
}
