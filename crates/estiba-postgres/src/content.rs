//! The content of a database whose user may make no other database, as with hosted
//! ones: it is replaced in place, in one transaction.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use estiba_target::Outputs;
use tokio::process::Command;

use crate::backup::{dump, run, tool};
use crate::binaries::{Binaries, installed};
use crate::error::{At, PostgresError};

/// What every database has, so that a backup must not make it.
const THERE: [&str; 2] = [" SCHEMA - public ", " COMMENT - SCHEMA public "];

/// Removes everything of the user's. Statements, since a hosted user may remove neither
/// the database nor what belongs to the server.
const EMPTY: &str = include_str!("empty.sql");

/// Writes a backup of the database of these outputs, in the custom format of `pg_dump`,
/// to a new file.
///
/// # Errors
/// When `pg_dump` is missing or fails; no file is left.
pub async fn dump_database(outputs: &Outputs, to: &Path) -> Result<(), PostgresError> {
    dump(outputs, Some(newest("pg_dump")?.major), to).await
}

/// Replaces all that is in the database of these outputs by a backup.
///
/// # Errors
/// When a tool is missing, the backup can't be read, or it does not fit; the data is as
/// before.
pub async fn replace_content(outputs: &Outputs, from: &Path) -> Result<(), PostgresError> {
    let folder = tempfile::tempdir().at(std::env::temp_dir())?;
    let (list, script) = (folder.path().join("list"), folder.path().join("script.sql"));
    let mut listing = offline("pg_restore")?;
    listing.arg("--list").arg("--file").arg(&list).arg(from);
    run("pg_restore", listing).await?;
    let all = fs::read_to_string(&list).at(&list)?;
    let wanted = all
        .lines()
        .filter(|line| !THERE.iter().any(|there| line.contains(there)));
    let wanted: Vec<&str> = wanted.collect();
    fs::write(&list, wanted.join("\n")).at(&list)?;
    let mut writing = offline("pg_restore")?;
    writing
        .args(["--no-owner", "--no-privileges", "--use-list"])
        .arg(&list)
        .arg("--file")
        .arg(&script)
        .arg(from);
    run("pg_restore", writing).await?;
    let empty = folder.path().join("empty.sql");
    fs::write(&empty, EMPTY).at(&empty)?;
    let database = outputs.get("database").map_or("", |name| name.expose());
    leave_out_newer_settings(&script).at(&script)?;
    let mut psql = tool("psql", outputs, database, Some(newest("psql")?.major))?;
    psql.args(["--no-psqlrc", "--quiet", "--single-transaction"])
        .args(["--set", "ON_ERROR_STOP=1", "--output", "/dev/null"])
        .arg("--file")
        .arg(&empty)
        .arg("--file")
        .arg(&script);
    run("psql", psql).await
}

/// A tool that needs no server.
fn offline(name: &'static str) -> Result<Command, PostgresError> {
    let mut command = Command::new(newest(name)?.dir.join(name));
    command.env("LC_ALL", "C").stdin(Stdio::null());
    Ok(command)
}

/// The newest tool of the machine: it knows older servers and backups.
fn newest(name: &'static str) -> Result<Binaries, PostgresError> {
    let all = installed(&[name]).into_iter();
    all.max_by_key(|found| found.major)
        .ok_or(PostgresError::NoTool { tool: name })
}

/// Blanks out what servers before version 17 do not know and newer tools write anyway
/// (<https://www.postgresql.org/docs/17/release-17.html>).
fn leave_out_newer_settings(script: &Path) -> std::io::Result<()> {
    const SETTING: &[u8] = b"SET transaction_timeout = 0;";
    const BEGINNING_BYTES: u64 = 4 << 10;
    let mut file = File::options().read(true).write(true).open(script)?;
    let mut beginning = Vec::new();
    (&mut file)
        .take(BEGINNING_BYTES)
        .read_to_end(&mut beginning)?;
    let found = beginning
        .windows(SETTING.len())
        .position(|part| part == SETTING);
    match found {
        Some(at) => file.write_all_at(&vec![b' '; SETTING.len()], at as u64),
        None => Ok(()),
    }
}
