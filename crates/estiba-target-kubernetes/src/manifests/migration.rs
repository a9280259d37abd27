//! A migration as a job that runs once.

use estiba_model::{Exposure, InstanceName, Message};
use estiba_target::TaskSpec;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::containers::PodContext;
use super::place::annotation;
use super::{DatabaseServer, Manifest, Manifests, pod, postgres};

/// The value of the component label of migrations.
pub(super) const MIGRATION: &str = "migration";

pub(super) fn job(
    manifests: &Manifests,
    spec: &TaskSpec,
    servers: &[DatabaseServer],
) -> Result<Manifest, Message> {
    let place = manifests.place();
    let name = place.migration(&spec.workload, &spec.fingerprint);
    let instance: Option<InstanceName> = name.parse().ok();
    let exposure = Exposure::default();
    let context = PodContext {
        manifests,
        workload: &spec.workload,
        version: &spec.version,
        secret: &name,
        exposure: &exposure,
        instance: instance.as_ref(),
        serves: false,
    };
    // A migration ends by itself; it has nothing to probe and nobody to wait for.
    let mut container = spec.container.clone();
    container.before.clear();
    (container.readiness, container.liveness) = (None, None);
    let mut pod = pod::pod(&context, &[container], None)?;
    pod.restart_policy = Some("Never".to_owned());
    if let Some(main) = pod.containers.first() {
        let waits = postgres::awaiting(servers, main);
        pod.init_containers = waits.map(|one| vec![one]).or(pod.init_containers);
    }
    let labels = place.selector(&spec.workload, MIGRATION);
    let labels = place.described(labels, spec.workload.as_str(), Some(&spec.version));
    let mut metadata = place.metadata(name.clone(), &spec.workload, &spec.version);
    metadata.annotations.get_or_insert_default().insert(
        annotation::FINGERPRINT.to_owned(),
        spec.fingerprint.to_string(),
    );
    let annotations = metadata.annotations.clone();
    Ok(Manifest::of(&Job {
        metadata,
        spec: Some(JobSpec {
            // What failed half-way is for a person to look at.
            backoff_limit: Some(0),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations,
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    }))
}
