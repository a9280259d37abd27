//! The sink as a program of its own, in a container of the environment.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::ExitCode;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::ask::{Question, ask};
use crate::kept::Kept;
use crate::session::Login;
use crate::{api, smtp};

/// The first argument of whoever plays this role. With nothing after it, it is the sink;
/// with a question, it asks the one in its container.
pub const ROLE: &str = "mail-sink";

/// The name of the port for SMTP: the variable `PORT_SMTP` has its number.
pub const SMTP_PORT: &str = "smtp";

/// The name of the port for questions by HTTP: the variable `PORT_API` has its number.
pub const API_PORT: &str = "api";

/// Who sends.
pub const USERNAME: &str = "estiba";

/// The variable with their password.
pub const PASSWORD_VARIABLE: &str = "ESTIBA_MAIL_PASSWORD";

/// Plays the sink's role, if the program's arguments (without its own name) ask for it.
#[must_use]
pub fn role(args: &[OsString]) -> Option<ExitCode> {
    let (name, words) = args.split_first()?;
    if name != ROLE {
        return None;
    }
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    Some(match play(&words) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{ROLE}: {error}");
            ExitCode::FAILURE
        }
    })
}

fn play(words: &[&str]) -> io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if words.is_empty() {
        return runtime.block_on(serve()).map(|()| 0);
    }
    let question = Question::of(words);
    let question = question.ok_or_else(|| io::Error::other("no such question"))?;
    runtime.block_on(ask(question))
}

async fn serve() -> io::Result<()> {
    let password = variable(PASSWORD_VARIABLE)?;
    let login = Login {
        username: USERNAME.to_owned(),
        password: password.clone(),
    };
    let kept = Kept::default();
    let for_mail = listen(SMTP_PORT).await?;
    let for_questions = listen(API_PORT).await?;
    let mut told_to_end = signal(SignalKind::terminate())?;
    writeln!(io::stdout(), "takes mail, and delivers none")?;
    tokio::select! {
        ended = smtp::serve(for_mail, login, kept.clone()) => ended,
        ended = api::serve(for_questions, &password, kept) => ended,
        _ = told_to_end.recv() => Ok(()),
    }
}

/// At every address, also where there is no IPv6.
async fn listen(name: &str) -> io::Result<TcpListener> {
    let port = port(name)?;
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
    }
}

/// The number of a port of this container.
pub(crate) fn port(name: &str) -> io::Result<u16> {
    let variable = format!("PORT_{}", name.to_ascii_uppercase());
    let number = self::variable(&variable)?;
    let number = number.parse();
    number.map_err(|_| io::Error::other(format!("{variable} is no port")))
}

/// A variable that has a value.
pub(crate) fn variable(name: &str) -> io::Result<String> {
    let value = std::env::var(name).unwrap_or_default();
    match value.is_empty() {
        true => Err(io::Error::other(format!("{name} has no value"))),
        false => Ok(value),
    }
}
