//! `estiba plan`, `deploy`, `promote`, `rollback` and `resume`: releases going
//! to environments.

use std::collections::BTreeSet;

use estiba_engine::{Engine, Outcome, Request};
use estiba_model::{Cause, EnvironmentId, Name, Project, Release, Version, message};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{ShownProgress, plan_text};

/// Shows the steps that a deployment would take.
pub async fn plan(
    context: &Context,
    environment: Option<Name>,
    version: Option<Version>,
    without: &BTreeSet<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let engine = context.engine().await?;
    let existing = match &version {
        Some(version) => engine.store().release(&project.id, version).await?,
        None => None,
    };
    let release = match existing {
        Some(release) => release,
        None => {
            let progress = ShownProgress::new(crate::output::Output {
                json: false,
                ..context.output
            });
            let version = version.as_ref().map(Version::as_str);
            engine.assemble(&project, version, &progress).await?
        }
    };
    let plan = engine.plan(&project, &environment, release, without);
    let plan = plan.await?;
    context.output.json(&plan);
    plan_text(&plan)
        .iter()
        .for_each(|line| context.output.line(line));
    Ok(())
}

/// Deploys a release, or what is in the folder.
pub async fn deploy(
    context: &Context,
    environment: Name,
    version: Option<Version>,
    without: BTreeSet<Name>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let engine = context.engine().await?;
    engine.environment(&project, &environment)?;
    let progress = ShownProgress::new(context.output);
    let version = match (version, &project.environments[&environment].after) {
        (None, Some(before)) => {
            let before = EnvironmentId::new(&project.id, before);
            engine.current_version(&before).await?
        }
        (version, _) => {
            release(&engine, &project, version, &progress)
                .await?
                .version
        }
    };
    drop(progress);
    let request = Request {
        environment,
        version,
        cause: Cause::Deploy,
        without,
    };
    carry_out(context, &engine, &project, &request, yes).await
}

/// The release of that version, built from the folder where there is none yet.
async fn release(
    engine: &Engine,
    project: &Project,
    version: Option<Version>,
    progress: &ShownProgress,
) -> Result<Release, Failure> {
    if let Some(version) = &version
        && let Some(release) = engine.store().release(&project.id, version).await?
    {
        return Ok(release);
    }
    let version = version.as_ref().map(Version::as_str);
    Ok(engine.release(project, version, progress).await?)
}

/// Takes the release of one environment to another.
pub async fn promote(
    context: &Context,
    from: &Name,
    to: Name,
    without: BTreeSet<Name>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let engine = context.engine().await?;
    let from = engine.environment(&project, from)?;
    let request = Request {
        environment: to.clone(),
        version: engine.current_version(&from).await?,
        cause: Cause::Promote,
        without,
    };
    carry_out(context, &engine, &project, &request, yes).await?;
    show_carried(context, &engine, &project, &from.environment, &to).await
}

/// Shows that what runs is what was promoted, as the targets tell.
async fn show_carried(
    context: &Context,
    engine: &Engine,
    project: &Project,
    from: &Name,
    to: &Name,
) -> Result<(), Failure> {
    let carried = engine.carried(project, to).await?;
    context.output.line(&message!(
        "{to} runs the images of {from}:",
        "{to} tiene en marcha las imágenes de {from}:"
    ));
    for one in &carried {
        let (workload, container, image) = (&one.workload, &one.container, &one.image);
        context
            .output
            .text(&format!("  {workload}/{container}  {image}"));
    }
    context.output.json(&serde_json::json!({
        "event": "carried",
        "from": from,
        "environment": to,
        "images": carried,
    }));
    Ok(())
}

/// Goes back to the previous release that worked, or to a given one.
pub async fn rollback(
    context: &Context,
    environment: Name,
    to: Option<Version>,
    without: BTreeSet<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let engine = context.engine().await?;
    let id = engine.environment(&project, &environment)?;
    let version = match to {
        Some(version) => version,
        None => engine.previous_version(&id).await?,
    };
    let request = Request {
        environment,
        version,
        cause: Cause::Rollback,
        without,
    };
    carry_out(context, &engine, &project, &request, true).await
}

async fn carry_out(
    context: &Context,
    engine: &Engine,
    project: &Project,
    request: &Request,
    yes: bool,
) -> Result<(), Failure> {
    let Request {
        environment,
        version,
        ..
    } = request;
    engine.environment(project, environment)?;
    if project.environments[environment].approve && !yes {
        let question = message!(
            "Deploy {version} to {environment}?",
            "¿Desplegar {version} en {environment}?"
        );
        if !context.output.agree(&question)? {
            return Err(Failure::Quiet(1));
        }
    }
    let outcome = {
        let progress = ShownProgress::new(context.output);
        engine.deploy(project, request, &progress).await?
    };
    if outcome == Outcome::Unchanged {
        context.output.line(&message!(
            "{environment} already runs {version}; nothing was changed",
            "{environment} ya tiene {version}; no se cambió nada"
        ));
    }
    show_outcome(context, environment, &outcome)?;
    show_urls(context, engine, project, environment).await
}

/// Ends what an interrupted deployment began.
pub async fn resume(context: &Context, environment: Option<Name>) -> Result<(), Failure> {
    let project = context.project()?;
    let engine = context.engine().await?;
    let chosen: Vec<Name> = match environment {
        Some(environment) => vec![environment],
        None => project.environments.keys().cloned().collect(),
    };
    for environment in chosen {
        let id = engine.environment(&project, &environment)?;
        let outcome = {
            let progress = ShownProgress::new(context.output);
            engine.resume(&id, &progress).await?
        };
        match outcome {
            Some(outcome) => show_outcome(context, &environment, &outcome)?,
            None => context.output.line(&message!(
                "{environment}: no interrupted deployment",
                "{environment}: no hay un despliegue interrumpido"
            )),
        }
    }
    Ok(())
}

/// How a deployment ended. One that gave way did not do what was asked.
///
/// # Errors
/// When a newer deployment took its place.
pub fn show_outcome(
    context: &Context,
    environment: &Name,
    outcome: &Outcome,
) -> Result<(), Failure> {
    let output = context.output;
    match outcome {
        Outcome::Unchanged => {
            output.json(&serde_json::json!({ "event": "unchanged", "environment": environment }));
        }
        Outcome::Succeeded {
            deployment,
            version,
            took,
        } => {
            let seconds = took.as_secs_f64();
            output.line(&message!(
                "{environment} runs {version} (deployment {deployment}, {seconds:.1} s)",
                "{environment} tiene {version} en marcha (despliegue {deployment}, {seconds:.1} s)"
            ));
            output.json(&serde_json::json!({
                "event": "succeeded",
                "environment": environment,
                "deployment": deployment,
                "version": version,
                "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            }));
        }
        Outcome::Superseded { deployment } => {
            output.line(&message!(
                "{deployment} gave way to a newer deployment of {environment}",
                "{deployment} cedió el lugar a un despliegue más nuevo de {environment}"
            ));
            output.json(&serde_json::json!({
                "event": "superseded",
                "environment": environment,
                "deployment": deployment,
            }));
            return Err(Failure::Quiet(1));
        }
    }
    Ok(())
}

/// Where an environment's workloads are reached.
pub async fn show_urls(
    context: &Context,
    engine: &Engine,
    project: &Project,
    environment: &Name,
) -> Result<(), Failure> {
    let urls = engine.urls(project, environment).await?;
    for url in &urls {
        context
            .output
            .text(&format!("  {}  {}", url.workload, url.url));
    }
    context
        .output
        .json(&serde_json::json!({ "event": "urls", "urls": urls }));
    Ok(())
}
