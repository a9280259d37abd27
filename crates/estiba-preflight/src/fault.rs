//! What can be in the way of a service.

use std::collections::BTreeSet;

use estiba_model::{Message, message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Stage;

/// What is in the way of a service, or soon will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// Its URL can't be read.
    BadUrl,
    /// Its name has no address.
    NoSuchName,
    /// The name server does not answer.
    NameServerSilent {
        /// The system's own words.
        why: String,
    },
    /// It refuses connections: nothing listens there, or a firewall says no.
    Refused,
    /// There is no way to it.
    Unreachable {
        /// The system's own words.
        why: String,
    },
    /// It did not answer in time.
    Silent {
        /// To what.
        stage: Stage,
        /// For how long, in milliseconds.
        after_ms: u64,
    },
    /// The connection broke.
    Broken {
        /// At which stage.
        stage: Stage,
        /// The words of who broke it.
        why: String,
    },
    /// An authority that is not trusted issued its certificate.
    UnknownIssuer {
        /// That authority.
        issuer: String,
        /// Whether it is the service itself.
        by_itself: bool,
        /// Whether the service sent no other certificate.
        alone: bool,
    },
    /// A certificate is not valid any more.
    Expired {
        /// Whose.
        subject: String,
        /// The last day on which it was.
        on: String,
    },
    /// A certificate will soon not be valid any more.
    ExpiresSoon {
        /// Whose.
        subject: String,
        /// The last day on which it is.
        on: String,
        /// Whole days until then.
        days: i64,
    },
    /// A certificate is not valid yet.
    NotValidYet {
        /// Whose.
        subject: String,
        /// The first day on which it is.
        from: String,
    },
    /// Its certificate is of other hosts.
    WrongName {
        /// Those hosts.
        names: Vec<String>,
    },
    /// TLS fails for another reason.
    Tls {
        /// Which.
        why: String,
    },
    /// The one who tries trusts no authority at all.
    NoAuthorities,
    /// The certificates to trust can't be read.
    BadAuthority,
    /// It answers with another status than it should.
    Status {
        /// That status.
        got: u16,
        /// The one that was expected; any of 200 to 299 where none is named.
        expected: Option<u16>,
        /// The host to which it sends one.
        to: Option<String>,
    },
    /// It does not admit the login that it was asked with.
    LoginRefused {
        /// The status that says so.
        got: u16,
    },
    /// The token can't be sent.
    BadToken,
    /// It does not answer with XML.
    NotXml {
        /// Where the XML breaks.
        why: String,
    },
    /// It answers with XML that is no description.
    NotWsdl {
        /// What that XML is.
        root: String,
    },
    /// It describes other operations.
    NoOperation {
        /// The one that was expected.
        wanted: String,
        /// Those that there are.
        there: BTreeSet<String>,
        /// Other documents that it refers to, which may have the operation.
        imports: Vec<String>,
    },
    /// It does not speak TLS, which its URL asks for.
    NoTls,
    /// The password is wrong.
    WrongPassword {
        /// Of which user.
        user: String,
    },
    /// The server lets nobody in from there.
    NotAdmitted {
        /// The server's own words.
        why: String,
        /// Whether it would over TLS, perhaps.
        without_tls: bool,
    },
    /// There is no such database.
    NoDatabase {
        /// The one that was asked for.
        database: String,
    },
    /// The database refuses for another reason.
    Database {
        /// Which, in its own words.
        why: String,
    },
}

