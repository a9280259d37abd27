//! Commands in running instances.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use axum::body::Body as RawBody;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_api::{Exec, ExecOutput, Problem as Document};
use estiba_model::{Lang, Name, Right, message};
use estiba_target::ExecIo;
use http::header;
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::environment_id;
use super::logs::json_line;
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// Pieces of output that wait for a slow reader.
const WAITING: usize = 16;
/// How much is read at once.
const PIECE_BYTES: usize = 16 << 10;

/// Runs a command in the first healthy instance of a workload. What it writes
/// comes as one JSON object a line; the last one says how it ended.
#[utoipa::path(post,
    path = "/teams/{team}/projects/{project}/environments/{environment}/workloads/{workload}/exec",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("workload" = Name, Path)),
    request_body = Exec,
    responses((status = 200, body = ExecOutput, content_type = "application/x-ndjson"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn run(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, workload)): Path<(Name, Name, Name, Name)>,
    Body(exec): Body<Exec>,
) -> Result<Response, Problem> {
    let id = environment_id((team, project, environment));
    let project = super::environment(&app, &principal, &id, Right::Change).await?;
    let Some(program) = exec.command.first() else {
        return Err(Problem::invalid(message!(
            "`command` has to have a program",
            "`command` tiene que tener un programa"
        )));
    };
    // Arguments may be secrets.
    let detail = json!({ "program": program });
    principal
        .note(
            &app,
            "exec",
            format!("{id}/{workload}"),
            Some(&id.team),
            detail,
        )
        .await?;
    let (sender, mut receiver) = mpsc::channel(WAITING);
    let io = piped(exec.stdin, &sender).map_err(|error| {
        tracing::error!(%error, "no pipes for a command");
        Problem::internal()
    })?;
    let running = tokio::spawn(async move {
        let ran = app
            .engine
            .exec(
                &project,
                &id.environment,
                &workload,
                exec.container,
                exec.command,
                io,
            )
            .await;
        let last = match ran {
            Ok(code) => ExecOutput::Exit(code),
            Err(error) => ExecOutput::Failed(Problem::from(error).document(Lang::En)),
        };
        // Whoever asked may be gone.
        let _ = sender.send(last).await;
    });
    let running = AbortOnDropHandle::new(running);
    let lines = async_stream::stream! {
        let _running = running;
        let mut last = None;
        while let Some(output) = receiver.recv().await {
            match output {
                ExecOutput::Exit(_) | ExecOutput::Failed(_) => last = Some(output),
                piece => yield json_line(&piece),
            }
        }
        if let Some(last) = last {
            yield json_line(&last);
        }
    };
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, RawBody::from_stream(lines)).into_response())
}

/// The ends of pipes that a command gets. Ours are read and written by threads
/// that end when the command does.
fn piped(stdin: String, sender: &mpsc::Sender<ExecOutput>) -> std::io::Result<ExecIo> {
    let (input, writer) = pipe()?;
    std::thread::Builder::new()
        .name("exec-stdin".to_owned())
        .spawn(move || {
            // A command may end without having read all.
            let _ = File::from(writer).write_all(stdin.as_bytes());
        })?;
    Ok(ExecIo {
        stdin: input,
        stdout: forwarded(sender, ExecOutput::Stdout)?,
        stderr: forwarded(sender, ExecOutput::Stderr)?,
    })
}

fn forwarded(
    sender: &mpsc::Sender<ExecOutput>,
    piece: fn(String) -> ExecOutput,
) -> std::io::Result<OwnedFd> {
    let (reader, output) = pipe()?;
    let sender = sender.clone();
    std::thread::Builder::new()
        .name("exec-output".to_owned())
        .spawn(move || {
            let mut reader = File::from(reader);
            let mut buffer = vec![0; PIECE_BYTES];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let text = STANDARD.encode(&buffer[..count]);
                if sender.blocking_send(piece(text)).is_err() {
                    break;
                }
            }
        })?;
    Ok(output)
}

fn pipe() -> std::io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?)
}
