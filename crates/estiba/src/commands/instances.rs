//! `estiba exec`, `restart` and `scale`: what people do with what runs.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;

use estiba_model::Name;
use estiba_target::ExecIo;

use crate::backend::Wanted;
use crate::context::Context;
use crate::failure::Failure;

use super::deploy::carry_out;

/// Runs a command inside a running instance; its exit code is ours.
pub async fn exec(
    context: &Context,
    workload: &Name,
    environment: Option<Name>,
    container: Option<Name>,
    command: Vec<String>,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let io = own_stdio().map_err(|error| Failure::file(std::path::Path::new("stdio"), &error))?;
    let code = backend
        .exec(&project, &environment, workload, container, command, io)
        .await?;
    match code {
        0 => Ok(()),
        code => Err(Failure::Quiet(u8::try_from(code).unwrap_or(1))),
    }
}

fn own_stdio() -> io::Result<ExecIo> {
    Ok(ExecIo {
        stdin: io::stdin().as_fd().try_clone_to_owned()?,
        stdout: io::stdout().as_fd().try_clone_to_owned()?,
        stderr: io::stderr().as_fd().try_clone_to_owned()?,
    })
}

/// Replaces instances by new ones of the same release.
pub async fn restart(
    context: &Context,
    workloads: &[Name],
    environment: &Name,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let wanted = Wanted::Restart(workloads);
    let without = BTreeSet::new();
    carry_out(context, &*backend, &project, environment, wanted, &without).await?;
    Ok(())
}

/// Changes how many copies run.
pub async fn scale(
    context: &Context,
    replicas: &[(Name, u32)],
    environment: &Name,
) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let wanted = Wanted::Scale(replicas);
    let without = BTreeSet::new();
    carry_out(context, &*backend, &project, environment, wanted, &without).await?;
    Ok(())
}
