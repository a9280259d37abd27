//! Commands in running instances.

use std::os::fd::OwnedFd;
use std::pin::pin;
use std::time::Duration;

use estiba_model::{InstanceName, message};
use estiba_target::{ExecIo, ExecRequest, TargetError};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::api::{Api, AttachParams, AttachedProcess};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::KubernetesTarget;
use super::cluster::{Cluster, persist, within_limit};
use super::error::{failed, without_address};
use super::pods::Instance;
use crate::manifests::Place;

/// How much is moved at once.
const CHUNK_BYTES: usize = 64 << 10;
/// How long a command that can't be told the end of its input waits for the
/// beginning.
const FIRST_INPUT: Duration = Duration::from_millis(300);
/// What came before a connection was lost is handed on so long.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// The first version whose connections can tell that the input has ended.
const TELLS_END_OF_INPUT: u32 = 30;

/// Reads pieces, each after a line with its length, until one is empty, and hands
/// them on: so that a server that can't tell the end of the input need not.
const UNFRAME: &str = r#"while read -r n && [ "$n" -gt 0 ]; do head -c "$n"; done | "$@""#;

impl KubernetesTarget {
    pub(super) async fn exec_in(
        &self,
        request: &ExecRequest,
        io: ExecIo,
    ) -> Result<i32, TargetError> {
        let cluster = self.cluster().await?;
        let place = self.manifests(&request.environment).await?.place();
        let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &place.namespace);
        let instance = &request.instance;
        let pod = persist("Pod", || pods.get_opt(instance.as_str())).await?;
        let runs = pod
            .as_ref()
            .map(Instance)
            .filter(|one| one.phase() == "Running");
        let Some(running) = runs else {
            return Err(TargetError::new(message!(
                "{instance} does not run (any more)",
                "{instance} no está en marcha (o ya no)"
            )));
        };
        let names = running.container_names();
        let main = running
            .0
            .spec
            .as_ref()
            .and_then(|spec| spec.containers.first());
        let container = match &request.container {
            Some(name) if names.contains(&name.as_str()) => name.to_string(),
            Some(_) => return Err(no_container(instance, &names)),
            None => main.map(|main| main.name.clone()).unwrap_or_default(),
        };
        let command = Command {
            pod: instance.as_str(),
            container: &container,
            words: request.command.clone(),
        };
        let has_input = !is_nothing(&io.stdin);
        let can_end = cluster.version.0 >= TELLS_END_OF_INPUT;
        let is_terminal = rustix::termios::isatty(&io.stdin);
        let framed = has_input && !can_end && !is_terminal;
        let (command, framed) = if framed && cluster.has_shell(&place, &command).await {
            (command.framed(), true)
        } else {
            (command, false)
        };
        let mut from = file(io.stdin);
        let is_unheard = has_input && !can_end && !framed && !is_terminal;
        if is_unheard && gives_input(&mut from).await {
            return Err(no_end_of_input(instance));
        }
        let input = has_input.then_some(Input {
            from,
            framed,
            can_end,
        });
        let code = cluster
            .run(&place, &command, input, file(io.stdout), file(io.stderr))
            .await?;
        code.ok_or_else(|| no_program(instance, request.command.first()))
    }
}

/// A command in a container.
pub(super) struct Command<'a> {
    pub(super) pod: &'a str,
    pub(super) container: &'a str,
    pub(super) words: Vec<String>,
}

impl Command<'_> {
    fn framed(self) -> Self {
        let mut words = ["sh", "-c", UNFRAME, "sh"].map(str::to_owned).to_vec();
        words.extend(self.words);
        Self { words, ..self }
    }
}

/// What a command reads.
pub(super) struct Input<R> {
    pub(super) from: R,
    /// In pieces that tell their length.
    framed: bool,
    can_end: bool,
}

