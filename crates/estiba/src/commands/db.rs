//! `estiba db`.

use std::path::Path;

use estiba_model::{Name, message};

use crate::context::Context;
use crate::failure::Failure;

/// Writes a backup of an environment's database.
pub async fn backup(
    context: &Context,
    file: &Path,
    environment: &Name,
    resource: Option<&str>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    backend
        .backup(&project, environment, resource, file)
        .await?;
    let bytes = std::fs::metadata(file).map_or(0, |found| found.len());
    let shown = file.display();
    context.output.line(&message!(
        "wrote {shown} ({bytes} bytes)",
        "se escribió {shown} ({bytes} bytes)"
    ));
    context
        .output
        .json(&serde_json::json!({ "file": file, "bytes": bytes }));
    Ok(())
}

/// Replaces what is in an environment's database by a backup.
pub async fn restore(
    context: &Context,
    file: &Path,
    environment: &Name,
    resource: Option<&str>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let shown = file.display();
    let question = message!(
        "Replace all data in the database of {environment} by {shown}?",
        "¿Reemplazar todos los datos de la base de {environment} por {shown}?"
    );
    if !yes && !context.output.agree(&question)? {
        return Err(Failure::Quiet(1));
    }
    backend
        .restore(&project, environment, resource, file)
        .await?;
    context.output.line(&message!(
        "the database of {environment} is as in {shown}",
        "la base de {environment} está como en {shown}"
    ));
    context
        .output
        .json(&serde_json::json!({ "environment": environment, "restored": file }));
    Ok(())
}
