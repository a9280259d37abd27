//! Asking a container how it is.

use std::path::Path;
use std::process::Stdio;

use estiba_host::probe::{self, LIMIT};
use estiba_model::{Message, message};
use tokio::task::spawn_blocking;

use super::description::Check;
use crate::runtime::{self, ContainerId, Env, ExecOutcome, ExecSpec};

/// Whether all checks pass; what the first one says that fails.
pub(super) async fn all_pass(
    checks: &[Check],
    helper: &Path,
    container: &ContainerId,
) -> Result<(), Message> {
    for check in checks {
        passes(check, helper, container).await?;
    }
    Ok(())
}

async fn passes(check: &Check, helper: &Path, container: &ContainerId) -> Result<(), Message> {
    match check {
        Check::Tcp(port) => probe::tcp("127.0.0.1", *port).await,
        Check::Http {
            host,
            port,
            path,
            headers,
        } => probe::http(host, *port, path, headers).await,
        Check::Exec(command) => exec(command, helper, container).await,
    }
}

async fn exec(command: &[String], helper: &Path, container: &ContainerId) -> Result<(), Message> {
    let spec = ExecSpec {
        id: container.clone(),
        args: command.to_vec(),
        env: Env::default(),
        cwd: None,
        limit: Some(LIMIT),
    };
    let helper = helper.to_owned();
    let run = move || {
        let stdio = [Stdio::null(), Stdio::null(), Stdio::null()];
        runtime::exec(&helper, &spec, stdio)
    };
    let name = command.first().map_or("", String::as_str);
    match spawn_blocking(run).await {
        Ok(Ok(ExecOutcome::Exited(0))) => Ok(()),
        Ok(Ok(ExecOutcome::Exited(code))) => Err(message!(
            "{name} ends with code {code}",
            "{name} termina con código {code}"
        )),
        Ok(Ok(ExecOutcome::Killed(signal))) => Err(message!(
            "{name} is killed by signal {signal}",
            "la señal {signal} termina {name}"
        )),
        Ok(Err(error)) => Err(error.message()),
        Err(error) => Err(Message::verbatim(error.to_string())),
    }
}
