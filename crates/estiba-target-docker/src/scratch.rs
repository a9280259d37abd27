//! Folders that the containers of an instance share, and that go with it: volumes with
//! labels of their own.

use bollard::models::{Mount, MountType, MountVolumeOptions};
use estiba_host::HostError;
use estiba_model::{EnvironmentId, InstanceName};
use estiba_target::ScratchSpec;

use crate::engine::Engine;
use crate::labels::{self, Labels, Role};
use crate::{network, porter, volumes};

/// Makes a folder of an instance, unless another of its containers has; how it is mounted.
/// `image` is one that the engine has.
pub(crate) async fn ensure(
    engine: &Engine,
    (environment, instance): (&EnvironmentId, &InstanceName),
    image: &str,
    scratch: &ScratchSpec,
) -> Result<Mount, HostError> {
    let network = network::name(environment);
    let name = format!("{network}_{instance}_{}", scratch.name);
    if volumes::find(engine, &name).await?.is_none() {
        volumes::ensure(engine, &name, of(environment, instance)).await?;
        porter::open_volume(engine, environment, image, &name).await?;
    } else {
        // It has to be ours.
        volumes::ensure(engine, &name, of(environment, instance)).await?;
    }
    Ok(Mount {
        typ: Some(MountType::VOLUME),
        source: Some(name),
        target: Some(scratch.target.clone()),
        read_only: Some(scratch.read_only),
        volume_options: Some(MountVolumeOptions {
            // What the image has there is not copied into it.
            no_copy: Some(true),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    })
}

/// Removes the folders of an instance, which has no containers any more.
pub(crate) async fn remove(
    engine: &Engine,
    environment: &EnvironmentId,
    instance: &InstanceName,
) -> Result<(), HostError> {
    volumes::remove_all(engine, &of(environment, instance), None).await
}

fn of(environment: &EnvironmentId, instance: &InstanceName) -> Labels {
    labels::of_instance(environment, Role::Scratch, instance)
}
