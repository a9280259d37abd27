//! The key of the API: from the environment, or where Heroku's own command keeps
//! it (<https://devcenter.heroku.com/articles/authentication#api-token-storage>).

use std::path::PathBuf;

use estiba_model::{Message, SecretString, message};

const VARIABLE: &str = "HEROKU_API_KEY";

/// There is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(Message);

impl KeyError {
    /// What is missing and where it is looked for.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }
}

/// The key for the API at `api`.
///
/// # Errors
/// When there is none.
pub fn api_key(api: &str) -> Result<SecretString, KeyError> {
    let given = std::env::var(VARIABLE).unwrap_or_default();
    if !given.trim().is_empty() {
        return Ok(SecretString::new(given.trim()));
    }
    let url = reqwest::Url::parse(api).ok();
    let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or(api);
    let text = netrc().and_then(|path| std::fs::read_to_string(path).ok());
    text.and_then(|text| password(&text, host)).ok_or_else(|| {
        KeyError(message!(
            "there is no key for Heroku: set {VARIABLE} (`heroku authorizations:create` makes one), or run `heroku login`",
            "no hay una clave de Heroku: defina {VARIABLE} (`heroku authorizations:create` crea una), o ejecute `heroku login`"
        ))
    })
}

fn netrc() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("NETRC") {
        return Some(PathBuf::from(path));
    }
    let home = std::env::var_os("HOME")?;
    Some(PathBuf::from(home).join(".netrc"))
}

/// The password for a machine
/// (<https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html>).
fn password(netrc: &str, machine: &str) -> Option<SecretString> {
    let without_comments = netrc
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let mut words = without_comments.flat_map(str::split_whitespace);
    let mut here = false;
    while let Some(word) = words.next() {
        match word {
            "machine" => here = words.next() == Some(machine),
            "default" => here = true,
            "login" | "account" => {
                words.next();
            }
            "password" => match words.next() {
                Some(password) if here => return Some(SecretString::new(password)),
                _ => {}
            },
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_the_machine_is_found() {
        let netrc = "# mine\nmachine git.heroku.com\n  login a@example.com\n  password one\n\
                     machine api.heroku.com login password password two\n";
        for (machine, expected) in [
            ("api.heroku.com", Some("two")),
            ("git.heroku.com", Some("one")),
            ("example.com", None),
        ] {
            let found = password(netrc, machine);
            assert_eq!(found.as_ref().map(SecretString::expose), expected);
        }
        assert!(password("", "api.heroku.com").is_none());
        assert!(password("machine api.heroku.com password", "api.heroku.com").is_none());
    }
}
