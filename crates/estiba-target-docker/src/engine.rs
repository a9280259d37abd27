//! The engine behind a socket.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    ListContainersOptions, RemoveContainerOptions, StopContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, ClientVersion, Docker};
use estiba_host::HostError;
use estiba_model::message;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::ping::{Ping, ping};

/// Time for an answer, in seconds. Loading an image of gigabytes is one.
const ANSWER_SECONDS: u64 = 600;
/// A container is told so often to go, with this pause.
const REMOVALS: u32 = 20;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(250);

/// A connection that is made when it is first needed.
#[derive(Debug)]
pub(crate) struct Engine {
    socket: String,
    connected: OnceCell<Connected>,
}

#[derive(Debug)]
struct Connected {
    docker: Docker,
    is_podman: bool,
}

impl Engine {
    pub(crate) fn new(socket: String) -> Self {
        Self {
            socket,
            connected: OnceCell::new(),
        }
    }

    /// The path of its socket.
    pub(crate) fn socket(&self) -> &str {
        &self.socket
    }

    /// The interface, in a version that both sides have.
    pub(crate) async fn api(&self) -> Result<&Docker, HostError> {
        Ok(&self.connected().await?.docker)
    }

    /// Whether it is Podman, which does some things in ways of its own.
    pub(crate) async fn is_podman(&self) -> Result<bool, HostError> {
        Ok(self.connected().await?.is_podman)
    }

    async fn connected(&self) -> Result<&Connected, HostError> {
        let connect = || async {
            let socket = Path::new(&self.socket);
            if !socket.exists() {
                return Err(self.unreachable("no such file"));
            }
            let Ping { version, is_podman } =
                ping(socket).await.map_err(|why| self.unreachable(&why))?;
            let order = |one: &ClientVersion| (one.major_version, one.minor_version);
            let version = match order(&version) < order(API_DEFAULT_VERSION) {
                true => &version,
                false => API_DEFAULT_VERSION,
            };
            let path = format!("unix://{}", self.socket);
            let docker = Docker::connect_with_unix(&path, ANSWER_SECONDS, version);
            let docker = docker.map_err(|error| self.failed(error))?;
            Ok(Connected { docker, is_podman })
        };
        self.connected.get_or_try_init(connect).await
    }

    /// For `map_err`: what the engine said, in words for people.
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    pub(crate) fn failed(&self, error: Error) -> HostError {
        let socket = &self.socket;
        match &error {
            Error::DockerResponseServerError { message, .. } => {
                let said = message.trim();
                HostError::Told(message!(
                    "the engine behind {socket} refused: {said}",
                    "el motor detrás de {socket} rechazó el pedido: {said}"
                ))
            }
            Error::JsonDataError { message, .. } => HostError::Told(message!(
                "the engine behind {socket} answers what Docker would not ({message}): try again, and report it if it stays so",
                "el motor detrás de {socket} responde algo que Docker no respondería ({message}): intente de nuevo y, si sigue así, infórmelo"
            )),
            error => self.unreachable(&innermost(error)),
        }
    }

    fn unreachable(&self, why: &str) -> HostError {
        let socket = &self.socket;
        HostError::Told(message!(
            "no container engine answers behind {socket} ({why}): start it (`systemctl start docker`, or `podman system service`), or set `socket` in the target's settings",
            "ningún motor de contenedores responde detrás de {socket} ({why}): inícielo (`systemctl start docker` o `podman system service`), o defina `socket` en la configuración de la plataforma"
        ))
    }

    /// The containers that have these labels, in whatever state.
    pub(crate) async fn containers(
        &self,
        filter: Vec<String>,
    ) -> Result<Vec<ContainerSummary>, HostError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(HashMap::from([("label".to_owned(), filter)])),
            ..ListContainersOptions::default()
        };
        let found = self.api().await?.list_containers(Some(options)).await;
        readable(found).map_err(|error| self.failed(error))
    }

    /// What a container is; none where it is gone.
    pub(crate) async fn inspect(
        &self,
        container: &str,
    ) -> Result<Option<ContainerInspectResponse>, HostError> {
        let found = self.api().await?.inspect_container(container, None).await;
        readable(found)
            .map(Some)
            .or_else(|error| self.unless_gone(error))
    }

    /// Lets a container end within `grace_seconds`; one that ended or is gone is
    /// no error.
    pub(crate) async fn stop(&self, container: &str, grace_seconds: i32) -> Result<(), HostError> {
        let options = StopContainerOptions {
            t: Some(grace_seconds),
            ..StopContainerOptions::default()
        };
        let stopped = self.api().await?.stop_container(container, Some(options));
        stopped.await.or_else(|error| self.unless_gone(error))
    }

    /// Removes a container with its anonymous volumes, whatever it does. Podman may
    /// say that one is not there while it is just starting it again.
    pub(crate) async fn remove(&self, container: &str) -> Result<(), HostError> {
        for _ in 0..REMOVALS {
            let options = RemoveContainerOptions {
                force: true,
                v: true,
                ..RemoveContainerOptions::default()
            };
            let removed = self.api().await?.remove_container(container, Some(options));
            removed.await.or_else(|error| self.unless_gone(error))?;
            if self.inspect(container).await?.is_none() {
                return Ok(());
            }
            sleep(BETWEEN_REMOVALS).await;
        }
        let socket = &self.socket;
        Err(HostError::Told(message!(
            "the engine behind {socket} keeps container {container}, which it was told to remove: look at it with `docker inspect`, and try again",
            "el motor detrás de {socket} conserva el contenedor {container}, que se le pidió eliminar: mírelo con `docker inspect` e intente de nuevo"
        )))
    }

    /// Starts a container; one that runs is no error.
    pub(crate) async fn start(&self, container: &str) -> Result<(), HostError> {
        let started = self.api().await?.start_container(container, None).await;
        match started {
            Err(error) if status(&error) == Some(304) => Ok(()),
            other => other.map_err(|error| self.failed(error)),
        }
    }

    /// What is gone already needs no removal; 304 says that nothing changed.
    pub(crate) fn unless_gone<T: Default>(&self, error: Error) -> Result<T, HostError> {
        match status(&error) {
            Some(304 | 404) => Ok(T::default()),
            _ => Err(self.failed(error)),
        }
    }
}

/// Reads what Podman says of a container that has just ended: it is "stopped", a
/// state that Docker does not have.
fn readable<T: DeserializeOwned>(answer: Result<T, Error>) -> Result<T, Error> {
    let Err(Error::JsonDataError { contents, .. }) = &answer else {
        return answer;
    };
    let known = contents
        .replace(r#""Status":"stopped""#, r#""Status":"exited""#)
        .replace(r#""State":"stopped""#, r#""State":"exited""#);
    serde_json::from_str(&known).or(answer)
}

/// The HTTP status that the engine answered with, if it answered.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether a container was not made because another has its name.
pub(crate) fn is_name_taken(error: &Error) -> bool {
    match error {
        Error::DockerResponseServerError {
            status_code: 409, ..
        } => true,
        // Podman 4.3 has no status of its own for it.
        Error::DockerResponseServerError {
            status_code: 500,
            message,
        } => message.contains("name is already in use"),
        _ => false,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
