//! What this target provides to workloads.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

use estiba_host::{HostError, routes, short_hash};
use estiba_model::{EnvironmentId, ObservedResource, ResourceId, SecretString, message};
use estiba_postgres::{Postgres, PostgresError};
use estiba_target::{Outputs, Progress, Reach, ResourceSpec, TargetError};
use serde_json::Value;

use crate::database::{self, Database};
use crate::engine::Engine;
use crate::labels::{self, Labels, Role};
use crate::layout::Layout;
use crate::{network, volumes};

/// A type that is provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Volume,
    Dns,
    Route,
    ServicePort,
    Postgres,
    /// A database of a server that was given by URL: it is not the engine's.
    ForeignPostgres,
}

impl Kind {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Volume, "volume"),
        (Self::Dns, "dns"),
        (Self::Route, "route"),
        (Self::ServicePort, "service-port"),
        (Self::Postgres, "postgres"),
        (Self::ForeignPostgres, "foreign-postgres"),
    ];

    fn of(resource: &ResourceSpec) -> Result<Self, HostError> {
        let is_foreign = resource.settings.contains_key("url");
        match resource.kind.as_str() {
            "postgres" if is_foreign => Ok(Self::ForeignPostgres),
            "foreign-postgres" => Err(unknown(resource)),
            kind => Self::named(kind).ok_or_else(|| unknown(resource)),
        }
    }

    fn named(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, own)| *own == word).map(|(kind, _)| kind)
    }

    fn word(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(kind, _)| *kind == self)
            .map_or("", |(_, word)| word)
    }

    fn holds_data(self) -> bool {
        matches!(self, Self::Volume | Self::Postgres)
    }
}

/// Who provides, and with what.
pub(crate) struct Provider<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) layout: &'a Layout,
    /// For databases of servers that were given by URL.
    pub(crate) foreign: &'a Postgres,
    /// Where other machines find this one.
    pub(crate) outside: IpAddr,
}

impl Provider<'_> {
    pub(crate) async fn provision(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let kind = Kind::of(resource)?;
        let labels = of(environment, Role::Resource, &resource.id);
        match kind {
            Kind::Volume => {
                let name = name(environment, &resource.id);
                volumes::ensure(self.engine, &name, labels).await?;
            }
            Kind::Postgres => {
                let database = self.database(environment, resource);
                database.ensure(resource, labels, progress).await?;
            }
            Kind::ForeignPostgres => self
                .foreign
                .provision(environment, resource, progress)
                .await
                .map_err(refused)?,
            Kind::ServicePort => {
                self.service_port(environment, resource).await?;
            }
            Kind::Dns | Kind::Route => {}
        }
        let mark = of(environment, Role::Provided, &resource.id);
        let mut marked = mark.clone();
        marked.insert(labels::name(labels::KIND), kind.word().to_owned());
        let fingerprint = resource.fingerprint.to_string();
        marked.insert(labels::name(labels::FINGERPRINT), fingerprint);
        let name = format!(
            "{}_{}_{}",
            name(environment, &resource.id),
            kind.word(),
            resource.fingerprint.short()
        );
        volumes::ensure(self.engine, &name, marked).await?;
        Ok(volumes::remove_all(self.engine, &mark, Some(&name)).await?)
    }

    pub(crate) async fn outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, HostError> {
        Ok(match Kind::of(resource)? {
            Kind::Volume => {
                let name = name(environment, &resource.id);
                if volumes::find(self.engine, &name).await?.is_none() {
                    let id = &resource.id;
                    return Err(HostError::Told(message!(
                        "the volume {id} has not been made yet",
                        "el volumen {id} todavía no fue creado"
                    )));
                }
                one("source", name)
            }
            Kind::Dns => {
                let host = routes::own_host(environment, resource.workload.as_str());
                one("host", host)
            }
            Kind::Route => Outputs::new(),
            Kind::ServicePort => self.service_port(environment, resource).await?,
            Kind::Postgres => self.database(environment, resource).outputs(resource),
            Kind::ForeignPostgres => self
                .foreign
                .outputs(environment, resource)
                .map_err(refused)?,
        })
    }

    async fn service_port(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, HostError> {
        let param = |key: &str| resource.params.get(key).and_then(Value::as_str);
        let (Some(workload), Some(port)) = (param("workload"), param("port")) else {
            let id = &resource.id;
            return Err(HostError::Told(message!(
                "{id}: a service-port needs the params workload and port",
                "{id}: un service-port necesita los parámetros workload y port"
            )));
        };
        let place = self.layout.environment(environment);
        let number = place.service_ports().take(workload, port).await?;
        let host = match resource.reach {
            Reach::Inside => workload.to_owned(),
            // Routing opens it there too.
            Reach::Outside => self.outside.to_string(),
        };
        let mut outputs = one("hostname", host);
        outputs.extend(one("port", number.to_string()));
        Ok(outputs)
    }

    pub(crate) async fn destroy(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), HostError> {
        for role in [Role::Resource, Role::Provided] {
            remove(self.engine, &of(environment, role, resource)).await?;
        }
        Ok(())
    }

    pub(crate) async fn backup(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), HostError> {
        resource.require_database().map_err(HostError::Told)?;
        match Kind::of(resource)? {
            Kind::ForeignPostgres => {
                let dumped = self.foreign.backup(environment, resource, to).await;
                dumped.map_err(refused)
            }
            _ => self.database(environment, resource).backup(to).await,
        }
    }

    pub(crate) async fn restore(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), HostError> {
        resource.require_database().map_err(HostError::Told)?;
        match Kind::of(resource)? {
            Kind::ForeignPostgres => {
                let restored = self.foreign.restore(environment, resource, from).await;
                restored.map_err(refused)
            }
            _ => self.database(environment, resource).restore(from).await,
        }
    }

    fn database(&self, environment: &EnvironmentId, resource: &ResourceSpec) -> Database<'_> {
        Database {
            engine: self.engine,
            environment: environment.clone(),
            name: name(environment, &resource.id),
            host: database::host(&resource.id),
        }
    }
}

