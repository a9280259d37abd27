//! What Heroku provides to workloads: databases as add-ons, and public addresses.

use std::time::Duration;

use estiba_model::{EnvironmentId, Name, ResourceId, SecretString, message};
use estiba_postgres::PostgresError;
use estiba_target::{ContainerSpec, Outputs, Progress, ResourceSpec, TargetError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::apps::OurApp;
use super::{HerokuTarget, INTERVAL, app_named};
use crate::client::Client;
use crate::client::fault::Fault;
use crate::client::types::{AddOn, AddOnState, Attachment};
use crate::database_url;
use crate::marks::{self, Provided, ProvidedKind};

const SERVICE: &str = "heroku-postgresql";
/// The plan of databases where the environment says no other.
const PLAN: &str = "heroku-postgresql:essential-0";
/// How long a database may take to be there; Heroku says up to five minutes.
const DATABASE_LIMIT: Duration = Duration::from_secs(600);
/// A new add-on whose answer was lost is looked for so often.
const ATTEMPTS: usize = 3;

fn kind_of(resource: &ResourceSpec) -> Result<ProvidedKind, TargetError> {
    match resource.kind.as_str() {
        "dns" => Ok(ProvidedKind::Dns),
        "route" => Ok(ProvidedKind::Route),
        "service-port" => Ok(ProvidedKind::ServicePort),
        "postgres" if resource.settings.contains_key("url") => Ok(ProvidedKind::ForeignPostgres),
        "postgres" => Ok(ProvidedKind::Postgres {
            attachment: marks::attachment_of(&resource.id),
        }),
        kind => {
            let id = &resource.id;
            Err(TargetError::new(message!(
                "{id}: the heroku target does not provide resources of type {kind}; it provides postgres, dns, route and service-port",
                "{id}: la plataforma heroku no provee recursos de tipo {kind}; provee postgres, dns, route y service-port"
            )))
        }
    }
}

impl HerokuTarget {
    pub(super) async fn provision_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let kind = kind_of(resource)?;
        let client = self.client().await?;
        let mut app = self.ensure_app(environment, &home(resource)).await?;
        let provided = Provided {
            id: resource.id.clone(),
            kind: kind.clone(),
            fingerprint: resource.fingerprint.clone(),
        };
        match kind {
            ProvidedKind::Postgres { attachment } => {
                let plan = resource.settings.get("plan").map(SecretString::expose);
                let plan = match plan {
                    None => PLAN.to_owned(),
                    Some(whole) if whole.contains(':') => whole.to_owned(),
                    Some(name) => format!("{SERVICE}:{name}"),
                };
                app.ensure_database(client, &attachment, &plan, progress)
                    .await?;
            }
            ProvidedKind::ForeignPostgres => {
                let made = self
                    .postgres
                    .provision(environment, resource, progress)
                    .await;
                made.map_err(refused)?;
            }
            ProvidedKind::Dns | ProvidedKind::Route | ProvidedKind::ServicePort => {}
        }
        let others = app
            .marks
            .resources
            .iter()
            .filter(|one| one.id != resource.id);
        let all: Vec<Provided> = others.cloned().chain([provided]).collect();
        if all == app.marks.resources {
            return Ok(());
        }
        app.change(client, &marks::provided(&all)).await
    }

    pub(super) async fn resource_outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let kind = kind_of(resource)?;
        if kind == ProvidedKind::Route {
            return Ok(Outputs::new());
        }
        if kind == ProvidedKind::ForeignPostgres {
            return self
                .postgres
                .outputs(environment, resource)
                .map_err(refused);
        }
        let workload = home(resource);
        let app = self.app_of(environment, &workload).await?;
        let app = app.ok_or_else(|| not_there(&workload))?;
        if let ProvidedKind::Postgres { attachment } = &kind {
            let url = app.vars.get(&marks::variable_of(attachment));
            let outputs = url.and_then(database_url::outputs);
            return outputs.ok_or_else(|| {
                let id = &resource.id;
                TargetError::new(message!(
                    "the database {id} does not exist yet; deploy first",
                    "la base de datos {id} todavía no existe; despliegue primero"
                ))
            });
        }
        let url = app.app.web_url.as_deref();
        let url = url.and_then(|url| reqwest::Url::parse(url).ok());
        let host = url.as_ref().and_then(|url| url.host_str());
        let (Some(url), Some(host)) = (&url, host) else {
            return Err(TargetError::new(message!(
                "the app {} has no public address",
                "la aplicación {} no tiene una dirección pública",
                app.name()
            )));
        };
        // Heroku serves plain HTTP too, so that what says http:// reaches it as it is.
        let port = url.port().unwrap_or(80).to_string();
        let outputs = match kind {
            ProvidedKind::Dns => vec![("host", host.to_owned())],
            _ => vec![("hostname", host.to_owned()), ("port", port)],
        };
        let secret = |(key, value): (&str, String)| (key.to_owned(), SecretString::new(value));
        Ok(outputs.into_iter().map(secret).collect())
    }

    pub(super) async fn destroy_resource(
        &self,
        environment: &EnvironmentId,
        id: &ResourceId,
    ) -> Result<(), TargetError> {
        let client = self.client().await?;
        for mut app in self.apps_of(environment).await? {
            let Some(provided) = app.marks.resources.iter().find(|one| one.id == *id) else {
                continue;
            };
            if let ProvidedKind::Postgres { attachment } = provided.kind.clone() {
                app.remove_database(client, &attachment).await?;
            }
            let left = app.marks.resources.iter().filter(|one| one.id != *id);
            let left: Vec<Provided> = left.cloned().collect();
            app.change(client, &marks::provided(&left)).await?;
        }
        Ok(())
    }

    /// Databases of other apps of the environment that the container uses are attached
    /// to its app too, so that Heroku shows who uses them, and a change of their
    /// credentials shows as drift.
    pub(super) async fn attach_databases(
        &self,
        app: &mut OurApp,
        environment: &EnvironmentId,
        container: &ContainerSpec,
    ) -> Result<(), TargetError> {
        if container.variables.is_empty() {
            return Ok(());
        }
        let client = self.client().await?;
        for other in self.apps_of(environment).await? {
            if other.name() == app.name() {
                continue;
            }
            for attachment in other.marks.attachments() {
                let url = other.vars.get(&marks::variable_of(attachment));
                let Some(password) = url
                    .and_then(database_url::outputs)
                    .and_then(|outputs| outputs.get("password").cloned())
                else {
                    continue;
                };
                let mut values = container.variables.values();
                if values.any(|value| value.expose().contains(password.expose())) {
                    app.attach(client, &other, attachment).await?;
                }
            }
        }
        Ok(())
    }
}

