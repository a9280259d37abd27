//! `estiba down`.

use std::collections::BTreeSet;

use estiba_model::{Message, Name, message};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::ShownProgress;

/// Says what data goes, asks, and takes an environment down.
pub async fn down(
    context: &Context,
    environment: &Name,
    without: &BTreeSet<Name>,
    yes: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let losses = backend.losses(&project, environment).await?;
    let instances = losses.instances;
    context.output.remark(&message!(
        "{environment}: {instances} instances end, and with them goes the data of:",
        "{environment}: terminan {instances} instancias, y con ellas se pierden los datos de:"
    ));
    for id in &losses.data {
        context.output.remark(&Message::verbatim(format!("  {id}")));
    }
    if losses.data.is_empty() {
        context.output.remark(&message!("  (nothing)", "  (nada)"));
    }
    let question = message!(
        "Take {environment} down? A backup is made by `estiba db backup`.",
        "¿Eliminar {environment}? Una copia de respaldo se hace con `estiba db backup`."
    );
    if !yes && !context.output.agree(&question)? {
        return Err(Failure::Quiet(1));
    }
    {
        let progress = ShownProgress::new(context.output);
        backend
            .down(&project, environment, without, &progress)
            .await?;
    }
    context.output.line(&message!(
        "{environment} is down; its config and secrets are kept",
        "{environment} se eliminó; su configuración y sus secretos se conservan"
    ));
    context
        .output
        .json(&serde_json::json!({ "event": "down", "environment": environment, "lost": losses }));
    Ok(())
}
