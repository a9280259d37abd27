//! What this machine provides to workloads.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;

use estiba_model::{
    EnvironmentId, Fingerprint, ObservedResource, ResourceId, SecretString, message,
};
use estiba_postgres::{Postgres, PostgresError};
use estiba_target::{Outputs, Progress, Reach, ResourceSpec, TargetError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LocalTarget;
use crate::layout::EnvironmentDir;
use estiba_host::HostError;
use estiba_host::directory::make_private;
use estiba_host::record;
use estiba_host::routes::own_host;

/// A type that is provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Volume,
    Dns,
    Route,
    ServicePort,
    Postgres,
    /// A database of a server that was given by URL: it is not this machine's.
    ForeignPostgres,
}

/// What is kept of a resource: `observe` tells it.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    id: ResourceId,
    kind: Kind,
    fingerprint: Fingerprint,
}

impl Kind {
    fn of(resource: &ResourceSpec) -> Result<Self, HostError> {
        match resource.kind.as_str() {
            "volume" => Ok(Self::Volume),
            "dns" => Ok(Self::Dns),
            "route" => Ok(Self::Route),
            "service-port" => Ok(Self::ServicePort),
            "postgres" if resource.settings.contains_key("url") => Ok(Self::ForeignPostgres),
            "postgres" => Ok(Self::Postgres),
            kind => {
                let id = &resource.id;
                Err(HostError::Told(message!(
                    "{id}: the local target does not provide resources of type {kind}; it provides postgres, volume, dns, route and service-port",
                    "{id}: la plataforma local no provee recursos de tipo {kind}; provee postgres, volume, dns, route y service-port"
                )))
            }
        }
    }

    fn holds_data(self) -> bool {
        matches!(self, Self::Volume | Self::Postgres)
    }
}

impl LocalTarget {
    pub(super) async fn provision_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let place = self.layout.environment(environment);
        let kind = Kind::of(resource)?;
        match kind {
            Kind::Volume => make_private(&place.volume(&resource.id))?,
            Kind::ServicePort => {
                self.service_port_outputs(&place, resource).await?;
            }
            Kind::Postgres | Kind::ForeignPostgres => self
                .postgres
                .provision(environment, resource, progress)
                .await
                .map_err(refused)?,
            Kind::Dns | Kind::Route => {}
        }
        make_private(&place.resources())?;
        let record = Record {
            id: resource.id.clone(),
            kind,
            fingerprint: resource.fingerprint.clone(),
        };
        Ok(record::write(&place.resource(&resource.id), &record)?)
    }

    pub(super) async fn resource_outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let place = self.layout.environment(environment);
        Ok(match Kind::of(resource)? {
            Kind::Volume => {
                let volume = place.volume(&resource.id);
                if !volume.is_dir() {
                    let id = &resource.id;
                    return Err(TargetError::new(message!(
                        "the volume {id} has not been made yet",
                        "el volumen {id} todavía no fue creado"
                    )));
                }
                one("source", volume.to_string_lossy())
            }
            Kind::Dns => one("host", own_host(environment, resource.workload.as_str())),
            Kind::Route => Outputs::new(),
            Kind::ServicePort => self.service_port_outputs(&place, resource).await?,
            Kind::Postgres | Kind::ForeignPostgres => self
                .postgres
                .outputs(environment, resource)
                .map_err(refused)?,
        })
    }

    async fn service_port_outputs(
        &self,
        place: &EnvironmentDir,
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
        let number = place
            .service_ports(self.layout.ports())
            .take(workload, port)
            .await?;
        let host = match resource.reach {
            Reach::Inside => Ipv4Addr::LOCALHOST.into(),
            // Routing opens it there too.
            Reach::Outside => self.outside(),
        };
        let mut outputs = one("hostname", host.to_string());
        outputs.extend(one("port", number.to_string()));
        Ok(outputs)
    }

    pub(super) async fn destroy_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), TargetError> {
        let place = self.layout.environment(environment);
        let path = place.resource(resource);
        let record: Option<Record> = record::read(&path)?;
        match record.map(|record| record.kind) {
            Some(Kind::Volume) => record::remove(&place.volume(resource))?,
            Some(Kind::Postgres) => self
                .postgres
                .destroy(environment, resource)
                .await
                .map_err(refused)?,
            _ => {}
        }
        Ok(record::remove(&path)?)
    }

    pub(super) async fn backup_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError> {
        resource.require_database().map_err(TargetError::new)?;
        let dumped = self.postgres.backup(environment, resource, to).await;
        dumped.map_err(refused)
    }

    pub(super) async fn restore_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        resource.require_database().map_err(TargetError::new)?;
        let restored = self.postgres.restore(environment, resource, from).await;
        restored.map_err(refused)
    }
}

/// The resources that were provisioned.
pub(super) fn observe(
    place: &EnvironmentDir,
    postgres: &Postgres,
) -> Result<BTreeMap<ResourceId, ObservedResource>, HostError> {
    let directory = place.resources();
    let mut observed = BTreeMap::new();
    for file in record::names(&directory)?
        .iter()
        .filter(|file| file.ends_with(".json"))
    {
        let Some(record) = record::read::<Record>(&directory.join(file))? else {
            continue;
        };
        // One that lost its directory or its server has to be made again.
        let lost = match record.kind {
            Kind::Volume => !place.volume(&record.id).is_dir(),
            Kind::Postgres => !postgres.is_up(),
            _ => false,
        };
        if lost {
            continue;
        }
        let resource = ObservedResource {
            fingerprint: record.fingerprint,
            holds_data: record.kind.holds_data(),
        };
        observed.insert(record.id, resource);
    }
    Ok(observed)
}

fn one(key: &str, value: impl Into<String>) -> Outputs {
    Outputs::from([(key.to_owned(), SecretString::new(value))])
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: PostgresError) -> TargetError {
    TargetError::new(error.message())
}
