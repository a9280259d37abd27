//! `estiba ci report`: what came of a deployment, as CIs show it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use estiba_api::DeploymentView;
use estiba_ci::report::{dotenv, junit, junit_of_none, summary, summary_of_none};
use estiba_engine::environment_id;
use estiba_model::{Name, Version, message};

use crate::context::Context;
use crate::failure::Failure;

/// What is to be told, and where.
pub struct Wanted<'a> {
    pub environment: &'a Name,
    /// The release that was to be deployed.
    pub version: Option<&'a Version>,
    pub junit: &'a Path,
    pub dotenv: &'a Path,
    pub summary: Option<&'a Path>,
}

/// Writes what came of the last deployment. One of another release is no result of what
/// was to be deployed.
pub async fn run(context: &Context, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let (environment, lang) = (wanted.environment, context.output.lang);
    let project = context.project()?;
    let id = environment_id(&project, environment)?;
    let backend = context.backend().await?;
    let history = backend.history(&project, environment, 1, true).await?;
    let last = history.into_iter().next();
    let urls = backend.urls(&project, environment).await?;
    let (tests, table) = match (&last, wanted.version) {
        (Some(last), version) if version.is_none_or(|one| *one == last.deployment.version) => {
            let DeploymentView {
                deployment, steps, ..
            } = last;
            (
                junit(deployment, steps, lang),
                summary(deployment, steps, &urls, lang),
            )
        }
        (_, Some(version)) => (
            junit_of_none(&id, version, lang),
            summary_of_none(&id, version, lang),
        ),
        (_, None) => {
            return Err(Failure::because(message!(
                "nothing was deployed to {environment}, so there is nothing to report; `estiba deploy --env {environment}` comes first",
                "no se desplegó nada en {environment}, así que no hay qué informar; antes va `estiba deploy --env {environment}`"
            )));
        }
    };
    write(wanted.junit, &tests)?;
    write(wanted.dotenv, &dotenv(&urls))?;
    if let Some(path) = wanted.summary {
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(table.as_bytes()))
            .map_err(|error| Failure::file(path, &error))?;
    }
    let deployment = last.map(|last| last.deployment);
    let output = &context.output;
    output.json(&serde_json::json!({ "deployment": deployment, "urls": urls }));
    let (junit, dotenv) = (wanted.junit.display(), wanted.dotenv.display());
    output.line(&message!(
        "wrote {junit} and {dotenv}",
        "se escribieron {junit} y {dotenv}"
    ));
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file(path, &error))
}
