//! `estiba up`.

use std::collections::BTreeSet;

use estiba_engine::{Outcome, Request};
use estiba_model::{Cause, Name, Version, message};

use crate::context::Context;
use crate::failure::Failure;
use crate::output::ShownProgress;

use super::deploy::{show_outcome, show_urls};

/// Checks, builds, releases and deploys to the first environment.
pub async fn up(
    context: &Context,
    version: Option<Version>,
    without: BTreeSet<Name>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, None)?;
    let engine = context.engine().await?;
    let outcome = {
        let progress = ShownProgress::new(context.output);
        let version = version.as_ref().map(Version::as_str);
        let release = engine.release(&project, version, &progress).await?;
        let request = Request {
            environment: environment.clone(),
            version: release.version,
            cause: Cause::Deploy,
            without,
        };
        engine.deploy(&project, &request, &progress).await?
    };
    if outcome == Outcome::Unchanged {
        context.output.line(&message!(
            "{environment} is up to date; nothing was changed",
            "{environment} está al día; no se cambió nada"
        ));
    }
    show_outcome(context, &environment, &outcome)?;
    show_urls(context, &engine, &project, &environment).await
}
