//! What was found of one service, from one place.

use std::net::IpAddr;

use estiba_model::{Message, message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Fault;

/// How far one comes with a service, in this order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Its name has an address.
    Dns,
    /// It takes a connection.
    Tcp,
    /// Its certificate is trusted.
    Tls,
    /// It answers as it should.
    Http,
    /// It is described as it should.
    Wsdl,
    /// It lets one in.
    Login,
}

impl Stage {
    /// What people call it.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Dns => Message::verbatim("DNS"),
            Self::Tcp => Message::verbatim("TCP"),
            Self::Tls => Message::verbatim("TLS"),
            Self::Http => Message::verbatim("HTTP"),
            Self::Wsdl => Message::verbatim("WSDL"),
            Self::Login => message!("login", "ingreso"),
        }
    }
}

/// What was found of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Its host name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The addresses that its name has.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpAddr>,
    /// The address from which it was tried.
    #[schema(value_type = Option<String>)]
    pub from: Option<IpAddr>,
    /// The stages that were passed.
    pub passed: Vec<Stage>,
    /// What was in the way, and what soon will be.
    pub faults: Vec<Fault>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Found {
    /// Nothing yet, of a service at this host and port.
    #[must_use]
    pub fn at(host: &str, port: u16) -> Self {
        Self {
            host: host.to_owned(),
            port,
            addresses: Vec::new(),
            from: None,
            passed: Vec::new(),
            faults: Vec::new(),
            took_ms: 0,
        }
    }

    /// What made it fail; none where all is well.
    #[must_use]
    pub fn failure(&self) -> Option<&Fault> {
        self.faults.iter().find(|fault| fault.is_failure())
    }

    /// Its host and port, as one writes them.
    #[must_use]
    pub fn address(&self) -> String {
        let (host, port) = (&self.host, self.port);
        match host.parse::<std::net::Ipv6Addr>() {
            Ok(_) => format!("[{host}]:{port}"),
            Err(_) if port == 0 => host.clone(),
            Err(_) => format!("{host}:{port}"),
        }
    }

    /// Whether it is an address of whoever asks: another machine for each.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.ends_with(".localhost")
            || self.addresses.iter().any(IpAddr::is_loopback)
    }
}
