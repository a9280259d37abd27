//! What an engine says of itself in the head of `/_ping`
//! (<https://docs.docker.com/reference/api/engine/version/v1.44/#tag/System/operation/SystemPing>).
//!
//! It is the cheapest question. Asked for `/version`, Podman has the package manager of
//! the system look up each of its parts, which takes it most of a second.

use std::path::Path;
use std::time::Duration;

use bollard::ClientVersion;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{HeaderMap, Request};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::time::timeout;

/// An engine that takes longer than this is not there.
const LIMIT: Duration = Duration::from_secs(30);

/// Which engine answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ping {
    /// The newest version of the interface that it has.
    pub(crate) version: ClientVersion,
    /// Whether it is Podman, which does some things in ways of its own.
    pub(crate) is_podman: bool,
}

/// Asks the engine behind a socket; why there is no answer, where there is none.
pub(crate) async fn ping(socket: &Path) -> Result<Ping, String> {
    match timeout(LIMIT, head(socket)).await {
        Ok(Ok(head)) => read(&head),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", LIMIT.as_secs())),
    }
}

async fn head(socket: &Path) -> Result<HeaderMap, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/_ping").header(HOST, "localhost");
    tokio::select! {
        answer = sender.send_request(request.body(Empty::<Bytes>::new())?) => {
            Ok(answer?.into_parts().0.headers)
        }
        ended = connection => Err(ended.err().map_or("it hung up".into(), Into::into)),
    }
}

fn read(head: &HeaderMap) -> Result<Ping, String> {
    let said = head.get("api-version").and_then(|said| said.to_str().ok());
    let parts = said.and_then(|said| said.split_once('.'));
    let numbers = parts.map(|(major, minor)| (major.parse(), minor.parse()));
    let Some((Ok(major_version), Ok(minor_version))) = numbers else {
        return Err("it does not tell the version of its interface".to_owned());
    };
    Ok(Ping {
        version: ClientVersion {
            major_version,
            minor_version,
        },
        is_podman: head.contains_key("libpod-api-version"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &[(&'static str, &str)]) -> Result<(usize, usize, bool), String> {
        let head = head.iter();
        let head = head.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let told = read(&head.collect())?;
        let ClientVersion {
            major_version,
            minor_version,
        } = told.version;
        Ok((major_version, minor_version, told.is_podman))
    }

    #[test]
    fn engines_are_told_apart() {
        let docker = [
            ("Api-Version", "1.41"),
            ("Server", "Docker/20.10.24 (linux)"),
        ];
        assert_eq!(told(&docker), Ok((1, 41, false)));
        let podman = [("Api-Version", "1.41"), ("Libpod-Api-Version", "4.3.1")];
        assert_eq!(told(&podman), Ok((1, 41, true)));
        assert!(told(&[("Api-Version", "new")]).is_err());
        assert!(told(&[]).is_err());
    }
}
