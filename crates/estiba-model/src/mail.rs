//! Mail: where workloads hand it over, and what a sink took of it.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use utoipa::ToSchema;

use crate::{Message, Quantities, SecretString, message};

/// The Score type of a mail server.
pub const SMTP: &str = "smtp";

/// The workload that Estiba adds where no server is given: it takes mail, and delivers
/// none.
pub const MAIL_SINK: &str = "estiba-mail";

/// What it asks for.
pub const SINK_REQUESTS: Quantities = Quantities {
    cpu_millis: Some(10),
    memory_bytes: Some(32 << 20),
};

/// What it may use: all mails that it keeps, those that come in, and the program itself.
pub const SINK_LIMITS: Quantities = Quantities {
    cpu_millis: None,
    memory_bytes: Some(192 << 20),
};

/// Whether the settings of an environment's resources name a server that delivers.
#[must_use]
pub fn names_mail_server(settings: Option<&Map<String, Value>>) -> bool {
    let is_url = |key: &str| key == "url" || key == "url-from";
    settings.is_some_and(|all| all.keys().any(|key| is_url(key)))
}

/// A mail that a sink took and did not deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mail {
    /// Its number in its sink, from 1; none is given twice while the sink runs.
    pub id: u64,
    /// When it came.
    pub received_at: Timestamp,
    /// Who sent it, as the SMTP session said.
    pub from: String,
    /// Everybody who would have got it, as the SMTP session said.
    pub to: Vec<String>,
    /// Its subject, decoded.
    pub subject: String,
    /// Its size.
    pub size_bytes: u64,
}

/// A mail with what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailContent {
    /// What lists of mails tell.
    #[serde(flatten)]
    pub mail: Mail,
    /// What it says as plain text.
    pub text: Option<String>,
    /// What it says as HTML.
    pub html: Option<String>,
    /// What is attached.
    pub attachments: Vec<Attachment>,
}

/// A file in a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its media type.
    pub media_type: String,
    /// Its size, decoded.
    pub size_bytes: u64,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    None,
    /// From `STARTTLS` on (<https://www.rfc-editor.org/rfc/rfc3207>).
    StartTls,
    /// From the begin (<https://www.rfc-editor.org/rfc/rfc8314#section-3>).
    Tls,
}

impl Encryption {
    /// Its name, as workloads get it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
        }
    }
}

/// A mail server that delivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Where it is.
    pub host: String,
    /// Where it listens.
    pub port: u16,
    /// Who sends; empty where it asks nobody.
    pub username: String,
    /// Their password.
    pub password: SecretString,
    /// How it is spoken to.
    pub encryption: Encryption,
}

impl MailServer {
    /// A server by URL: `smtp://USER:PASSWORD@HOST:PORT` with `STARTTLS`, by default at
    /// port 587, or `smtps://…`, encrypted from the begin, by default at port 465.
    ///
    /// # Errors
    /// What is wrong with it, without any part of it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, Message> {
        let parsed = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        let (encryption, usual_port) = match parsed.scheme() {
            "smtp" => (Encryption::StartTls, 587),
            "smtps" => (Encryption::Tls, 465),
            _ => return Err(bad("smtp:// / smtps://")),
        };
        let host = parsed.host_str().filter(|host| !host.is_empty());
        let Some(host) = host else {
            return Err(bad("HOST"));
        };
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(|text| text.into_owned())
                .map_err(|error| bad(&error.to_string()))
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: parsed.port().unwrap_or(usual_port),
            username: decoded(parsed.username())?,
            password: SecretString::new(decoded(parsed.password().unwrap_or_default())?),
            encryption,
        })
    }

    /// Who mail is from where nobody says: the user, where that is an address.
    #[must_use]
    pub fn usual_sender(&self) -> String {
        let Self { host, username, .. } = self;
        match username.contains('@') {
            true => username.clone(),
            false => format!("no-reply@{host}"),
        }
    }
}

fn bad(why: &str) -> Message {
    message!(
        "it is not the URL of a mail server ({why}): write smtp://USER:PASSWORD@HOST:PORT, or smtps:// where it is encrypted from the begin; characters such as @ : / in the user or the password as %40 %3A %2F",
        "no es la URL de un servidor de correo ({why}): escriba smtp://USUARIO:CONTRASEÑA@HOST:PUERTO, o smtps:// si se cifra desde el principio; caracteres como @ : / en el usuario o la contraseña, como %40 %3A %2F"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_all_about_a_server() {
        for (url, told) in [
            (
                "smtp://app:s3cret@mail.example.edu",
                "mail.example.edu 587 app s3cret starttls no-reply@mail.example.edu",
            ),
            (
                "smtp://mail.example.edu:2525",
                "mail.example.edu 2525   starttls no-reply@mail.example.edu",
            ),
            (
                "smtps://a%40example.edu:p%3Aq%2Fr@mail.example.edu",
                "mail.example.edu 465 a@example.edu p:q/r tls a@example.edu",
            ),
            ("smtps://a:b@[::1]:10465", "::1 10465 a b tls no-reply@::1"),
        ] {
            let server = MailServer::parse(url).unwrap();
            let password = server.password.expose();
            let encryption = server.encryption.as_str();
            let sender = server.usual_sender();
            let (host, port, user) = (&server.host, server.port, &server.username);
            assert_eq!(
                format!("{host} {port} {user} {password} {encryption} {sender}"),
                told
            );
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_tells_nothing_of_it() {
        for url in [
            "",
            "mail.example.edu",
            "https://u:hunter2@mail.example.edu",
            "smtp://u:hunter2@",
            "smtp://u:hunter2@mail.example.edu:99999",
            "smtp://u:%FFhunter2@mail.example.edu",
        ] {
            let why = MailServer::parse(url).unwrap_err();
            assert!(!why.en.contains("hunter2"), "{why}");
            assert!(why.en.contains("smtp://USER"), "{why}");
        }
    }
}
