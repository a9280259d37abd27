//! Asking a container how it is, over the network.

use std::time::Duration;

use bytes::Bytes;
use estiba_model::{Message, message};
use http_body_util::Empty;
use hyper::Request;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A check that takes longer fails. Kubernetes' second is too short for what
/// starts on a small machine.
pub const LIMIT: Duration = Duration::from_secs(5);

/// Whether something accepts connections there.
///
/// # Errors
/// With what the system said.
pub async fn tcp(host: &str, port: u16) -> Result<(), Message> {
    connect(host, port).await.map(drop)
}

/// Whether a GET request is answered with a status from 200 to 399.
///
/// # Errors
/// With the answer, or why there was none.
pub async fn http(
    host: &str,
    port: u16,
    path: &str,
    headers: &[(String, String)],
) -> Result<(), Message> {
    match timeout(LIMIT, get(host, port, path, headers)).await {
        Ok(answer) => answer,
        Err(_) => Err(too_slow(&format!("http://{host}:{port}{path}"))),
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

async fn get(
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

/// What is said of a check that did not come to its end.
#[must_use]
pub fn too_slow(what: &str) -> Message {
    let seconds = LIMIT.as_secs();
    message!(
        "{what} does not answer within {seconds} s",
        "{what} no responde en {seconds} s"
    )
}
