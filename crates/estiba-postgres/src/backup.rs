//! Backups by PostgreSQL's own tools.

use std::path::Path;

use estiba_target::Outputs;
use tokio::process::Command;

use crate::binaries::installed;
use crate::error::{At, PostgresError};

/// Writes a dump beside `to` and gives it its name when it is whole.
pub async fn dump(outputs: &Outputs, major: Option<u32>, to: &Path) -> Result<(), PostgresError> {
    let unfinished = to.with_extension("unfinished");
    let database = outputs.get("database").map_or("", |name| name.expose());
    let mut command = tool("pg_dump", outputs, database, major)?;
    command
        .args(["--format", "custom", "--file"])
        .arg(&unfinished);
    if let Err(error) = run("pg_dump", command).await {
        let _ = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    std::fs::rename(&unfinished, to).at(to)
}

/// Restores a dump into an empty database.
pub async fn restore(
    outputs: &Outputs,
    database: &str,
    major: Option<u32>,
    from: &Path,
) -> Result<(), PostgresError> {
    let mut command = tool("pg_restore", outputs, database, major)?;
    command
        .args(["--exit-on-error", "--no-owner", "--no-privileges"])
        .arg(from);
    run("pg_restore", command).await
}

/// A tool, connected to a database. The password is in its environment, which
/// only its user can read.
pub(crate) fn tool(
    name: &'static str,
    outputs: &Outputs,
    database: &str,
    major: Option<u32>,
) -> Result<Command, PostgresError> {
    // A client reads servers up to its own version.
    let program = installed(&[name])
        .into_iter()
        .filter(|found| major.is_none_or(|major| found.major >= major))
        .min_by_key(|found| found.major)
        .ok_or(PostgresError::NoTool { tool: name })?;
    let value = |key: &str| outputs.get(key).map_or("", |value| value.expose());
    let mut command = Command::new(program.dir.join(name));
    command
        .env("PGPASSWORD", value("password"))
        .env("LC_ALL", "C")
        .args(["--host", value("host"), "--port", value("port")])
        .args(["--username", value("username"), "--no-password"])
        .args(["--dbname", database])
        .stdin(std::process::Stdio::null());
    Ok(command)
}

pub(crate) async fn run(tool: &'static str, mut command: Command) -> Result<(), PostgresError> {
    let output = command.output().await.at(tool)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().take(3).collect();
    Err(PostgresError::Tool {
        tool,
        said: said.join(" "),
    })
}
