//! What containers run in.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Digest, Message, Name};
use estiba_target::ContainerSpec;
use k8s_openapi::api::core::v1::{
    EmptyDirVolumeSource, LocalObjectReference, PersistentVolumeClaimVolumeSource,
    PodSecurityContext, PodSpec, SeccompProfile, SecretVolumeSource, Volume,
};

use super::containers::PodContext;
use super::{Manifests, values};
use crate::IngressKind;

/// The user that a container runs as whose image names none: the "nonroot" of
/// distroless images.
pub const NOBODY: i64 = 65_532;
/// The writable folder that every program expects.
pub(super) const TMP: &str = "tmp";
/// Time to end in, of which some is spent waiting for traffic to go elsewhere.
const GRACE_SECONDS: i64 = 30;

/// The pod of `specs`, without what tells a service from a job.
pub(super) fn pod(
    context: &PodContext<'_>,
    specs: &[ContainerSpec],
    service_account: Option<String>,
) -> Result<PodSpec, Message> {
    let manifests = context.manifests;
    let containers = context.containers(specs)?;
    let pull = manifests
        .pull_secret
        .as_ref()
        .map(|name| vec![LocalObjectReference { name: name.clone() }]);
    Ok(PodSpec {
        automount_service_account_token: Some(false),
        // Otherwise every service of the namespace comes as variables, and one
        // named `port` would be among them.
        enable_service_links: Some(false),
        service_account_name: service_account,
        image_pull_secrets: pull,
        init_containers: (!containers.init.is_empty()).then_some(containers.init),
        containers: containers.main,
        security_context: Some(security_context(group(manifests, specs))),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        volumes: Some(volumes(context.secret, specs)),
        ..PodSpec::default()
    })
}

/// Where an image runs as; none where the cluster chooses.
pub(super) fn user(manifests: &Manifests, image: &Digest) -> Option<i64> {
    chooses_user(manifests).then(|| manifests.users.get(image).copied().unwrap_or(NOBODY))
}

/// OpenShift gives each namespace users of its own and refuses all others.
pub(super) fn chooses_user(manifests: &Manifests) -> bool {
    manifests.settings.ingress_kind() != IngressKind::OpenShiftRoute
}

/// The group that files and volumes belong to.
fn group(manifests: &Manifests, specs: &[ContainerSpec]) -> Option<i64> {
    user(manifests, &specs.first()?.image)
}

pub(super) fn security_context(group: Option<i64>) -> PodSecurityContext {
    PodSecurityContext {
        fs_group: group,
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..PodSecurityContext::default()
    }
}

/// An empty folder that goes with the pod.
pub(super) fn empty(name: &str) -> Volume {
    Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    }
}

fn volumes(secret: &str, specs: &[ContainerSpec]) -> Vec<Volume> {
    let files = specs
        .iter()
        .filter(|spec| !spec.files.is_empty())
        .map(|spec| Volume {
            name: files_volume(&spec.name),
            secret: Some(SecretVolumeSource {
                secret_name: Some(secret.to_owned()),
                items: Some(values::file_items(&spec.name, &spec.files)),
                ..SecretVolumeSource::default()
            }),
            ..Volume::default()
        });
    let claims: BTreeMap<&str, Volume> = specs
        .iter()
        .flat_map(|spec| &spec.volumes)
        .map(|volume| (volume.source.as_str(), claim(&volume.source)))
        .collect();
    let scratch = specs.iter().flat_map(|spec| &spec.scratch);
    let scratch: BTreeSet<&str> = scratch.map(|one| one.name.as_str()).collect();
    std::iter::once(empty(TMP))
        .chain(files)
        .chain(scratch.into_iter().map(empty))
        .chain(claims.into_values())
        .collect()
}

fn claim(source: &str) -> Volume {
    Volume {
        name: claim_volume(source),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: source.to_owned(),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The name, inside the pod, of the volume with the files of a container.
pub(super) fn files_volume(container: &Name) -> String {
    format!(
        "files-{}",
        Digest::of(container.as_str().as_bytes()).short()
    )
}

/// The name, inside the pod, of a claim.
pub(super) fn claim_volume(source: &str) -> String {
    format!("data-{}", Digest::of(source.as_bytes()).short())
}
