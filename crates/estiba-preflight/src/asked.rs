//! What is to be tried.

use std::time::Duration;

use estiba_model::SecretString;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize, Serializer};

/// Services to try, and how long each may take.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Asked {
    /// The services, in the order in which they are numbered.
    pub services: Vec<Service>,
    /// How long each may take at the most, in milliseconds.
    pub timeout_ms: u64,
}

/// A service outside.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Service {
    /// Where it is: `http`, `https`, `postgres`, `tcp` or `tls`. It may hold a password.
    #[serde(serialize_with = "exposed")]
    pub url: SecretString,
    /// The HTTP status that it answers with; any of 200 to 299 where none is named.
    pub expect: Option<u16>,
    /// The description that it answers with, where it is a SOAP service.
    pub wsdl: Option<Wsdl>,
    /// Who asks.
    pub login: Option<Login>,
    /// Certificates of authorities to trust besides the usual ones, as PEM.
    pub ca: Option<String>,
}

/// A description of a SOAP service.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wsdl {
    /// Whatever it describes.
    Any,
    /// One that has this operation.
    Operation(String),
}

/// Who asks a service that speaks HTTP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Login {
    /// By HTTP's basic authentication.
    Basic {
        /// The user.
        user: String,
        /// The user's password.
        #[serde(serialize_with = "exposed")]
        password: SecretString,
    },
    /// By a token.
    Bearer(#[serde(serialize_with = "exposed")] SecretString),
}

impl Asked {
    /// The time that each service has.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// The text of the file that the probe reads. All of it is secret.
    ///
    /// # Errors
    /// Never in practice: it is plain data.
    pub fn to_text(&self) -> Result<SecretString, serde_json::Error> {
        serde_json::to_string(self).map(SecretString::new)
    }

    /// Everything in it that must not be told.
    pub fn secrets(&self) -> Vec<SecretString> {
        let mut secrets = Vec::new();
        for service in &self.services {
            if let Some(password) = secret_of(&service.url) {
                secrets.extend([decoded(password), password.to_owned()].map(SecretString::new));
            }
            secrets.extend(service.login.as_ref().map(|login| match login {
                Login::Basic { password, .. } => password.clone(),
                Login::Bearer(token) => token.clone(),
            }));
        }
        secrets
    }
}

impl Service {
    /// Who asks by HTTP: the login that is given, else that within the URL.
    pub(crate) fn asker(&self) -> Option<Login> {
        let of_url = || {
            let login = login_of(&self.url)?;
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            Some(Login::Basic {
                user: decoded(user),
                password: SecretString::new(decoded(password)),
            })
        };
        self.login.clone().or_else(of_url)
    }
}

/// The login within a URL, as it stands there.
fn login_of(url: &SecretString) -> Option<&str> {
    let (_, rest) = url.expose().split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (login, _) = authority.rsplit_once('@')?;
    Some(login).filter(|login| !login.is_empty())
}

/// What of that login is secret: its password. A user alone, by HTTP, is a token.
fn secret_of(url: &SecretString) -> Option<&str> {
    let login = login_of(url)?;
    match login.split_once(':') {
        Some((_, password)) => Some(password),
        None => url.expose().starts_with("http").then_some(login),
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The file has to have the values: the probe works with them.
fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_survives_the_way_and_prints_no_secret() {
        let asked = Asked {
            services: vec![Service {
                url: SecretString::new("postgres://app:pa%2Fss@db.example.edu/notes"),
                expect: Some(204),
                wsdl: Some(Wsdl::Operation("Add".to_owned())),
                login: Some(Login::Basic {
                    user: "moria".to_owned(),
                    password: SecretString::new("mellon"),
                }),
                ca: None,
            }],
            timeout_ms: 500,
        };
        let text = asked.to_text().unwrap();
        let read: Asked = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(read.services[0].url, asked.services[0].url);
        assert_eq!(read.services[0].wsdl, asked.services[0].wsdl);
        let secrets = read.secrets();
        let secrets: Vec<_> = secrets.iter().map(SecretString::expose).collect();
        assert_eq!(secrets, ["pa/ss", "pa%2Fss", "mellon"]);
        let printed = format!("{asked:?}");
        assert!(!printed.contains("mellon") && !printed.contains("pa%2Fss"));
    }

    #[test]
    fn a_user_alone_is_a_secret_to_http_and_a_name_to_a_database() {
        let secret = |url: &str| secret_of(&SecretString::new(url)).map(str::to_owned);
        assert_eq!(secret("https://t0ken@h/").as_deref(), Some("t0ken"));
        assert_eq!(secret("postgres://app@h/notes"), None);
        assert_eq!(secret("https://h/a@b"), None);
    }
}