impl<R> Input<R> {
    /// As it is; what reads it knows by itself where it ends.
    pub(super) fn plain(from: R) -> Self {
        Self {
            from,
            framed: false,
            can_end: false,
        }
    }
}

impl Cluster {
    async fn has_shell(&self, place: &Place, command: &Command<'_>) -> bool {
        let probe = Command {
            words: ["sh", "-c", "command -v head"].map(str::to_owned).to_vec(),
            ..*command
        };
        let nothing = tokio::io::sink;
        let input: Option<Input<tokio::io::Empty>> = None;
        let found = self.run(place, &probe, input, nothing(), nothing()).await;
        found.is_ok_and(|code| code == Some(0))
    }

    /// Runs a command to its end and gives its exit code; none where there is no
    /// such program.
    pub(super) async fn run(
        &self,
        place: &Place,
        command: &Command<'_>,
        input: Option<Input<impl AsyncRead + Unpin>>,
        stdout: impl AsyncWrite + Unpin,
        stderr: impl AsyncWrite + Unpin,
    ) -> Result<Option<i32>, TargetError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let params = AttachParams {
            container: Some(command.container.to_owned()),
            stdin: input.is_some(),
            stdout: true,
            stderr: true,
            tty: false,
            max_stdin_buf_size: Some(CHUNK_BYTES),
            max_stdout_buf_size: Some(CHUNK_BYTES),
            max_stderr_buf_size: Some(CHUNK_BYTES),
        };
        let what = format!("Pod {}", command.pod);
        let begun = pods.exec(command.pod, command.words.clone(), &params);
        let mut process = within_limit(begun)
            .await
            .map_err(|error| failed(&what, &error))?;
        let status = carry(&mut process, input, stdout, stderr).await;
        let status = status.map_err(|error| lost(command.pod, &error))?;
        let ended = process.join().await;
        match status.map(|status| outcome(&status)) {
            Some(Outcome::Code(code)) => Ok(Some(code)),
            Some(Outcome::NoProgram) => Ok(None),
            Some(Outcome::Refused(said)) => Err(lost(command.pod, &said)),
            None => Err(match ended {
                Err(error) => lost(command.pod, &error),
                Ok(()) => lost(command.pod, &"no status"),
            }),
        }
    }
}

async fn carry(
    process: &mut AttachedProcess,
    input: Option<Input<impl AsyncRead + Unpin>>,
    mut stdout: impl AsyncWrite + Unpin,
    mut stderr: impl AsyncWrite + Unpin,
) -> std::io::Result<Option<Status>> {
    let (stdin, out, err) = (process.stdin(), process.stdout(), process.stderr());
    let status = process.take_status();
    let outputs = async {
        let from_out = async {
            match out {
                Some(mut out) => tokio::io::copy(&mut out, &mut stdout).await.map(|_| ()),
                None => Ok(()),
            }
        };
        let from_err = async {
            match err {
                Some(mut err) => tokio::io::copy(&mut err, &mut stderr).await.map(|_| ()),
                None => Ok(()),
            }
        };
        tokio::try_join!(from_out, from_err)?;
        stdout.flush().await?;
        stderr.flush().await
    };
    let feeding = async {
        if let (Some(input), Some(stdin)) = (input, stdin) {
            // A command that reads no more is no failure of what it does.
            let kept = feed(input, stdin).await;
            std::future::pending::<()>().await;
            drop(kept);
        }
        std::future::pending::<()>().await;
    };
    let Some(status) = status else {
        return Ok(None);
    };
    let (mut outputs, mut feeding, mut status) = (pin!(outputs), pin!(feeding), pin!(status));
    let mut are_read = false;
    loop {
        tokio::select! {
            done = &mut outputs, if !are_read => {
                done?;
                are_read = true;
            }
            told = &mut status => {
                match &told {
                    _ if are_read => {}
                    Some(_) => outputs.await?,
                    // A connection that is lost ends none of the outputs.
                    None => timeout(LAST_OUTPUT, outputs).await.unwrap_or(Ok(()))?,
                }
                return Ok(told);
            }
            () = &mut feeding => {}
        }
    }
}

