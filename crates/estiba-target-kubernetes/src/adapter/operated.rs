//! A database that an operator made and keeps: what a workload needs to know of it
//! is in a `Secret`. Each operator has keys of its own:
//! [CloudNativePG](https://cloudnative-pg.io/documentation/current/applications/),
//! [Crunchy](https://access.crunchydata.com/documentation/postgres-operator/latest/tutorials/basic-setup/user-management),
//! [Zalando](https://postgres-operator.readthedocs.io/en/latest/user/#connect-to-postgresql).

use std::collections::BTreeMap;

use estiba_model::{Message, message};
use estiba_target::{Outputs, ResourceSpec, TargetError};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Api;

use super::cluster::{Cluster, persist};
use super::resources::outputs;
use crate::manifests::{DATABASE_PORT, Place};

/// The setting that names the secret.
pub(super) const SECRET: &str = "secret";
/// Settings for what a secret does not tell, with the keys that tell it.
const HOST: (&str, &[&str]) = ("host", &["host"]);
const DATABASE: (&str, &[&str]) = ("database", &["dbname", "database"]);
const USER: &[&str] = &["username", "user"];
const PASSWORD: &[&str] = &["password"];
const PORT: &[&str] = &["port"];

impl Cluster {
    /// What the operator's secret tells of a database.
    pub(super) async fn operated(
        &self,
        place: &Place,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let name = resource.settings.get(SECRET);
        let name = name.map(|name| name.expose()).unwrap_or_default();
        let namespace = &place.namespace;
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let what = format!("Secret {name}");
        let secret = persist(&what, || secrets.get_opt(name)).await?;
        let Some(secret) = secret else {
            let id = &resource.id;
            return Err(TargetError::new(message!(
                "{id}: there is no Secret {name} in namespace {namespace}: is the operator's database there, and ready?",
                "{id}: no hay un Secret {name} en el namespace {namespace}: ¿está la base del operador, y lista?"
            )));
        };
        let known: BTreeMap<String, String> = secret
            .data
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?)))
            .collect();
        connection(name, &known, resource).map_err(TargetError::new)
    }
}

/// What is known of a database by its secret, and by the settings beside it.
fn connection(
    name: &str,
    known: &BTreeMap<String, String>,
    resource: &ResourceSpec,
) -> Result<Outputs, Message> {
    let told = |keys: &[&str]| keys.iter().find_map(|key| known.get(*key).cloned());
    let set = |(setting, keys): (&str, &[&str])| {
        let given = resource.settings.get(setting);
        let given = given.map(|value| value.expose().to_owned());
        given.or_else(|| told(keys))
    };
    let parts = [
        ("host", set(HOST)),
        ("name", set(DATABASE)),
        ("username", told(USER)),
        ("password", told(PASSWORD)),
    ];
    let lacking: Vec<&str> = parts
        .iter()
        .filter(|(_, part)| part.is_none())
        .map(|(part, _)| *part)
        .collect();
    if let [first, ..] = lacking.as_slice() {
        let (id, lacking) = (&resource.id, lacking.join(", "));
        let is_setting = matches!(*first, "host" | "name");
        return Err(if is_setting {
            message!(
                "{id}: the Secret {name} does not tell: {lacking}; set `host` and `database` beside `secret`",
                "{id}: el Secret {name} no dice: {lacking}; defina `host` y `database` junto a `secret`"
            )
        } else {
            message!(
                "{id}: the Secret {name} does not tell: {lacking}; is it the one of a database?",
                "{id}: el Secret {name} no dice: {lacking}; ¿es el de una base de datos?"
            )
        });
    }
    let [host, database, user, password] = parts.map(|(_, part)| part.unwrap_or_default());
    Ok(outputs([
        ("host", host),
        (
            "port",
            told(PORT).unwrap_or_else(|| DATABASE_PORT.to_string()),
        ),
        ("name", database.clone()),
        ("database", database),
        ("username", user),
        ("password", password),
    ]))
}

#[cfg(test)]
mod tests {
    use estiba_model::{Fingerprint, ResourceId, SecretString};
    use estiba_target::Reach;
    use serde_json::Map;

    use super::*;

    fn resource(settings: &[(&str, &str)]) -> ResourceSpec {
        let settings = settings.iter();
        ResourceSpec {
            id: ResourceId("postgres.default#api.db".to_owned()),
            kind: "postgres".to_owned(),
            class: "default".to_owned(),
            workload: "api".parse().unwrap(),
            params: Map::new(),
            settings: settings
                .map(|(key, value)| ((*key).to_owned(), SecretString::new(*value)))
                .collect(),
            credential: SecretString::new(""),
            reach: Reach::Inside,
            fingerprint: Fingerprint::from_hash(&[1; 32]),
        }
    }

    fn told(secret: &[(&str, &str)], settings: &[(&str, &str)]) -> Result<String, String> {
        let secret = secret.iter();
        let known = secret
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let outputs = connection("db-app", &known, &resource(settings)).map_err(|said| said.en)?;
        let of = |key: &str| outputs[key].expose().to_owned();
        let [host, port, name, user] = ["host", "port", "name", "username"].map(of);
        Ok(format!("{user}@{host}:{port}/{name}"))
    }

    #[test]
    fn each_operator_has_its_keys() {
        let login = [("username", "app"), ("password", "p")];
        let cloud_native = [
            ("user", "app"),
            ("password", "p"),
            ("host", "db-rw"),
            ("port", "5432"),
            ("dbname", "tp2"),
        ];
        assert_eq!(told(&cloud_native, &[]).unwrap(), "app@db-rw:5432/tp2");
        let settings = [("host", "db"), ("database", "tp2")];
        assert_eq!(told(&login, &settings).unwrap(), "app@db:5432/tp2");
        let error = told(&login, &[]).unwrap_err();
        assert!(error.contains("host, name; set `host`"), "{error}");
        let error = told(&[("token", "t")], &settings).unwrap_err();
        assert!(error.contains("username, password; is it"), "{error}");
    }
}
