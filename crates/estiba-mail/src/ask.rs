//! Asking a sink, from a command beside it in its container.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::role::{API_PORT, PASSWORD_VARIABLE, ROLE, port, variable};

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(30);

/// The exit code where there is no such mail.
pub const NOT_THERE: u8 = 3;

/// What is wanted of a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// All mails, the oldest first, as JSON.
    List,
    /// A mail with what is in it, as JSON.
    Show(u64),
    /// A mail as it came.
    Raw(u64),
    /// That it forgets all.
    Clear,
}

impl Question {
    /// The command that asks it, to be run in the sink's container, where the program
    /// has this name.
    #[must_use]
    pub fn command(self, program: &str) -> Vec<String> {
        let mut command = vec![program.to_owned(), ROLE.to_owned()];
        command.extend(match self {
            Self::List => vec!["list".to_owned()],
            Self::Show(id) => vec!["show".to_owned(), id.to_string()],
            Self::Raw(id) => vec!["raw".to_owned(), id.to_string()],
            Self::Clear => vec!["clear".to_owned()],
        });
        command
    }

    /// The exit code of that command where there is no such mail.
    pub const NOT_THERE: i32 = NOT_THERE as i32;

    /// What words of a command ask.
    pub(crate) fn of(words: &[&str]) -> Option<Self> {
        match words {
            ["list"] => Some(Self::List),
            ["show", id] => id.parse().ok().map(Self::Show),
            ["raw", id] => id.parse().ok().map(Self::Raw),
            ["clear"] => Some(Self::Clear),
            _ => None,
        }
    }

    fn request(self, password: &str) -> (Method, String) {
        let (method, path) = match self {
            Self::List => (Method::GET, "mails".to_owned()),
            Self::Show(id) => (Method::GET, format!("mails/{id}")),
            Self::Raw(id) => (Method::GET, format!("mails/{id}/raw")),
            Self::Clear => (Method::DELETE, "mails".to_owned()),
        };
        (method, format!("/{password}/{path}"))
    }
}

/// Asks the sink of this container, and writes its answer.
pub async fn ask(question: Question) -> io::Result<u8> {
    let answered = timeout(LIMIT, answer(question)).await?;
    let (status, body) = answered?;
    if status == StatusCode::NOT_FOUND {
        return Ok(NOT_THERE);
    }
    if !status.is_success() {
        return Err(io::Error::other(format!("the sink answers {status}")));
    }
    let mut out = io::stdout().lock();
    out.write_all(&body)?;
    out.flush()?;
    Ok(0)
}

async fn answer(question: Question) -> io::Result<(StatusCode, Bytes)> {
    let (method, path) = question.request(&variable(PASSWORD_VARIABLE)?);
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port(API_PORT)?)).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(io::Error::other)?;
    let response = sender
        .send_request(request)
        .await
        .map_err(io::Error::other)?;
    let status = response.status();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(io::Error::other)?;
    Ok((status, body.to_bytes()))
}
