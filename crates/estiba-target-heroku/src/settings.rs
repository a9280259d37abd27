//! What `targets` of `estiba.yaml` says about Heroku.

use estiba_model::{EnvironmentId, Message, Name, message};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::names;

const API: &str = "https://api.heroku.com";
const REGISTRY: &str = "registry.heroku.com";

/// How Heroku is reached and used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    app: Option<String>,
    api: Option<String>,
    registry: Option<String>,
    /// The size of dynos; by what the workload needs where there is none.
    pub size: Option<String>,
    /// The private space in which apps are made.
    pub space: Option<String>,
    /// The region in which apps are made.
    pub region: Option<String>,
    /// The Heroku team that apps belong to.
    pub team: Option<String>,
    /// Whether apps are taken over that run something which Estiba did not make.
    pub adopt: bool,
}

impl Settings {
    /// Reads the settings of a target.
    ///
    /// # Errors
    /// When a key is unknown or of a wrong type, or an address can't be used.
    pub fn parse(settings: &Map<String, Value>) -> Result<Self, Message> {
        let parsed: Self = serde_json::from_value(Value::Object(settings.clone()))
            .map_err(|error| Message::verbatim(error.to_string()))?;
        let api = parsed.api();
        let is_safe = match reqwest::Url::parse(api) {
            Ok(url) if url.scheme() == "https" => true,
            Ok(url) if url.scheme() == "http" => {
                let host = url.host_str();
                host.is_some_and(estiba_image::registry::is_loopback)
            }
            _ => false,
        };
        if !is_safe {
            return Err(message!(
                "`api: {api}` would send your Heroku key in the clear: write https://HOST; http is taken for this machine alone",
                "`api: {api}` enviaría su clave de Heroku sin cifrar: escriba https://HOST; http solo se acepta para esta máquina"
            ));
        }
        Ok(parsed)
    }

    /// Where the Platform API is.
    #[must_use]
    pub fn api(&self) -> &str {
        self.api.as_deref().unwrap_or(API).trim_end_matches('/')
    }

    /// The host of the container registry, with its port where it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        self.registry.as_deref().unwrap_or(REGISTRY)
    }

    /// The pattern of the names of apps.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.app.as_deref().unwrap_or(names::PATTERN)
    }

    /// The app of a workload.
    ///
    /// # Errors
    /// When Heroku would not take the name.
    pub fn app(&self, environment: &EnvironmentId, workload: &Name) -> Result<String, Message> {
        names::app(self.pattern(), environment, workload)
    }

    /// What tells one use of Heroku from another.
    #[must_use]
    pub fn place(&self) -> String {
        format!("heroku:{}:{}", self.api(), self.pattern())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(settings: &Value) -> Result<Settings, Message> {
        Settings::parse(settings.as_object().unwrap())
    }

    #[test]
    fn the_key_goes_over_tls_or_stays_here() {
        for (api, is_taken) in [
            ("https://api.heroku.com", true),
            ("http://127.0.0.1:5000", true),
            ("http://[::1]:5000", true),
            ("http://localhost:5000/", true),
            ("http://api.heroku.com", false),
            ("http://10.0.0.1", false),
            ("api.heroku.com", false),
        ] {
            assert_eq!(parsed(&json!({ "api": api })).is_ok(), is_taken, "{api}");
        }
        assert!(parsed(&json!({ "aap": "x" })).is_err());
    }

    #[test]
    fn without_settings_it_is_herokus_own() {
        let settings = parsed(&json!({})).unwrap();
        assert_eq!(settings.api(), "https://api.heroku.com");
        assert_eq!(settings.registry(), "registry.heroku.com");
        assert_eq!(
            settings.place(),
            "heroku:https://api.heroku.com:{team}-{workload}-{environment}"
        );
    }
}
