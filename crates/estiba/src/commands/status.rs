//! `estiba status`.

use estiba_model::{EnvironmentStatus, InstanceState, Message, message};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, Table};

use super::history::moment;

/// Shows how all environments are.
pub async fn status(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let all = backend.status(&project).await?;
    context.output.json(&all);
    for (number, environment) in all.iter().enumerate() {
        if number > 0 {
            context.output.text("");
        }
        show(context.output, environment);
    }
    Ok(())
}

fn show(output: Output, status: &EnvironmentStatus) {
    let name = &status.environment;
    output.line(&match &status.deployed {
        None => message!(
            "{name}: nothing is deployed",
            "{name}: no hay nada desplegado"
        ),
        Some(deployed) => {
            let version = &deployed.version;
            let since = deployed.since.map(moment).unwrap_or_default();
            let health = output.say(&health(status));
            message!(
                "{name}: {version} since {since}, {health}",
                "{name}: {version} desde {since}, {health}"
            )
        }
    });
    for problem in &status.problems {
        output.text(&format!("  ! {}", output.say(problem)));
    }
    if let Some(activity) = &status.activity {
        let id = activity.deployment.id;
        output.line(&if activity.interrupted {
            message!(
                "  ! deployment {id} was interrupted: `estiba resume --env {name}`",
                "  ! el despliegue {id} se interrumpió: `estiba resume --env {name}`"
            )
        } else {
            message!(
                "  … deployment {id} is being carried out",
                "  … el despliegue {id} está en curso"
            )
        });
    }
    if let Some(failed) = &status.failed {
        let (id, version) = (failed.id, &failed.version);
        let why = failed.error.as_ref().map(|e| output.say(e));
        let why = why.unwrap_or_default();
        output.line(&message!(
            "  ✗ deployment {id} of {version} failed: {why}",
            "  ✗ el despliegue {id} de {version} falló: {why}"
        ));
        for line in &failed.log {
            output.text(&format!("    │ {line}"));
        }
    }
    show_instances(output, status);
    show_drift(output, status);
    for url in &status.urls {
        output.text(&format!("  {}", url.url));
    }
}

fn show_instances(output: Output, status: &EnvironmentStatus) {
    if status.instances.is_empty() {
        return;
    }
    let headings = [
        message!("instance", "instancia"),
        message!("state", "estado"),
        message!("version", "versión"),
        message!("restarts", "reinicios"),
    ]
    .map(|heading| output.say(&heading));
    let mut table = Table::new(headings.each_ref().map(String::as_str));
    for instance in &status.instances {
        table.row([
            instance.name.to_string(),
            output.say(&instance.state.message()),
            instance.version.to_string(),
            instance.restarts.to_string(),
        ]);
    }
    for line in table.to_string().lines() {
        output.text(&format!("  {line}"));
    }
}

fn show_drift(output: Output, status: &EnvironmentStatus) {
    if status.drift.is_empty() {
        return;
    }
    let version = status.deployed.as_ref().map(|d| d.version.as_str());
    let (name, version) = (&status.environment, version.unwrap_or_default());
    output.line(&message!(
        "  ! what runs differs from what was deployed; `estiba deploy --env {name} --version {version}` would:",
        "  ! lo que está en marcha difiere de lo desplegado; `estiba deploy --env {name} --version {version}` haría:"
    ));
    for step in &status.drift {
        output.text(&format!("      {}", output.say(&step.message())));
    }
}

fn health(status: &EnvironmentStatus) -> Message {
    let all = status.instances.len();
    let ready = status
        .instances
        .iter()
        .filter(|instance| instance.state == InstanceState::Ready)
        .count();
    match () {
        () if ready < all => {
            message!("unhealthy ({ready}/{all})", "con fallas ({ready}/{all})")
        }
        () if !status.problems.is_empty() => message!("not known in full", "no se sabe todo"),
        () if !status.drift.is_empty() => {
            message!("differs ({ready}/{all})", "difiere ({ready}/{all})")
        }
        () => message!("healthy ({ready}/{all})", "sano ({ready}/{all})"),
    }
}
