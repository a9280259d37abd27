//! `estiba config`.

use estiba_model::{Name, message};

use crate::context::Context;
use crate::failure::Failure;

/// Shows all values in clear, or one.
pub async fn get(
    context: &Context,
    name: Option<String>,
    environment: Option<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let config = backend.config(&project, &environment).await?;
    match name {
        None => {
            context.output.json(&config);
            for (name, value) in &config {
                context.output.text(&format!("{name}={value}"));
            }
            Ok(())
        }
        Some(name) => match config.get(&name) {
            Some(value) => {
                context.output.json(value);
                context.output.text(value);
                Ok(())
            }
            None => Err(Failure::because(message!(
                "{name} has no value in {environment}; a secret is not shown",
                "{name} no tiene valor en {environment}; un secreto no se muestra"
            ))),
        },
    }
}

/// Sets values.
pub async fn set(
    context: &Context,
    values: &[(String, String)],
    environment: &Name,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    for (name, value) in values {
        backend
            .set_config(&project, environment, name, Some(value))
            .await?;
    }
    say_when_it_holds(context, environment);
    Ok(())
}

/// Forgets values that were set.
pub async fn unset(context: &Context, names: &[String], environment: &Name) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    for name in names {
        backend
            .set_config(&project, environment, name, None)
            .await?;
    }
    say_when_it_holds(context, environment);
    Ok(())
}

/// Values come to instances with the next deployment.
pub fn say_when_it_holds(context: &Context, environment: &Name) {
    context.output.line(&message!(
        "kept; `estiba restart --env {environment}` gives it to what runs",
        "guardado; `estiba restart --env {environment}` lo lleva a lo que está en marcha"
    ));
    context
        .output
        .json(&serde_json::json!({ "environment": environment, "kept": true }));
}
