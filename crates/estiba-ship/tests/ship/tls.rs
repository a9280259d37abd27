//! A sink whose certificate is signed by an authority of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::shipper::Place;
use crate::sink::Sink;

/// TLS in front of a sink.
struct Front {
    port: u16,
    authority: String,
    /// Whether each connection came about.
    connected: Receiver<bool>,
}

impl Front {
    fn of(sink: &Sink) -> Self {
        let (authority, acceptor) = certified();
        let (tell, connected) = channel();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = sink.address;
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(pass(stream, acceptor.clone(), to, tell.clone()));
                }
            });
        });
        Self {
            port,
            authority,
            connected,
        }
    }
}

async fn pass(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    to: SocketAddr,
    tell: Sender<bool>,
) -> io::Result<()> {
    let accepted = acceptor.accept(stream).await;
    // Nobody may listen any more.
    let _ = tell.send(accepted.is_ok());
    let mut sink = TcpStream::connect(to).await?;
    copy_bidirectional(&mut accepted?, &mut sink).await?;
    Ok(())
}

/// An authority in PEM, and a server that has a certificate of it.
fn certified() -> (String, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = authority.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

#[test]
fn a_sink_is_trusted_by_its_own_authority_and_by_no_other() {
    let (place, sink) = (Place::new(), Sink::start());
    let front = Front::of(&sink);
    place.write("a.log", "line\n");
    let to = format!("to: \"https://localhost:{}\", linger: 10ms", front.port);
    let distrusting = format!("drain: 100ms\nsink: {{ {to} }}");
    let shipper = place.ship(&sink, &distrusting);
    // It comes again, and gives nothing away.
    assert_eq!(
        [(); 2].map(|()| front.connected.recv().unwrap()),
        [false; 2]
    );
    shipper.stop();
    assert_eq!(sink.with(|state| state.requests), 0);

    std::fs::write(place.path("ca.pem"), &front.authority).unwrap();
    let file = place.path("ca.pem");
    let trusting = format!("sink: {{ {to}, ca_file: {} }}", file.display());
    let shipper = place.ship(&sink, &trusting);
    sink.expect(&["line"]);
    shipper.stop();
    sink.expect_once(&["line"]);
}

#[test]
fn an_authority_without_a_certificate_is_told() {
    let (place, sink) = (Place::new(), Sink::start());
    std::fs::write(place.path("ca.pem"), "-----BEGIN NONSENSE-----").unwrap();
    for file in ["ca.pem", "missing.pem"] {
        let file = place.path(file);
        let more = format!("sink: {{ to: \"https://h\", ca_file: {} }}", file.display());
        let config = place.config(&sink, &more);
        let error = estiba_ship::Config::read("x".as_ref(), Some(&config), |_| None).unwrap_err();
        let said = error.to_string();
        assert!(said.contains(&*file.to_string_lossy()), "{said}");
    }
}
