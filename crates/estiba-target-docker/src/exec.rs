//! Commands beside a container's own.

use std::pin::Pin;

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use estiba_host::HostError;
use futures::{Stream, StreamExt};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::engine::Engine;

/// Pieces of standard input, until its end.
pub(crate) type Input = Pin<Box<dyn Stream<Item = std::io::Result<Vec<u8>>> + Send>>;

/// Where a command's output goes.
pub(crate) type Output<'a> = Box<dyn AsyncWrite + Unpin + Send + 'a>;

/// What a command reads and writes; nothing where there is none.
#[derive(Default)]
pub(crate) struct Streams<'a> {
    pub(crate) stdin: Option<Input>,
    pub(crate) stdout: Option<Output<'a>>,
    pub(crate) stderr: Option<Output<'a>>,
}

/// Runs a command in a container that runs; its exit code.
pub(crate) async fn run(
    engine: &Engine,
    container: &str,
    command: &[String],
    streams: Streams<'_>,
) -> Result<i32, HostError> {
    let api = engine.api().await?;
    let failed = |error| engine.failed(error);
    let options = CreateExecOptions {
        cmd: Some(command.to_vec()),
        attach_stdin: Some(streams.stdin.is_some()),
        // What it says is read even if nobody wants it, so that it can end.
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        ..CreateExecOptions::default()
    };
    let exec = api.create_exec(container, options).await.map_err(failed)?;
    let started = api.start_exec(&exec.id, Some(StartExecOptions::default()));
    if let StartExecResults::Attached { mut output, input } = started.await.map_err(failed)? {
        let Streams {
            stdin,
            mut stdout,
            mut stderr,
        } = streams;
        let reading = async {
            while let Some(piece) = output.next().await {
                let (to, message) = match piece.map_err(failed)? {
                    LogOutput::StdErr { message } => (&mut stderr, message),
                    LogOutput::StdOut { message }
                    | LogOutput::Console { message }
                    | LogOutput::StdIn { message } => (&mut stdout, message),
                };
                if let Some(to) = to {
                    to.write_all(&message)
                        .await
                        .map_err(HostError::system("a command's output"))?;
                }
            }
            for mut to in [stdout, stderr].into_iter().flatten() {
                to.flush()
                    .await
                    .map_err(HostError::system("a command's output"))?;
            }
            Ok::<(), HostError>(())
        };
        tokio::select! {
            // It may end without having read everything.
            read = reading => read?,
            never = feed(stdin, input) => match never {},
        }
    }
    let ended = api.inspect_exec(&exec.id).await.map_err(failed)?;
    Ok(ended
        .exit_code
        .and_then(|code| i32::try_from(code).ok())
        .unwrap_or(-1))
}

/// Hands standard input over and closes it; the output says when all is over.
async fn feed(
    stdin: Option<Input>,
    mut input: Pin<Box<dyn AsyncWrite + Send>>,
) -> std::convert::Infallible {
    if let Some(mut stdin) = stdin {
        while let Some(Ok(piece)) = stdin.next().await {
            if input.write_all(&piece).await.is_err() {
                break;
            }
        }
        let _ = input.shutdown().await;
    }
    // Dropped, it would end the output too.
    std::future::pending().await
}