/// Hands the input on, and its end: that is told by a shutdown, and by nothing less.
/// Where it can't be told, the way for it stays open: closing it would end the whole
/// connection.
async fn feed<W: AsyncWrite + Unpin>(
    mut input: Input<impl AsyncRead + Unpin>,
    mut to: W,
) -> Option<W> {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = input.from.read(&mut chunk).await.unwrap_or_default();
        if input.framed {
            let line = format!("{count}\n");
            if to.write_all(line.as_bytes()).await.is_err() {
                return Some(to);
            }
        }
        if count == 0 {
            if input.can_end {
                let _ = to.shutdown().await;
            }
            return Some(to);
        }
        if to.write_all(&chunk[..count]).await.is_err() {
            return Some(to);
        }
    }
}

enum Outcome {
    Code(i32),
    NoProgram,
    Refused(String),
}

/// <https://github.com/kubernetes/apimachinery/blob/master/pkg/util/remotecommand/constants.go>
fn outcome(status: &Status) -> Outcome {
    if status.status.as_deref() == Some("Success") {
        return Outcome::Code(0);
    }
    let said = status.message.clone().unwrap_or_default();
    let causes = status
        .details
        .as_ref()
        .and_then(|details| details.causes.as_ref());
    let code = causes.into_iter().flatten().find_map(|cause| {
        let is_code = cause.reason.as_deref() == Some("ExitCode");
        cause.message.as_ref().filter(|_| is_code)?.parse().ok()
    });
    match code {
        _ if said.contains("executable file not found") || said.contains("no such file") => {
            Outcome::NoProgram
        }
        Some(code) => Outcome::Code(code),
        None => Outcome::Refused(said),
    }
}

/// Whether there is nothing to read, now or ever.
fn is_nothing(stdin: &OwnedFd) -> bool {
    let null = rustix::fs::stat("/dev/null").map(|null| null.st_rdev);
    let is_null = rustix::fs::fstat(stdin).is_ok_and(|stdin| null == Ok(stdin.st_rdev));
    is_null && !rustix::termios::isatty(stdin)
}

fn file(descriptor: OwnedFd) -> File {
    File::from_std(descriptor.into())
}

/// Whether somebody has given the command something to read.
async fn gives_input(from: &mut File) -> bool {
    let mut first = [0];
    let read = timeout(FIRST_INPUT, from.read(&mut first)).await;
    matches!(read, Ok(Ok(1)))
}

fn no_end_of_input(instance: &InstanceName) -> TargetError {
    TargetError::new(message!(
        "this cluster can't tell a command that its input has ended (1.30 can), and {instance} has no shell that could help: run the command without input, or in an image with `sh` and `head`",
        "este clúster no puede avisar a un comando que su entrada terminó (1.30 sí), y {instance} no tiene un intérprete que ayude: ejecute el comando sin entrada, o en una imagen con `sh` y `head`"
    ))
}

fn no_container(instance: &InstanceName, names: &[&str]) -> TargetError {
    let names = names.join(", ");
    TargetError::new(message!(
        "{instance} has no such container; it has: {names}",
        "{instance} no tiene ese contenedor; tiene: {names}"
    ))
}

fn no_program(instance: &InstanceName, program: Option<&String>) -> TargetError {
    let program = program.map_or("", String::as_str);
    TargetError::new(message!(
        "{instance} has no program \"{program}\"; an image has only what was put into it",
        "{instance} no tiene el programa «{program}»; una imagen solo tiene lo que se puso en ella"
    ))
}

fn lost(pod: &str, why: &dyn std::fmt::Display) -> TargetError {
    let why = why.to_string();
    let why = without_address(&why);
    TargetError::new(message!(
        "the command in {pod} was cut off: {why}",
        "el comando en {pod} se cortó: {why}"
    ))
}
