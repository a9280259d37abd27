//! Asking a container how it is.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use estiba_model::{Message, message};
use http_body_util::Empty;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::description::Check;
use crate::runtime::{self, ContainerId, Env, ExecOutcome, ExecSpec};

/// A check that takes longer fails. Kubernetes' second is too short for what
/// starts on a small machine.
const LIMIT: Duration = Duration::from_secs(5);

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
        Check::Tcp(port) => connect("127.0.0.1", *port).await.map(drop),
        Check::Http {
            host,
            port,
            path,
            headers,
        } => match timeout(LIMIT, http(host, *port, path, headers)).await {
            Ok(answer) => answer,
            Err(_) => Err(too_slow(&format!("http://{host}:{port}{path}"))),
        },
        Check::Exec(command) => exec(command, helper, container).await,
    }
}

async fn connect(host: &str, port: u16) -> Result<TcpStream, Message> {
    match timeout(LIMIT, TcpStream::connect((host, port))).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(message!(
            "nothing answers at {host}:{port} ({error})",
            "nada responde en {host}:{port} ({error})"
        )),
        Err(_) => Err(too_slow(&format!("{host}:{port}"))),
    }
}

async fn http(
    host: &str,
    port: u16,
    path: &str,
    headers: &[(String, String)],
) -> Result<(), Message> {
    let stream = connect(host, port).await?;
    let url = format!("http://{host}:{port}{path}");
    let broken = |error: &dyn std::error::Error| {
        message!("GET {url} fails: {error}", "GET {url} falla: {error}")
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    let mut request = Request::get(path)
        .header(hyper::header::HOST, format!("{host}:{port}"))
        .header(hyper::header::USER_AGENT, "estiba-probe")
        .header(hyper::header::CONNECTION, "close");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .body(Empty::<Bytes>::new())
        .map_err(|error| broken(&error))?;
    let mut answer = std::pin::pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        // It may end with the answer already handed over.
        ended = connection => {
            ended.map_err(|error| broken(&error))?;
            answer.await
        }
    };
    let status = answer.map_err(|error| broken(&error))?.status();
    if (200..400).contains(&status.as_u16()) {
        return Ok(());
    }
    Err(message!(
        "GET {url} answers {status}",
        "GET {url} responde {status}"
    ))
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

fn too_slow(what: &str) -> Message {
    let seconds = LIMIT.as_secs();
    message!(
        "{what} does not answer within {seconds} s",
        "{what} no responde en {seconds} s"
    )
}