/// The resources that were provided and are still there.
pub(crate) async fn observe(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<BTreeMap<ResourceId, ObservedResource>, HostError> {
    let mut observed = BTreeMap::new();
    for mark in volumes::all(engine, &labels::of(environment, Role::Provided)).await? {
        let id = mark.labels.get(&labels::name(labels::RESOURCE));
        let kind = mark.labels.get(&labels::name(labels::KIND));
        let kind = kind.and_then(|kind| Kind::named(kind));
        let fingerprint = labels::parse(&mark.labels, labels::FINGERPRINT);
        let (Some(id), Some(kind), Some(fingerprint)) = (id, kind, fingerprint) else {
            continue;
        };
        let id = ResourceId(id.clone());
        // One that lost its data or its server has to be made again.
        let name = name(environment, &id);
        let is_there = match kind {
            Kind::Volume => volumes::find(engine, &name).await?.is_some(),
            Kind::Postgres => {
                let found = engine.inspect(&name).await?.and_then(|found| found.state);
                found.is_some_and(|state| state.running == Some(true))
            }
            _ => true,
        };
        if is_there {
            let resource = ObservedResource {
                fingerprint,
                holds_data: kind.holds_data(),
            };
            observed.insert(id, resource);
        }
    }
    Ok(observed)
}

/// Removes what an environment that is forgotten has left, of whatever role.
pub(crate) async fn remove_leftovers(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<(), HostError> {
    for role in [
        Role::Porter,
        Role::Scratch,
        Role::Migration,
        Role::Migrated,
        Role::Provided,
    ] {
        remove(engine, &labels::of(environment, role)).await?;
    }
    Ok(())
}

async fn remove(engine: &Engine, labels: &Labels) -> Result<(), HostError> {
    for container in engine.containers(labels::filter(labels)).await? {
        engine.remove(&container.id.unwrap_or_default()).await?;
    }
    volumes::remove_all(engine, labels, None).await
}

fn of(environment: &EnvironmentId, role: Role, resource: &ResourceId) -> Labels {
    let mut labels = labels::of(environment, role);
    labels.insert(labels::name(labels::RESOURCE), resource.0.clone());
    labels
}

fn name(environment: &EnvironmentId, resource: &ResourceId) -> String {
    let environment = network::name(environment);
    format!("{environment}_{}", short_hash(&resource.0))
}

fn one(key: &str, value: impl Into<String>) -> Outputs {
    Outputs::from([(key.to_owned(), SecretString::new(value))])
}

fn unknown(resource: &ResourceSpec) -> HostError {
    let (id, kind) = (&resource.id, &resource.kind);
    HostError::Told(message!(
        "{id}: this target does not provide resources of type {kind}; it provides postgres, volume, dns, route and service-port",
        "{id}: esta plataforma no provee recursos de tipo {kind}; provee postgres, volume, dns, route y service-port"
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: PostgresError) -> HostError {
    HostError::Told(error.message())
}