/// The workload whose app has to do with a resource.
pub(super) fn home(resource: &ResourceSpec) -> Name {
    let provider = resource.params.get("workload").and_then(Value::as_str);
    let provider = provider.filter(|_| resource.kind == "service-port");
    let provider = provider.and_then(|provider| provider.parse().ok());
    provider.unwrap_or_else(|| resource.workload.clone())
}

fn not_there(workload: &Name) -> TargetError {
    TargetError::new(message!(
        "{workload} has no app on Heroku yet, and only Heroku knows what its address will be: deploy first",
        "{workload} todavía no tiene una aplicación en Heroku, y solo Heroku sabe cuál será su dirección: despliegue primero"
    ))
}

impl OurApp {
    async fn attachments(&self, client: &Client) -> Result<Vec<Attachment>, TargetError> {
        let all = client.list(&self.path("/addon-attachments")).await;
        all.map_err(|fault| fault.at(&app_named(self.name())))
    }

    pub(super) async fn attachment(
        &self,
        client: &Client,
        name: &str,
    ) -> Result<Option<Attachment>, TargetError> {
        let all = self.attachments(client).await?;
        Ok(all.into_iter().find(|one| one.name == name))
    }

    /// Makes a database, or brings it to the wanted plan, and waits until it is there.
    async fn ensure_database(
        &mut self,
        client: &Client,
        attachment: &str,
        plan: &str,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let name = self.name().to_owned();
        let at = |fault: Fault| fault.at(&app_named(&name));
        let mut addon = None;
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.attachment(client, attachment).await? {
                let found: AddOn = client
                    .get(&format!("/addons/{}", found.addon.id))
                    .await
                    .map_err(at)?;
                addon = Some(found);
                break;
            }
            let body = json!({ "plan": plan, "attachment": { "name": attachment } });
            match client.post::<AddOn>(&self.path("/addons"), &body).await {
                Ok(made) => {
                    addon = Some(made);
                    break;
                }
                Err(fault) if fault.is_lost() => {}
                Err(fault) => return Err(at(fault)),
            }
        }
        let mut addon = addon.ok_or_else(|| at(Fault::Lost(plan.to_owned())))?;
        if addon.plan.name != plan {
            let path = self.path(&format!("/addons/{}", addon.id));
            let changed = client.patch(&path, &json!({ "plan": plan })).await;
            addon = changed.map_err(at)?;
        }
        if addon.state == AddOnState::Provisioning {
            progress.line(&format!("{plan} …"));
        }
        let deadline = Instant::now() + DATABASE_LIMIT;
        while addon.state != AddOnState::Provisioned {
            if addon.state == AddOnState::Deprovisioned || Instant::now() > deadline {
                return Err(TargetError::new(message!(
                    "the database of the app {name} ({plan}) is not there in time: see `heroku addons --app {name}` and https://status.heroku.com",
                    "la base de datos de la aplicación {name} ({plan}) no está a tiempo: vea `heroku addons --app {name}` y https://status.heroku.com"
                )));
            }
            sleep(INTERVAL).await;
            addon = client
                .get(&format!("/addons/{}", addon.id))
                .await
                .map_err(at)?;
        }
        let vars = client.get(&self.path("/config-vars")).await;
        self.vars = vars.map_err(at)?;
        self.marks = marks::Marks::read(&self.vars);
        Ok(())
    }

    async fn attach(
        &mut self,
        client: &Client,
        owner: &Self,
        attachment: &str,
    ) -> Result<(), TargetError> {
        if self.vars.contains_key(&marks::variable_of(attachment)) {
            return Ok(());
        }
        let Some(found) = owner.attachment(client, attachment).await? else {
            return Ok(());
        };
        let name = self.name().to_owned();
        let at = |fault: Fault| fault.at(&app_named(&name));
        let body = json!({ "addon": found.addon.id, "app": name, "name": attachment });
        match client.post::<Attachment>("/addon-attachments", &body).await {
            Ok(_) => {}
            Err(fault)
                if fault.is_lost() && self.attachment(client, attachment).await?.is_some() => {}
            Err(fault) => return Err(at(fault)),
        }
        let vars = client.get(&self.path("/config-vars")).await;
        self.vars = vars.map_err(at)?;
        Ok(())
    }

    /// Removes a database that belongs to the app, with its data.
    async fn remove_database(&self, client: &Client, name: &str) -> Result<(), TargetError> {
        let Some(attachment) = self.attachment(client, name).await? else {
            return Ok(());
        };
        let path = if attachment.addon.app.name == self.name() {
            self.path(&format!("/addons/{}", attachment.addon.id))
        } else {
            format!("/addon-attachments/{}", attachment.id)
        };
        let removed = client.delete(&path).await;
        removed.map_err(|fault| fault.at(&app_named(self.name())))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn refused(error: PostgresError) -> TargetError {
    TargetError::new(error.message())
}
