//! Where one-off dynos and those who attach to them meet: a connection that begins with
//! the secret of the dyno's `attach_url`, over TLS as Heroku has it, or plain.
//!
//! Source: the public command of Heroku (`lib/run/dyno.js`), which reads a first line
//! `rendezvous`, and then what the dyno writes.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::ids::new_id;

/// How long a greeting may take.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
const LONGEST_SECRET: usize = 200;

/// A connection of somebody who knew the secret.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}
impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}
/// What a dyno waits for.
pub(crate) type Visitor = oneshot::Receiver<Box<dyn Connection>>;
type Waiting = Mutex<HashMap<String, oneshot::Sender<Box<dyn Connection>>>>;

pub(crate) struct Rendezvous {
    port: u16,
    waiting: Arc<Waiting>,
    /// The certificate that visitors have to trust, where there is TLS.
    pub(crate) certificate: Option<String>,
}

impl std::fmt::Debug for Rendezvous {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rendezvous")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl Rendezvous {
    /// Listens on loopback.
    pub(crate) async fn open(tls: bool) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let waiting = Arc::<Waiting>::default();
        let (acceptor, certificate) = tls.then(acceptor).transpose()?.unzip();
        let meeting = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, meeting) = (acceptor.clone(), Arc::clone(&meeting));
                // Whoever does not know a secret is not answered.
                tokio::spawn(async move {
                    timeout(GREETING_LIMIT, meet(stream, acceptor, &meeting)).await
                });
            }
        });
        Ok(Self {
            port,
            waiting,
            certificate,
        })
    }

    /// A new secret place, and who comes there.
    pub(super) fn arrange(&self) -> (String, Visitor) {
        let (tell, visitor) = oneshot::channel();
        let secret = new_id();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(secret.clone(), tell);
        (
            format!("rendezvous://127.0.0.1:{}/{secret}", self.port),
            visitor,
        )
    }
}

fn acceptor() -> Result<(TlsAcceptor, String)> {
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let key = made.signing_key.serialize_der();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    Ok((TlsAcceptor::from(Arc::new(config)), made.cert.pem()))
}

async fn meet(stream: TcpStream, acceptor: Option<TlsAcceptor>, waiting: &Waiting) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream: Pin<Box<dyn Connection>> = match acceptor {
        Some(acceptor) => Box::pin(acceptor.accept(stream).await?),
        None => Box::pin(stream),
    };
    let mut secret = Vec::new();
    // Byte by byte: what follows is the dyno's.
    while !secret.ends_with(b"\n") && secret.len() < LONGEST_SECRET {
        secret.push(stream.read_u8().await?);
    }
    let secret = String::from_utf8(secret)?;
    let known = {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(secret.trim_end())
    };
    let dyno = known.context("nobody waits there")?;
    stream.write_all(b"rendezvous\r\n").await?;
    // The dyno may have gone meanwhile.
    let _ = dyno.send(Box::new(stream));
    Ok(())
}
