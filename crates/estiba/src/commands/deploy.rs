//! `estiba plan`, `deploy`, `promote`, `rollback` and `resume`: releases going
//! to environments.

use std::collections::BTreeSet;

use estiba_engine::{Outcome, environment_id};
use estiba_model::{Approval, Name, Project, Version, message};

use crate::backend::{Backend, Done, Wanted};
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
    let backend = context.backend().await?;
    let plan = {
        let progress = ShownProgress::new(crate::output::Output {
            json: false,
            ..context.output
        });
        backend
            .plan(&project, &environment, version.as_ref(), without, &progress)
            .await?
    };
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
    without: &BTreeSet<Name>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    environment_id(&project, &environment)?;
    let version = match (version, &project.environments[&environment].after) {
        (None, Some(before)) => backend.current_version(&project, before).await?,
        (version, _) => release(context, &*backend, &project, version).await?,
    };
    let wanted = Wanted::Release(&version);
    if agreed(context, &project, &environment, &version, yes)? {
        carry_out(context, &*backend, &project, &environment, wanted, without).await?;
        Ok(())
    } else {
        Err(Failure::Quiet(1))
    }
}

/// The release of that version, built from the folder where there is none yet.
async fn release(
    context: &Context,
    backend: &dyn Backend,
    project: &Project,
    version: Option<Version>,
) -> Result<Version, Failure> {
    if let Some(version) = &version
        && backend.existing_release(project, version).await?.is_some()
    {
        return Ok(version.clone());
    }
    let progress = ShownProgress::new(context.output);
    backend.release(project, version.as_ref(), &progress).await
}

/// Keeps what is in the folder as a release.
pub async fn keep(context: &Context, version: Option<Version>) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let progress = ShownProgress::new(context.output);
    let version = backend
        .release(&project, version.as_ref(), &progress)
        .await?;
    context.output.text(version.as_str());
    Ok(())
}

/// Takes the release of one environment to another.
pub async fn promote(
    context: &Context,
    from: &Name,
    to: Name,
    only: Option<Version>,
    without: &BTreeSet<Name>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    environment_id(&project, from)?;
    environment_id(&project, &to)?;
    let version = backend.current_version(&project, from).await?;
    if let Some(only) = only.filter(|only| *only != version) {
        return Err(Failure::because(message!(
            "{from} runs {version} by now, and not {only}; promote {version}, or take {only} to {from} again first",
            "{from} ya tiene {version} en marcha, y no {only}; promueva {version}, o lleve antes {only} de nuevo a {from}"
        )));
    }
    if !agreed(context, &project, &to, &version, yes)? {
        return Err(Failure::Quiet(1));
    }
    let wanted = Wanted::Promote(from);
    if carry_out(context, &*backend, &project, &to, wanted, without).await? == Ended::Yes {
        show_carried(context, &*backend, &project, from, &to).await?;
    }
    Ok(())
}

/// Shows that what runs is what was promoted, as the targets tell.
async fn show_carried(
    context: &Context,
    backend: &dyn Backend,
    project: &Project,
    from: &Name,
    to: &Name,
) -> Result<(), Failure> {
    let carried = backend.carried(project, to).await?;
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
    without: &BTreeSet<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let wanted = Wanted::Rollback(to.as_ref());
    carry_out(context, &*backend, &project, &environment, wanted, without).await?;
    Ok(())
}

/// Whether a person here agrees, where the environment wants one to. A server
/// asks another person by itself.
fn agreed(
    context: &Context,
    project: &Project,
    environment: &Name,
    version: &Version,
    yes: bool,
) -> Result<bool, Failure> {
    if yes || context.is_remote() || !project.environments[environment].approve {
        return Ok(true);
    }
    context.output.agree(&message!(
        "Deploy {version} to {environment}?",
        "¿Desplegar {version} en {environment}?"
    ))
}

/// Whether what was wanted has come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has.
    Yes,
    /// A person has to agree first.
    No,
}

/// Carries out what is wanted, and shows what comes of it.
pub async fn carry_out(
    context: &Context,
    backend: &dyn Backend,
    project: &Project,
    environment: &Name,
    wanted: Wanted<'_>,
    without: &BTreeSet<Name>,
) -> Result<Ended, Failure> {
    let done = {
        let progress = ShownProgress::new(context.output);
        backend
            .deploy(project, environment, wanted, without, &progress)
            .await?
    };
    let outcome = match done {
        Done::Ended(outcome) => outcome,
        Done::Waiting(approval) => {
            show_waiting(context, environment, &approval);
            return Ok(Ended::No);
        }
    };
    if outcome == Outcome::Unchanged {
        context.output.line(&message!(
            "{environment} is up to date; nothing was changed",
            "{environment} está al día; no se cambió nada"
        ));
    }
    show_outcome(context, environment, &outcome)?;
    show_urls(context, backend, project, environment).await?;
    Ok(Ended::Yes)
}

/// Ends what an interrupted deployment began.
pub async fn resume(context: &Context, environment: Option<Name>) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let chosen: Vec<Name> = match environment {
        Some(environment) => vec![environment],
        None => project.environments.keys().cloned().collect(),
    };
    for environment in chosen {
        let outcome = {
            let progress = ShownProgress::new(context.output);
            backend.resume(&project, &environment, &progress).await?
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

/// Another person has to agree first.
fn show_waiting(context: &Context, environment: &Name, approval: &Approval) {
    let (id, version) = (approval.id, &approval.version);
    context.output.line(&message!(
        "{version} waits for another person to agree to it in {environment}: `estiba approve {id}`",
        "{version} espera que otra persona lo acepte en {environment}: `estiba approve {id}`"
    ));
    context.output.json(&serde_json::json!({
        "event": "waiting",
        "environment": environment,
        "approval": approval,
    }));
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
    backend: &dyn Backend,
    project: &Project,
    environment: &Name,
) -> Result<(), Failure> {
    let urls = backend.urls(project, environment).await?;
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
