//! TLS, with a look at every certificate that the service sends.

use std::io;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::network::broken;
use crate::{Fault, Stage};

/// A certificate that lasts less is told.
const WARN_BELOW_DAYS: i64 = 21;
const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// Speaks TLS; what comes of it, and the certificates that expire soon.
pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    ca: Option<&str>,
) -> (Result<TlsStream<TcpStream>, Fault>, Option<Fault>) {
    let verifier = match Looking::new(ca) {
        Ok(verifier) => Arc::new(verifier),
        Err(fault) => return (Err(fault), None),
    };
    let outcome = connect(stream, host, Arc::clone(&verifier)).await;
    let chain = verifier.chain();
    let outcome = outcome.map_err(|failed| match failed {
        Failed::Fault(fault) => fault,
        Failed::Certificate(error) => of_certificate(&error, &chain),
    });
    let soon = outcome.is_ok().then(|| expires_soon(&chain)).flatten();
    (outcome, soon)
}

enum Failed {
    Fault(Fault),
    Certificate(CertificateError),
}

async fn connect(
    stream: TcpStream,
    host: &str,
    verifier: Arc<Looking>,
) -> Result<TlsStream<TcpStream>, Failed> {
    let failed = |error: &dyn std::fmt::Display| {
        Failed::Fault(Fault::Tls {
            why: error.to_string(),
        })
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(&error))?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    connecting.await.map_err(|error| of_handshake(&error))
}

fn of_handshake(error: &io::Error) -> Failed {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(error)) => Failed::Certificate(error.clone()),
        Some(error) => Failed::Fault(Fault::Tls {
            why: error.to_string(),
        }),
        None => Failed::Fault(broken(Stage::Tls, error)),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The usual verifier, which remembers what it was shown.
#[derive(Debug)]
struct Looking {
    usual: Arc<WebPkiServerVerifier>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

impl Looking {
    fn new(ca: Option<&str>) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(ca) = ca {
            let given: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(ca.as_bytes()).collect();
            let given = given.map_err(|_| Fault::BadAuthority)?;
            if roots.add_parsable_certificates(given).0 == 0 {
                return Err(Fault::BadAuthority);
            }
        }
        let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
        let usual = usual.build().map_err(|_| Fault::NoAuthorities)?;
        Ok(Self {
            usual,
            shown: Mutex::default(),
        })
    }

    /// The certificates that were shown, the service's own first. One that can't be
    /// read is left out: TLS fails by itself then.
    fn chain(&self) -> Vec<Certificate> {
        let shown = match self.shown.lock() {
            Ok(shown) => shown,
            Err(poisoned) => poisoned.into_inner(),
        };
        let read = shown.iter().map(|der| Certificate::from_der(der));
        read.filter_map(Result::ok).collect()
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut shown) = self.shown.lock() {
            let all = std::iter::once(end_entity).chain(intermediates);
            *shown = all.map(|one| one.clone().into_owned()).collect();
        }
        self.usual
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.usual.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.usual.supported_verify_schemes()
    }
}

fn of_certificate(error: &CertificateError, chain: &[Certificate]) -> Fault {
    let why = || Fault::Tls {
        why: Error::InvalidCertificate(error.clone()).to_string(),
    };
    let first = chain.first();
    let own = chain.iter().find(|one| is_own_issuer(one));
    match error {
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Fault::WrongName {
                names: first.map(names).unwrap_or_default(),
            }
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => chain
            .iter()
            .min_by_key(|one| not_after(one))
            .map_or_else(why, |one| Fault::Expired {
                subject: subject(one),
                on: day(not_after(one)),
            }),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => chain
            .iter()
            .max_by_key(|one| not_before(one))
            .map_or_else(why, |one| Fault::NotValidYet {
                subject: subject(one),
                from: day(not_before(one)),
            }),
        CertificateError::UnknownIssuer => {
            chain.last().map_or_else(why, |last| Fault::UnknownIssuer {
                issuer: common_name(&last.tbs_certificate.issuer),
                by_itself: first.is_some_and(is_own_issuer),
                alone: chain.len() == 1,
            })
        }
        // A certificate of an authority's form that a service uses as its own.
        _ => own
            .filter(|_| chain.len() == 1)
            .map_or_else(why, |one| Fault::UnknownIssuer {
                issuer: subject(one),
                by_itself: true,
                alone: true,
            }),
    }
}

fn expires_soon(chain: &[Certificate]) -> Option<Fault> {
    let first = chain.iter().min_by_key(|one| not_after(one))?;
    let left = not_after(first) - Timestamp::now().as_second();
    let days = left / SECONDS_OF_A_DAY;
    (days < WARN_BELOW_DAYS).then(|| Fault::ExpiresSoon {
        subject: subject(first),
        on: day(not_after(first)),
        days,
    })
}

fn not_after(certificate: &Certificate) -> i64 {
    seconds(&certificate.tbs_certificate.validity.not_after)
}

fn not_before(certificate: &Certificate) -> i64 {
    seconds(&certificate.tbs_certificate.validity.not_before)
}

fn seconds(time: &x509_cert::time::Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX)
}

fn day(seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.strftime("%Y-%m-%d").to_string(),
        Err(_) => seconds.to_string(),
    }
}

fn is_own_issuer(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.issuer == certificate.tbs_certificate.subject
}

/// The host that a certificate is of, or what else it is called.
fn subject(certificate: &Certificate) -> String {
    let names = names(certificate);
    let name = names.into_iter().next();
    name.unwrap_or_else(|| common_name(&certificate.tbs_certificate.subject))
}

/// The common name of a name, or all of it where it has none.
fn common_name(name: &x509_cert::name::Name) -> String {
    let whole = name.to_string();
    let common = whole
        .split(',')
        .find_map(|part| part.trim().strip_prefix("CN="));
    common.unwrap_or(&whole).to_owned()
}

/// The hosts that a certificate is of.
fn names(certificate: &Certificate) -> Vec<String> {
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;
    let found = certificate.tbs_certificate.get::<SubjectAltName>();
    let Ok(Some((_, names))) = found else {
        return Vec::new();
    };
    let name = |name| match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(bytes) => ip(bytes.as_bytes()),
        _ => None,
    };
    names.0.into_iter().filter_map(name).collect()
}

fn ip(bytes: &[u8]) -> Option<String> {
    let four: Result<[u8; 4], _> = bytes.try_into();
    let sixteen: Result<[u8; 16], _> = bytes.try_into();
    let four = four.map(|bytes| std::net::IpAddr::from(bytes).to_string());
    four.or(sixteen.map(|bytes| std::net::IpAddr::from(bytes).to_string()))
        .ok()
}
