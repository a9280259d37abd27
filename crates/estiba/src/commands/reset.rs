//! `estiba reset`.

use std::collections::BTreeSet;

use estiba_model::{Name, message};

use crate::backend::Wanted;
use crate::context::Context;
use crate::failure::Failure;

use super::deploy::carry_out;

/// Empties an environment's databases, and starts what runs there anew.
pub async fn reset(context: &Context, environment: &Name, yes: bool) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let question = message!(
        "Empty the databases of {environment}, run its migrations again and restart what uses them? Volumes stay as they are.",
        "¿Vaciar las bases de datos de {environment}, correr de nuevo sus migraciones y reiniciar lo que las usa? Los volúmenes quedan como están."
    );
    // Where it may not be done, nobody is asked in vain.
    let may = project
        .environments
        .get(environment)
        .is_none_or(|found| found.reset);
    if may && !yes && !context.output.agree(&question)? {
        return Err(Failure::Quiet(1));
    }
    let without = BTreeSet::new();
    carry_out(
        context,
        &*backend,
        &project,
        environment,
        Wanted::Reset,
        &without,
    )
    .await?;
    Ok(())
}
