//! Volumes that outlive instances.

use std::collections::BTreeMap;

use estiba_target::ResourceSpec;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::{Manifest, Manifests};

/// How big a volume is that says nothing about it.
const SIZE: &str = "1Gi";

pub(super) fn claim(manifests: &Manifests, resource: &ResourceSpec) -> Manifest {
    Manifest::of(&PersistentVolumeClaim {
        metadata: manifests.place().resource_metadata(&resource.id, "volume"),
        spec: Some(claim_spec(manifests, resource)),
        ..PersistentVolumeClaim::default()
    })
}

/// A claim of the size that the environment sets for resources of this type.
pub(super) fn claim_spec(
    manifests: &Manifests,
    resource: &ResourceSpec,
) -> PersistentVolumeClaimSpec {
    let size = resource
        .settings
        .get("size")
        .map_or(SIZE, |size| size.expose());
    PersistentVolumeClaimSpec {
        access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
        resources: Some(VolumeResourceRequirements {
            requests: Some(BTreeMap::from([(
                "storage".to_owned(),
                Quantity(size.to_owned()),
            )])),
            ..VolumeResourceRequirements::default()
        }),
        storage_class_name: manifests.settings.storage_class.clone(),
        ..PersistentVolumeClaimSpec::default()
    }
}
