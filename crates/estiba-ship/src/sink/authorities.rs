//! Whom a sink's certificate may be signed by.

use reqwest::{Certificate, Client, ClientBuilder};

/// Certificates of authorities of one's own, which take the place of the public ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(String);

impl Authorities {
    /// The certificates of a text in PEM; `None` where it has none that can be used.
    #[must_use]
    pub fn of(pem: &str) -> Option<Self> {
        super::choose_cryptography();
        let given = Self(pem.to_owned());
        let has_any = !given.certificates().is_empty();
        let is_usable = || given.trusted_by(Client::builder()).build().is_ok();
        (has_any && is_usable()).then_some(given)
    }

    /// A client that trusts these alone.
    pub fn trusted_by(&self, client: ClientBuilder) -> ClientBuilder {
        client.tls_certs_only(self.certificates())
    }

    fn certificates(&self) -> Vec<Certificate> {
        Certificate::from_pem_bundle(self.0.as_bytes()).unwrap_or_default()
    }
}
