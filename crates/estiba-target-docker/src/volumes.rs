//! Volumes: those that hold data, and the empty ones whose labels are records
//! that live as long as the engine's data.

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};
use estiba_host::HostError;

use crate::engine::Engine;
use crate::labels::{self, Labels};
use crate::network::{Object, by_labels, foreign};

/// Makes a volume, unless it is there.
pub(crate) async fn ensure(engine: &Engine, name: &str, labels: Labels) -> Result<(), HostError> {
    let request = VolumeCreateRequest {
        name: Some(name.to_owned()),
        labels: Some(labels.clone()),
        ..VolumeCreateRequest::default()
    };
    // One of this name that is there already is what the engine answers.
    let found = match find(engine, name).await? {
        Some(found) => found,
        None => {
            let made = engine.api().await?.create_volume(request).await;
            made.map_err(|error| engine.failed(error))?
        }
    };
    if labels::has_all(&found.labels, &labels) {
        Ok(())
    } else {
        Err(foreign(Object::Volume, name))
    }
}

/// A volume by its name.
pub(crate) async fn find(engine: &Engine, name: &str) -> Result<Option<Volume>, HostError> {
    let found = engine.api().await?.inspect_volume(name).await;
    found.map(Some).or_else(|error| engine.unless_gone(error))
}

/// The volumes that have these labels.
pub(crate) async fn all(engine: &Engine, labels: &Labels) -> Result<Vec<Volume>, HostError> {
    let options = ListVolumesOptions {
        filters: Some(by_labels(labels)),
    };
    let found = engine.api().await?.list_volumes(Some(options)).await;
    let found = found.map_err(|error| engine.failed(error))?;
    let mut volumes = found.volumes.unwrap_or_default();
    // Podman 4.3 lists those that have any of them: whoever removes what this
    // returns would remove the data of others.
    volumes.retain(|volume| labels::has_all(&volume.labels, labels));
    Ok(volumes)
}

/// Removes the volumes that have these labels, but those of other names than
/// `but`.
pub(crate) async fn remove_all(
    engine: &Engine,
    labels: &Labels,
    but: Option<&str>,
) -> Result<(), HostError> {
    for volume in all(engine, labels).await? {
        if Some(volume.name.as_str()) != but {
            let removed = engine
                .api()
                .await?
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>);
            removed.await.or_else(|error| engine.unless_gone(error))?;
        }
    }
    Ok(())
}
