//! `estiba up`.

use std::collections::BTreeSet;

use estiba_model::{Name, Version};

use crate::backend::Wanted;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::ShownProgress;

use super::deploy::carry_out;

/// Checks, builds, releases and deploys to the first environment.
pub async fn up(
    context: &Context,
    version: Option<Version>,
    without: &BTreeSet<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, None)?;
    let backend = context.backend().await?;
    let version = {
        let progress = ShownProgress::new(context.output);
        backend
            .release(&project, version.as_ref(), &progress)
            .await?
    };
    let wanted = Wanted::Release(&version);
    carry_out(context, &*backend, &project, &environment, wanted, without).await?;
    Ok(())
}
