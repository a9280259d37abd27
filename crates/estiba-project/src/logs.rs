//! The cluster for lines of logs, as `estiba.yaml` has it.

use estiba_model::{LogsLogin, LogsTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// The index where nothing is said.
const INDEX: &str = "estiba-logs";
/// An address with no login in it.
const ADDRESS_PATTERN: &str = "^https?://[^@/?#\\s]+(/[^?#\\s]*)?$";
/// What Elasticsearch takes as the name of an index.
const INDEX_PATTERN: &str = "^[^-_+.A-Z\\s\\\\/*?\"<>|,#:%][^A-Z\\s\\\\/*?\"<>|,#:%]*$";

/// A cluster for the lines of logs of a project.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Logs")]
pub(crate) struct LogsFile {
    /// The address of the cluster: `https://elastic.example.edu:9200`.
    #[schemars(schema_with = "address")]
    pub to: String,
    /// The index there; `estiba-logs` where nothing is said.
    #[serde(default)]
    #[schemars(schema_with = "index")]
    pub index: Option<String>,
    /// The name of the secret with an API key, or with a token where the cluster is
    /// another Estiba. It is set by `estiba secret set`; of several environments, the
    /// first that has it counts.
    #[serde(default)]
    pub token: Option<String>,
    /// The user, where the cluster has users and passwords.
    #[serde(default)]
    pub user: Option<String>,
    /// The name of the secret with the user's password.
    #[serde(default)]
    pub password: Option<String>,
    /// The certificate in PEM of the authority that signed that of the cluster, where it is
    /// no public one.
    #[serde(default)]
    pub ca: Option<String>,
}

impl LogsFile {
    /// What it means. A login that is half of one was told.
    pub fn logs(self) -> LogsTo {
        let login = match (self.token, self.user, self.password) {
            (Some(token), ..) => Some(LogsLogin::Token(token)),
            (None, Some(user), Some(password)) => Some(LogsLogin::Basic { user, password }),
            _ => None,
        };
        LogsTo {
            to: self.to,
            index: self.index.unwrap_or_else(|| INDEX.to_owned()),
            login,
            ca: self.ca,
        }
    }
}

fn address(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "pattern": ADDRESS_PATTERN, "examples": ["https://elastic.example.edu:9200"],
    })
}

fn index(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 255, "pattern": INDEX_PATTERN,
        "examples": ["moria-logs"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    #[test]
    fn the_patterns_are_the_rules() {
        let address = Regex::new(ADDRESS_PATTERN).unwrap();
        for text in [
            "https://h",
            "http://h:9200/a",
            "https://u:p@h",
            "h:9200",
            "https://",
            "https://h?x",
        ] {
            let is_good = estiba_logs::check_cluster(text).is_ok();
            assert_eq!(address.is_match(text), is_good, "{text}");
        }
        let index = Regex::new(INDEX_PATTERN).unwrap();
        for text in [
            "estiba-logs",
            "a.b_c+d",
            "",
            "-a",
            "A",
            "a b",
            "a*",
            "a/b",
            "a\\b",
            "a:b",
            "é",
        ] {
            assert_eq!(index.is_match(text), estiba_logs::is_index(text), "{text}");
        }
    }
}
