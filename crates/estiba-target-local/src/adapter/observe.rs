//! What there is, from what is on disk and from what runs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use estiba_model::{
    Digest, EnvironmentId, Fingerprint, InstanceState, Name, Observed, ObservedInstance,
};

use super::resources;
use super::{LocalTarget, blocking};
use crate::layout::{EnvironmentDir, Layout};
use crate::supervisor::{Labels, Status, end_leftovers};
use estiba_host::HostError;
use estiba_host::directory::runtime_dir;
use estiba_host::{edge, lock, record};

impl LocalTarget {
    pub(super) async fn observe_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Observed, HostError> {
        let traffic = self.observe_traffic(environment).await?;
        let (layout, place) = (self.layout.clone(), self.layout.environment(environment));
        let postgres = self.postgres.clone();
        blocking(move || {
            Ok(Observed {
                rollouts: BTreeMap::new(),
                resources: resources::observe(&place, &postgres)?,
                instances: instances(&place)?,
                migrations: migrations(&place)?,
                traffic,
                images: images(&layout)?,
            })
        })
        .await
    }

    pub(super) async fn forget_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), HostError> {
        let place = self.layout.environment(environment);
        let ports = self.layout.ports();
        blocking(move || {
            place.service_ports(ports).release()?;
            record::remove(&place.0)
        })
        .await?;
        edge::end_if_unused(&self.layout.edge()).await
    }
}

fn instances(place: &EnvironmentDir) -> Result<Vec<ObservedInstance>, HostError> {
    let mut instances = Vec::new();
    for name in record::names(&place.instances())? {
        let Ok(name) = name.parse() else { continue };
        let directory = place.instance(&name);
        // Read before the lock is looked at: if that is free then, what was
        // read is not of a supervisor that has started since.
        let status: Option<Status> = record::read(&directory.status())?;
        let labels: Option<Labels> = record::read(&directory.labels())?;
        let path = directory.lock();
        let runs = lock::is_held(&path).map_err(HostError::at(&path))?;
        let Some(labels) = labels else {
            // It is being started, or that was cut short: no instance.
            continue;
        };
        let state = match &status {
            Some(status) if runs => status.state,
            None if runs => InstanceState::Starting,
            _ => InstanceState::Stopped,
        };
        if !runs && status.as_ref().is_some_and(has_processes) {
            end_leftovers(&directory)?;
            record::remove(&runtime_dir()?.join(directory.unique()))?;
        }
        instances.push(ObservedInstance {
            name,
            workload: labels.workload,
            version: labels.version,
            fingerprint: labels.fingerprint,
            state,
            restarts: status.map_or(0, |status| status.restarts()),
        });
    }
    Ok(instances)
}

fn has_processes(status: &Status) -> bool {
    status.containers.iter().any(|one| one.process.is_some())
}

fn migrations(place: &EnvironmentDir) -> Result<BTreeMap<Name, BTreeSet<Fingerprint>>, HostError> {
    let mut migrations = BTreeMap::new();
    let directory = place.migrations();
    for workload in record::names(&directory)? {
        let Ok(name) = workload.parse::<Name>() else {
            continue;
        };
        let done = record::names(&directory.join(&workload))?;
        let done = done.iter().filter_map(|done| done.parse().ok()).collect();
        migrations.insert(name, done);
    }
    Ok(migrations)
}

/// Those that were fetched and whose layers are still there.
fn images(layout: &Layout) -> Result<BTreeSet<Digest>, HostError> {
    let mut images = BTreeSet::new();
    for hex in record::names(&layout.images())? {
        let Ok(digest) = format!("sha256:{hex}").parse::<Digest>() else {
            continue;
        };
        let layers: Option<Vec<PathBuf>> = record::read(&layout.image(&digest))?;
        if layers.is_some_and(|layers| layers.iter().all(|layer| layer.is_dir())) {
            images.insert(digest);
        }
    }
    Ok(images)
}
