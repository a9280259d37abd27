//! Commands on dynos of their own, which have the image and the config vars of the
//! workload: Heroku runs nothing inside a dyno that is up.
//! <https://devcenter.heroku.com/articles/one-off-dynos>

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use estiba_model::message;
use estiba_target::{ExecIo, ExecRequest, TargetError};
use rustls::pki_types::ServerName;
use rustls_platform_verifier::ConfigVerifierExt;
use serde_json::json;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::apps::OurApp;
use super::{HerokuTarget, WORKER, app_named};
use crate::client::types::Dyno;
use crate::exit_code::{Answer, telling};

const CONNECT_LIMIT: Duration = Duration::from_secs(30);
const CHUNK_BYTES: usize = 16 << 10;
/// The end of the input, as Heroku's own command tells it.
const END_OF_INPUT: u8 = 4;

/// A connection to a dyno.
trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

impl HerokuTarget {
    pub(super) async fn exec_beside(
        &self,
        request: &ExecRequest,
        io: ExecIo,
    ) -> Result<i32, TargetError> {
        let instance = request.instance.as_str();
        let apps = self.apps_of(&request.environment).await?;
        let is_of = |app: &&OurApp| {
            let owner = app.marks.owner.as_ref();
            let rest = owner.and_then(|owner| instance.strip_prefix(owner.workload.as_str()));
            rest.is_some_and(|rest| rest.starts_with("-web-") || rest.starts_with("-worker-"))
        };
        let workload = |app: &&OurApp| {
            let owner = app.marks.owner.as_ref();
            owner.map_or(0, |owner| owner.workload.as_str().len())
        };
        // `api-web-web-1` is of `api-web`, and not of `api`.
        let Some(app) = apps.iter().filter(is_of).max_by_key(workload) else {
            return Err(TargetError::new(message!(
                "{instance} does not run (any more)",
                "{instance} no está en marcha (o ya no)"
            )));
        };
        // It would start the workload itself once more, and a second bot beside the first.
        if app
            .marks
            .rollout
            .as_ref()
            .is_some_and(|one| one.has_entry_point)
        {
            return Err(TargetError::new(message!(
                "{instance}: Heroku hands a command to the entry point of the image, which would start the workload again: build the image with CMD and without ENTRYPOINT, and a shell in it",
                "{instance}: Heroku pasa el comando al punto de entrada de la imagen, lo que iniciaría otra vez el componente: construya la imagen con CMD y sin ENTRYPOINT, y con un intérprete"
            )));
        }
        let Some(command) = telling(&request.command) else {
            return Err(TargetError::new(message!(
                "a word of the command has a zero byte, which no shell can be told",
                "una palabra del comando tiene un byte cero, que no se puede pasar a un intérprete"
            )));
        };
        let mut body = json!({ "command": command, "attach": true, "force_no_tty": true });
        // Dynos of one command have the image of web unless they are told otherwise.
        let serves = app.marks.rollout.as_ref();
        if serves.is_some_and(|rollout| rollout.exposure.ports.is_empty()) {
            body["type"] = json!(WORKER);
        }
        let client = self.client().await?;
        let dyno = client.post(&app.path("/dynos"), &body).await;
        let dyno: Dyno = dyno.map_err(|fault| fault.at(&app_named(app.name())))?;
        let url = dyno.attach_url.as_deref().unwrap_or_default();
        let connected = timeout(CONNECT_LIMIT, connect(url, self.config.settings.api()));
        let connected = match connected.await {
            Ok(connected) => connected,
            Err(late) => Err(late.into()),
        };
        let connection = connected.map_err(|error| cut_off(&dyno.name, &error))?;
        let code = carry(connection, io).await;
        let code = code.map_err(|error| cut_off(&dyno.name, &error))?;
        code.ok_or_else(|| no_code(&dyno.name))
    }
}

/// Goes to where the dyno waits and says the secret: `rendezvous://HOST:PORT/SECRET`.
async fn connect(url: &str, api: &str) -> std::io::Result<Box<dyn Connection>> {
    let odd = |why: String| std::io::Error::new(std::io::ErrorKind::InvalidData, why);
    let parsed = reqwest::Url::parse(url).map_err(|error| odd(error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default().to_owned();
    let port = parsed.port().unwrap_or(5000);
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    let is_here = stream.peer_addr()?.ip().is_loopback() && api.starts_with("http://");
    let mut connection: Box<dyn Connection> = if is_here {
        Box::new(stream)
    } else {
        let config = rustls::ClientConfig::with_platform_verifier();
        let config = config.map_err(|error| odd(error.to_string()))?;
        let name = ServerName::try_from(host).map_err(|error| odd(error.to_string()))?;
        Box::new(
            TlsConnector::from(Arc::new(config))
                .connect(name, stream)
                .await?,
        )
    };
    let secret = parsed.path().trim_start_matches('/');
    let query = parsed
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let greeting = format!("{secret}{query}\r\n");
    connection.write_all(greeting.as_bytes()).await?;
    connection.flush().await?;
    Ok(connection)
}

/// Hands on what is read and written until the command ends; its exit code.
async fn carry(connection: Box<dyn Connection>, io: ExecIo) -> std::io::Result<Option<i32>> {
    let (mut from, mut to) = tokio::io::split(connection);
    let mut stdin = file(io.stdin);
    let mut stdout = file(io.stdout);
    let feeding = async {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = stdin.read(&mut chunk).await.unwrap_or_default();
            let piece = if count == 0 {
                &[END_OF_INPUT][..]
            } else {
                &chunk[..count]
            };
            // A command that reads no more is no failure of what it does.
            let given = async {
                to.write_all(piece).await?;
                to.flush().await
            };
            if given.await.is_err() || count == 0 {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let showing = async {
        let mut answer = Answer::default();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = from.read(&mut chunk).await?;
            let text = answer.take(&chunk[..count]);
            stdout.write_all(&text).await?;
            stdout.flush().await?;
            if let Some(code) = answer.code() {
                return Ok(Some(code));
            }
            if count == 0 {
                stdout.write_all(&answer.rest()).await?;
                stdout.flush().await?;
                return Ok(None);
            }
        }
    };
    tokio::select! {
        shown = showing => shown,
        () = feeding => Ok(None),
    }
}

fn file(descriptor: OwnedFd) -> File {
    File::from_std(descriptor.into())
}

fn cut_off(dyno: &str, why: &dyn std::fmt::Display) -> TargetError {
    TargetError::new(message!(
        "the command on {dyno} was cut off: {why}",
        "el comando en {dyno} se cortó: {why}"
    ))
}

fn no_code(dyno: &str) -> TargetError {
    TargetError::new(message!(
        "the command on {dyno} ended without an exit code: Heroku runs it in a shell (`/bin/sh`), which the image has to have",
        "el comando en {dyno} terminó sin código de salida: Heroku lo ejecuta en un intérprete (`/bin/sh`), que la imagen debe tener"
    ))
}
