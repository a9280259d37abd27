//! Certificates: trusted, not trusted, too old, too young, of another host.

use std::sync::Arc;

use estiba_preflight::{Fault, Found, Service, Stage};
use jiff::{ToSpan, Zoned};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::server::{Server, answer};
use crate::{found, service};

pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub struct Certificate {
    pub pem: String,
    pub key_pem: String,
    acceptor: TlsAcceptor,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate of a host, valid from and until so many days from now.
    pub fn issue(&self, host: &str, from: i64, until: i64) -> Certificate {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let (from, until) = (day(from), day(until));
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let acceptor = acceptor(certificate.der().clone(), &key);
        Certificate {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            acceptor,
        }
    }
}

/// Year, month and day of so many days from now.
fn day(from_now: i64) -> (i32, u8, u8) {
    let day = Zoned::now().checked_add(from_now.days()).unwrap();
    let [month, day_of_month] = [day.month(), day.day()].map(|n| u8::try_from(n).unwrap());
    (i32::from(day.year()), month, day_of_month)
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// What is found of a server with this certificate by who trusts this authority.
async fn of(certificate: &Certificate, trusted: Option<&Authority>) -> Found {
    let tls = Some(certificate.acceptor.clone());
    let server = Server::start(&answer("200 OK", ""), tls).await;
    found(&Service {
        ca: trusted.map(|authority| authority.pem.clone()),
        ..service(&format!("https://localhost:{}/", server.port))
    })
    .await
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_is_good() {
    let authority = Authority::new("Own CA");
    let found = of(&authority.issue("localhost", -1, 90), Some(&authority)).await;
    assert_eq!(found.faults, [], "{found:?}");
    assert_eq!(
        found.passed,
        [Stage::Dns, Stage::Tcp, Stage::Tls, Stage::Http]
    );
}

#[tokio::test]
async fn a_certificate_that_expires_soon_works_and_is_told() {
    let authority = Authority::new("Own CA");
    let found = of(&authority.issue("localhost", -1, 6), Some(&authority)).await;
    let [Fault::ExpiresSoon { subject, days, .. }] = found.faults.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(subject, "localhost");
    assert!((4..=6).contains(days), "{days}");
    assert_eq!(found.failure(), None);
    assert!(found.passed.contains(&Stage::Http));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_named() {
    let authority = Authority::new("Registry of the Ministry");
    let found = of(&authority.issue("localhost", -1, 90), None).await;
    let expected = Fault::UnknownIssuer {
        issuer: "Registry of the Ministry".to_owned(),
        by_itself: false,
        alone: true,
    };
    assert_eq!(found.failure(), Some(&expected));
    assert_eq!(found.passed, [Stage::Dns, Stage::Tcp]);
}

#[tokio::test]
async fn a_certificate_that_is_signed_by_itself_is_called_so() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "box");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let itself = Certificate {
        pem: certificate.pem(),
        key_pem: key.serialize_pem(),
        acceptor: acceptor(certificate.der().clone(), &key),
    };
    let found = of(&itself, None).await;
    let failure = found.failure();
    assert!(
        matches!(
            failure,
            Some(Fault::UnknownIssuer {
                by_itself: true,
                ..
            })
        ),
        "{found:?}"
    );
}

#[tokio::test]
async fn one_that_expired_or_is_not_valid_yet_is_told_with_its_day() {
    let authority = Authority::new("Own CA");
    let expired = of(&authority.issue("localhost", -40, -10), Some(&authority)).await;
    let Some(Fault::Expired { subject, on }) = expired.failure() else {
        panic!("{expired:?}");
    };
    assert_eq!(subject, "localhost");
    assert_eq!(on.len(), "2027-01-02".len());
    let early = of(&authority.issue("localhost", 10, 40), Some(&authority)).await;
    let failure = early.failure();
    assert!(
        matches!(failure, Some(Fault::NotValidYet { .. })),
        "{early:?}"
    );
}

#[tokio::test]
async fn a_certificate_of_another_host_is_told_with_its_hosts() {
    let authority = Authority::new("Own CA");
    let found = of(
        &authority.issue("billing.example.edu", -1, 90),
        Some(&authority),
    )
    .await;
    let expected = Fault::WrongName {
        names: vec!["billing.example.edu".to_owned()],
    };
    assert_eq!(found.failure(), Some(&expected));
}

#[tokio::test]
async fn a_ca_that_is_none_is_told() {
    let service = Service {
        ca: Some("not a certificate".to_owned()),
        ..service("tls://localhost:1")
    };
    let authority = Authority::new("Own CA");
    let tls = Some(authority.issue("localhost", -1, 90).acceptor);
    let server = Server::start("", tls).await;
    let url = format!("tls://localhost:{}", server.port);
    let service = Service {
        url: estiba_model::SecretString::new(url),
        ..service
    };
    assert_eq!(found(&service).await.failure(), Some(&Fault::BadAuthority));
}
