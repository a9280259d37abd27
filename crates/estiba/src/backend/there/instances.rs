//! What runs, from within: its lines, commands, mails and data.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_api::{ApiError, Exec, ExecOutput};
use estiba_model::{LogLine, Mail, MailContent, Name, Project, message};
use estiba_target::{ExecIo, LogQuery};
use futures::stream::BoxStream;
use futures::{StreamExt, pin_mut};

use super::{There, environment_id};
use crate::backend::{FoundLines, Instances, WantedLogs, logs};
use crate::failure::Failure;

/// The most that a command gets to read through a server.
const MOST_INPUT_BYTES: u64 = 1 << 20;

#[async_trait]
impl Instances for There {
    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure> {
        let id = environment_id(project, environment)?;
        let (since, tail, follow) = (query.since, query.tail, query.follow);
        let lines = self.client.logs(&id, workload, since, tail, follow).await?;
        Ok(lines.map(|line| line.map_err(Failure::from)).boxed())
    }

    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure> {
        let stored = logs::stored(&self.client, project, wanted).await;
        match stored {
            Ok(Some(lines)) => Ok(lines),
            Ok(None) => logs::read(self, project, wanted).await,
            Err(failure) => Err(failure),
        }
    }

    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure> {
        let id = environment_id(project, environment)?;
        let failed = |error: io::Error| Failure::file(Path::new("stdio"), &error);
        let stdin = piped_input(io.stdin).map_err(failed)?;
        let exec = Exec {
            command,
            container,
            stdin,
        };
        let output = self.client.exec(&id, workload, &exec).await?;
        pin_mut!(output);
        let (mut stdout, mut stderr) = (File::from(io.stdout), File::from(io.stderr));
        while let Some(piece) = output.next().await {
            match piece? {
                ExecOutput::Stdout(text) => write_piece(&mut stdout, &text).map_err(failed)?,
                ExecOutput::Stderr(text) => write_piece(&mut stderr, &text).map_err(failed)?,
                ExecOutput::Exit(code) => return Ok(code),
                ExecOutput::Failed(problem) => {
                    return Err(ApiError::Refused(Box::new(problem)).into());
                }
            }
        }
        Err(Failure::because(message!(
            "the connection ended before the command did",
            "la conexión terminó antes que el comando"
        )))
    }

    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.mails(&id).await?)
    }

    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        mail: u64,
    ) -> Result<MailContent, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.mail(&id, mail).await?)
    }

    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        mail: u64,
    ) -> Result<Vec<u8>, Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.raw_mail(&id, mail).await?)
    }

    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        Ok(self.client.clear_mails(&id).await?)
    }

    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        let failed = |error: io::Error| Failure::file(to, &error);
        let mut file = File::create_new(to).map_err(failed)?;
        let written = async {
            let pieces = self.client.backup(&id, resource).await?;
            pin_mut!(pieces);
            while let Some(piece) = pieces.next().await {
                file.write_all(&piece?).map_err(failed)?;
            }
            Ok(())
        };
        let written: Result<(), Failure> = written.await;
        if written.is_err() {
            // Half a backup is none.
            std::fs::remove_file(to).map_err(failed)?;
        }
        written
    }

    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        let file = tokio::fs::File::open(from).await;
        let file = file.map_err(|error| Failure::file(from, &error))?;
        Ok(self.client.restore(&id, resource, file).await?)
    }
}

/// What is piped in. A terminal is not sent: nobody would see the prompt.
fn piped_input(stdin: std::os::fd::OwnedFd) -> io::Result<String> {
    use std::io::IsTerminal;
    let stdin = File::from(stdin);
    if stdin.is_terminal() {
        return Ok(String::new());
    }
    let mut text = String::new();
    stdin.take(MOST_INPUT_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

fn write_piece(to: &mut File, text: &str) -> io::Result<()> {
    let bytes = STANDARD.decode(text).map_err(io::Error::other)?;
    to.write_all(&bytes)
}
