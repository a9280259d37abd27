//! Variables and files of containers, which go into a `Secret`: any of them can
//! hold one.

use std::collections::BTreeMap;

use estiba_model::{Fingerprint, Name, SecretString};
use estiba_target::{ContainerSpec, FileSpec, TaskSpec, WorkloadSpec};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, KeyToPath, Secret, SecretKeySelector};

use super::place::annotation;
use super::{Manifest, Manifests};

/// The key of the texts that must not reach a log, as a JSON list.
pub const REDACTED_KEY: &str = "estiba.redact";

/// Permission bits of a file without any.
const FILE_MODE: u32 = 0o644;

pub(super) fn of_workload(manifests: &Manifests, spec: &WorkloadSpec) -> Manifest {
    let name = manifests.place().values(&spec.workload, &spec.fingerprint);
    secret(
        manifests,
        Owner {
            name,
            workload: &spec.workload,
            version: &spec.version,
            fingerprint: &spec.fingerprint,
        },
        &spec.containers,
        &spec.secrets,
    )
}

pub(super) fn of_migration(manifests: &Manifests, spec: &TaskSpec) -> Manifest {
    let name = manifests
        .place()
        .migration(&spec.workload, &spec.fingerprint);
    secret(
        manifests,
        Owner {
            name,
            workload: &spec.workload,
            version: &spec.version,
            fingerprint: &spec.fingerprint,
        },
        std::slice::from_ref(&spec.container),
        &spec.secrets,
    )
}

struct Owner<'a> {
    name: String,
    workload: &'a Name,
    version: &'a estiba_model::Version,
    fingerprint: &'a Fingerprint,
}

fn secret(
    manifests: &Manifests,
    owner: Owner<'_>,
    containers: &[ContainerSpec],
    secrets: &[SecretString],
) -> Manifest {
    let mut data = BTreeMap::new();
    for container in containers {
        for (variable, value) in &container.variables {
            let value = value.expose().as_bytes().to_vec();
            data.insert(variable_key(&container.name, variable), ByteString(value));
        }
        for (index, file) in container.files.iter().enumerate() {
            let content = file.content.0.clone();
            data.insert(file_key(&container.name, index), ByteString(content));
        }
    }
    let texts: Vec<&str> = secrets.iter().map(SecretString::expose).collect();
    let texts = serde_json::to_vec(&texts).unwrap_or_default();
    data.insert(REDACTED_KEY.to_owned(), ByteString(texts));
    let mut metadata = manifests
        .place()
        .metadata(owner.name, owner.workload, owner.version);
    metadata.annotations.get_or_insert_default().insert(
        annotation::FINGERPRINT.to_owned(),
        owner.fingerprint.to_string(),
    );
    Manifest::of(&Secret {
        metadata,
        data: Some(data),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    })
}

/// A variable whose value is in the secret.
pub(super) fn variable(secret: &str, container: &Name, name: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: secret.to_owned(),
                key: variable_key(container, name),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// The files of a container as items of a volume.
pub(super) fn file_items(container: &Name, files: &[FileSpec]) -> Vec<KeyToPath> {
    files
        .iter()
        .enumerate()
        .map(|(index, file)| KeyToPath {
            key: file_key(container, index),
            path: index.to_string(),
            mode: Some(i32::try_from(file.mode.unwrap_or(FILE_MODE)).unwrap_or(0o644)),
        })
        .collect()
}

fn variable_key(container: &Name, variable: &str) -> String {
    format!("{container}.{variable}")
}

/// Two dots, which no variable's name begins with.
fn file_key(container: &Name, index: usize) -> String {
    format!("{container}.file.{index}")
}
