//! Trying services, all at once, each within its time.

use std::time::{Duration, Instant};

use ::http::Uri;
use estiba_model::SecretString;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;

use crate::postgres::Server;
use crate::{Asked, Fault, Found, Service, Stage, http, network, tls};

/// Tries every service at once, and tells what was found of each by its number as
/// soon as it is known.
pub async fn run(asked: &Asked, mut tell: impl FnMut(usize, Found)) {
    let all = asked.services.iter().enumerate();
    let mut tries: FuturesUnordered<_> = all
        .map(|(number, service)| async move { (number, one(service, asked.timeout()).await) })
        .collect();
    while let Some((number, found)) = tries.next().await {
        tell(number, found);
    }
}

/// Tries a service, for `limit` at the most.
pub async fn one(service: &Service, limit: Duration) -> Found {
    let begun = Instant::now();
    let mut attempt = match Attempt::new(service) {
        Ok(attempt) => attempt,
        Err(fault) => {
            let mut found = Found::at("", 0);
            found.faults.push(fault);
            return found;
        }
    };
    let ended = tokio::time::timeout(limit, attempt.run()).await;
    let fault = match ended {
        Ok(outcome) => outcome.err(),
        Err(_) => Some(Fault::Silent {
            stage: attempt.stage,
            after_ms: ms(limit),
        }),
    };
    let mut found = attempt.found;
    // What fails comes before what soon will.
    found.faults.splice(0..0, fault);
    found.took_ms = ms(begun.elapsed());
    found
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

struct Attempt<'s> {
    service: &'s Service,
    what: What,
    found: Found,
    /// What is being tried.
    stage: Stage,
}

enum What {
    Http { uri: Uri, tls: bool },
    Socket { tls: bool },
    Postgres(Box<Server>),
}

impl<'s> Attempt<'s> {
    fn new(service: &'s Service) -> Result<Self, Fault> {
        let (what, host, port) = what(&service.url, service.ca.as_deref())?;
        Ok(Self {
            service,
            what,
            found: Found::at(&host, port),
            stage: Stage::Dns,
        })
    }

    async fn run(&mut self) -> Result<(), Fault> {
        if let What::Postgres(server) = &self.what
            && server.is_by_socket()
        {
            self.stage = Stage::Login;
            server.log_in().await?;
            self.found.passed.push(Stage::Login);
            return Ok(());
        }
        let stream = self.reach().await?;
        match &self.what {
            What::Http { uri, tls: false } => {
                self.stage = Stage::Http;
                http::ask(stream, self.service, uri, &mut self.found.passed).await?;
            }
            What::Http { uri, tls: true } => {
                let uri = uri.clone();
                let stream = self.secure(stream).await?;
                self.stage = Stage::Http;
                http::ask(stream, self.service, &uri, &mut self.found.passed).await?;
            }
            What::Socket { tls: true } => {
                self.secure(stream).await?;
            }
            What::Socket { tls: false } => {}
            What::Postgres(server) => {
                drop(stream);
                self.stage = Stage::Tls;
                let (outcome, soon) = server.tls(&self.found.addresses).await;
                self.found.faults.extend(soon);
                self.found.passed.extend(outcome?);
                self.stage = Stage::Login;
                server.log_in().await?;
                self.found.passed.push(Stage::Login);
            }
        }
        Ok(())
    }

    /// A connection to it.
    async fn reach(&mut self) -> Result<TcpStream, Fault> {
        let (host, port) = (&self.found.host, self.found.port);
        self.found.addresses = network::addresses(host, port).await?;
        self.found.passed.push(Stage::Dns);
        self.stage = Stage::Tcp;
        self.found.from = network::source(&self.found.addresses, port).await;
        let stream = network::connect(&self.found.addresses, port).await?;
        self.found.passed.push(Stage::Tcp);
        Ok(stream)
    }

    async fn secure(
        &mut self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Fault> {
        self.stage = Stage::Tls;
        let ca = self.service.ca.as_deref();
        let (outcome, soon) = tls::handshake(stream, &self.found.host, ca).await;
        self.found.faults.extend(soon);
        let stream = outcome?;
        self.found.passed.push(Stage::Tls);
        Ok(stream)
    }
}

/// What is at a URL, and its host and port.
fn what(url: &SecretString, ca: Option<&str>) -> Result<(What, String, u16), Fault> {
    let (scheme, _) = url.expose().split_once("://").ok_or(Fault::BadUrl)?;
    if matches!(scheme, "postgres" | "postgresql") {
        let server = Server::of(url, ca)?;
        let (host, port) = server.address();
        return Ok((What::Postgres(Box::new(server)), bare(&host), port));
    }
    let uri: Uri = url.expose().parse().map_err(|_| Fault::BadUrl)?;
    let host = uri.host().map(bare).filter(|host| !host.is_empty());
    let host = host.ok_or(Fault::BadUrl)?;
    let given = uri.port_u16();
    // A number that is no port is none to the reader of URLs.
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if given.is_none() && !authority.ends_with(uri.host().unwrap_or_default()) {
        return Err(Fault::BadUrl);
    }
    let (what, port) = match scheme {
        "http" => (What::Http { uri, tls: false }, given.or(Some(80))),
        "https" => (What::Http { uri, tls: true }, given.or(Some(443))),
        "tcp" => (What::Socket { tls: false }, given),
        "tls" => (What::Socket { tls: true }, given),
        _ => return Err(Fault::BadUrl),
    };
    Ok((what, host, port.ok_or(Fault::BadUrl)?))
}

/// An IPv6 address without the brackets that it has in a URL.
fn bare(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    inner.unwrap_or(host).to_owned()
}
