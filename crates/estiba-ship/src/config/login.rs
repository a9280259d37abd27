//! How the shipper says who it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::SinkLogin;

impl SinkLogin {
    /// The header `Authorization` of every request, which does not print; `None` where a
    /// secret can't stand in one.
    #[must_use]
    pub fn authorization(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Token(token) => format!("ApiKey {}", token.expose()),
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use estiba_model::SecretString;

    #[test]
    fn a_token_does_not_print() {
        let login = SinkLogin::Basic {
            user: "u".into(),
            password: SecretString::new("hunter2"),
        };
        let value = login.authorization().unwrap();
        assert_eq!(value, "Basic dTpodW50ZXIy");
        assert_eq!(format!("{value:?}"), "Sensitive");
    }
}