impl Fault {
    /// Whether the service can't be used. Others are warnings.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::ExpiresSoon { .. })
    }

    /// Whether the way to the service is what is wrong, and not the service.
    #[must_use]
    pub fn is_of_the_way(&self) -> bool {
        match self {
            Self::Refused | Self::Unreachable { .. } => true,
            Self::Silent { stage, .. } | Self::Broken { stage, .. } => *stage != Stage::Dns,
            _ => false,
        }
    }

    /// Whether the name is what is wrong.
    #[must_use]
    pub fn is_of_the_name(&self) -> bool {
        match self {
            Self::NoSuchName | Self::NameServerSilent { .. } => true,
            Self::Silent { stage, .. } => *stage == Stage::Dns,
            _ => false,
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::BadUrl => message!(
                "its URL can't be read: it is as https://host/path, postgres://user@host/database, tcp://host:port or tls://host:port",
                "no se entiende su URL: es como https://host/ruta, postgres://usuario@host/base, tcp://host:puerto o tls://host:puerto"
            ),
            Self::NoSuchName => message!(
                "its name has no address (DNS)",
                "su nombre no tiene dirección (DNS)"
            ),
            Self::NameServerSilent { why } => message!(
                "the name server does not answer ({why})",
                "el servidor de nombres no responde ({why})"
            ),
            Self::Refused => message!("it refuses the connection", "rechaza la conexión"),
            Self::Unreachable { why } => message!(
                "there is no way to it ({why})",
                "no hay camino hasta él ({why})"
            ),
            Self::Silent { stage, after_ms } => {
                let (stage, time) = (stage.message(), seconds(*after_ms));
                let (en, es) = (stage.en, stage.es);
                message!(
                    "no answer within {time} s ({en})",
                    "sin respuesta en {time} s ({es})"
                )
            }
            Self::Broken { stage, why } => {
                let stage = stage.message();
                let (en, es) = (stage.en, stage.es);
                message!(
                    "the connection broke ({en}: {why})",
                    "se cortó la conexión ({es}: {why})"
                )
            }
            Self::Status { got, expected, to } => status(*got, *expected, to.as_deref()),
            Self::LoginRefused { got } => message!(
                "it refuses the login (status {got})",
                "rechaza el ingreso (estado {got})"
            ),
            Self::BadToken => message!(
                "its token has a line break, or another sign that no request can have",
                "su token tiene un salto de línea, u otro signo que ningún pedido puede llevar"
            ),
            Self::NotXml { why } => message!(
                "it does not answer with a WSDL: {why}",
                "no responde con un WSDL: {why}"
            ),
            Self::NotWsdl { root } => message!(
                "it answers with XML that is no WSDL: <{root}>",
                "responde con XML que no es un WSDL: <{root}>"
            ),
            Self::NoOperation { wanted, there, .. } => {
                let there: Vec<&str> = there.iter().map(String::as_str).collect();
                let there = there.join(", ");
                message!(
                    "its WSDL has no operation \"{wanted}\"; it has: {there}",
                    "su WSDL no tiene la operación «{wanted}»; tiene: {there}"
                )
            }
            Self::WrongPassword { user } => message!(
                "the password of \"{user}\" is wrong",
                "la clave de «{user}» es incorrecta"
            ),
            Self::NotAdmitted { why, .. } => message!(
                "the server does not admit this login: {why}",
                "el servidor no admite este ingreso: {why}"
            ),
            Self::NoDatabase { database } => message!(
                "there is no database \"{database}\"",
                "no existe la base de datos «{database}»"
            ),
            Self::Database { why } => message!(
                "the database refuses: {why}",
                "la base de datos lo rechaza: {why}"
            ),
            Self::UnknownIssuer {
                by_itself: true, ..
            } => message!(
                "its certificate is signed by itself, and not trusted",
                "su certificado está firmado por él mismo y no es de confianza"
            ),
            Self::UnknownIssuer { issuer, .. } => message!(
                "its certificate is issued by \"{issuer}\", which is not trusted",
                "su certificado lo emitió «{issuer}», que no es de confianza"
            ),
            Self::Expired { subject, on } => message!(
                "the certificate of \"{subject}\" expired on {on}",
                "el certificado de «{subject}» venció el {on}"
            ),
            Self::ExpiresSoon { subject, on, days } => message!(
                "the certificate of \"{subject}\" expires in {days} days, on {on}",
                "el certificado de «{subject}» vence en {days} días, el {on}"
            ),
            Self::NotValidYet { subject, from } => message!(
                "the certificate of \"{subject}\" is valid from {from} on: one of the two clocks is wrong",
                "el certificado de «{subject}» vale desde el {from}: uno de los dos relojes está mal"
            ),
            Self::WrongName { names } => {
                let names = names.join(", ");
                message!(
                    "its certificate is of another host: {names}",
                    "su certificado es de otro host: {names}"
                )
            }
            Self::NoAuthorities => message!(
                "no certificate authority is trusted here",
                "aquí no se confía en ninguna autoridad certificante"
            ),
            Self::BadAuthority => message!(
                "`ca` has no certificate in PEM",
                "`ca` no tiene un certificado en PEM"
            ),
            Self::NoTls => message!(
                "it does not speak TLS, which its URL asks for (sslmode)",
                "no usa TLS, y su URL lo pide (sslmode)"
            ),
            Self::Tls { why } => message!("TLS fails: {why}", "TLS falla: {why}"),
        }
    }
}

fn status(got: u16, expected: Option<u16>, to: Option<&str>) -> Message {
    let expected = expected.map_or_else(|| "2xx".to_owned(), |status| status.to_string());
    let to = to.map(|to| format!(" → {to}")).unwrap_or_default();
    message!(
        "it answers with status {got}{to}, not {expected}",
        "responde con el estado {got}{to}, no {expected}"
    )
}

/// As people say it: 10, or 0.5.
fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => (ms / 1000).to_string(),
        _ => format!("{}.{}", ms / 1000, ms % 1000 / 100),
    }
}
