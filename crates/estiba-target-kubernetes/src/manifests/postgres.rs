//! A PostgreSQL server for one database of an environment.
//!
//! It runs under the `restricted` Pod Security Standard with any image whose
//! entry point is that of the official one
//! (<https://github.com/docker-library/docs/tree/master/postgres>).

use std::collections::BTreeMap;

use estiba_model::ResourceId;
use estiba_target::ResourceSpec;
use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    Container, EnvVar, EnvVarSource, ExecAction, KeyToPath, PersistentVolumeClaim, PodSpec,
    PodTemplateSpec, Probe, Secret, SecretKeySelector, SecretVolumeSource, Service, ServicePort,
    ServiceSpec, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::containers::security_context;
use super::place::{annotation, label};
use super::{Labels, Manifest, Manifests, Place, pod, probes, volume};

/// Where PostgreSQL listens.
pub const DATABASE_PORT: u16 = 5432;
/// The image of a server that says nothing about it.
const IMAGE: &str = "postgres:15";
/// `postgres` in the official image.
const USER: i64 = 999;
/// How long a migration waits for a server that it can't reach.
const AWAIT_SECONDS: u32 = 30;
const DATA: &str = "/var/lib/postgresql/data";
const SOCKETS: &str = "/var/run/postgresql";
const COMPONENT: &str = "database";
const PASSWORD_KEY: &str = "password";
const ACCOUNTS_KEY: &str = "passwd";
/// PostgreSQL refuses to run as a user without a name. An image may know the
/// user by another number, or not at all.
const ACCOUNTS: &str =
    "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999:PostgreSQL:/var/lib/postgresql:/bin/sh\n";

/// How a database and its owner are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseNames {
    /// The service.
    pub host: String,
    /// The database and the role that owns it.
    pub name: String,
}

impl DatabaseNames {
    /// The names of a database: its server is its own, so that they need to tell
    /// it from no other.
    #[must_use]
    pub fn of(manifests: &Manifests, resource: &ResourceId) -> Self {
        let environment = &manifests.environment;
        let name = format!("{}_{}", environment.project, environment.environment);
        Self {
            host: manifests.place().resource(resource),
            name: name.replace('-', "_"),
        }
    }
}

/// A server that stands already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseServer {
    /// Its service.
    pub host: String,
    /// Its image.
    pub image: String,
}

impl DatabaseServer {
    /// The labels that select all servers of an environment.
    #[must_use]
    pub fn labels(place: &Place) -> Labels {
        let mut labels = place.labels();
        labels.insert(label::COMPONENT.to_owned(), COMPONENT.to_owned());
        labels
    }

    /// Read from a server's own object.
    #[must_use]
    pub fn of(set: &StatefulSet) -> Option<Self> {
        let pod = set.spec.as_ref()?.template.spec.as_ref()?;
        Some(Self {
            host: set.metadata.name.clone()?,
            image: pod.containers.first()?.image.clone()?,
        })
    }
}

/// A container that ends when the servers are found from its pod: a node may know a
/// service later than the server behind it is ready. It does not fail, since the one after
/// it says better what does not work.
pub(super) fn awaiting(servers: &[DatabaseServer], like: &Container) -> Option<Container> {
    let image = servers.first()?.image.clone();
    let hosts: Vec<&str> = servers.iter().map(|it| it.host.as_str()).collect();
    let script = format!(
        "end=$(($(date +%s) + {AWAIT_SECONDS}))\n\
         for host in {}; do\n\
         \x20 until pg_isready -q -t 1 -U postgres -h \"$host\"; do\n\
         \x20   [ \"$(date +%s)\" -lt \"$end\" ] || exit 0\n\
         \x20   sleep 0.2\n\
         \x20 done\n\
         done",
        hosts.join(" ")
    );
    Some(Container {
        name: "await-database".to_owned(),
        image: Some(image),
        command: Some(vec!["sh".to_owned(), "-c".to_owned(), script]),
        resources: like.resources.clone(),
        security_context: like.security_context.clone(),
        ..Container::default()
    })
}

pub(super) fn objects(manifests: &Manifests, resource: &ResourceSpec) -> Vec<Manifest> {
    let server = Server {
        manifests,
        resource,
        names: DatabaseNames::of(manifests, &resource.id),
    };
    vec![server.secret(), server.service(), server.stateful_set()]
}

struct Server<'a> {
    manifests: &'a Manifests,
    resource: &'a ResourceSpec,
    names: DatabaseNames,
}

impl Server<'_> {
    fn metadata(&self) -> ObjectMeta {
        let place = self.manifests.place();
        let mut metadata = place.resource_metadata(&self.resource.id, COMPONENT);
        let fingerprint = self.resource.fingerprint.to_string();
        metadata
            .annotations
            .get_or_insert_default()
            .insert(annotation::FINGERPRINT.to_owned(), fingerprint);
        metadata
    }

    fn selector(&self) -> Labels {
        let mut labels = self.manifests.place().labels();
        labels.insert(label::COMPONENT.to_owned(), COMPONENT.to_owned());
        labels.insert("app.kubernetes.io/name".to_owned(), self.names.host.clone());
        labels
    }

    fn secret(&self) -> Manifest {
        let password = self.resource.credential.expose().as_bytes().to_vec();
        Manifest::of(&Secret {
            metadata: self.metadata(),
            data: Some(BTreeMap::from([
                (PASSWORD_KEY.to_owned(), ByteString(password)),
                (ACCOUNTS_KEY.to_owned(), ByteString(ACCOUNTS.into())),
            ])),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        })
    }

    fn service(&self) -> Manifest {
        Manifest::of(&Service {
            metadata: self.metadata(),
            spec: Some(ServiceSpec {
                ports: Some(vec![ServicePort {
                    name: Some("postgres".to_owned()),
                    port: DATABASE_PORT.into(),
                    target_port: Some(IntOrString::Int(DATABASE_PORT.into())),
                    protocol: Some("TCP".to_owned()),
                    ..ServicePort::default()
                }]),
                selector: Some(self.selector()),
                type_: Some("ClusterIP".to_owned()),
                ..ServiceSpec::default()
            }),
            ..Service::default()
        })
    }

    fn stateful_set(&self) -> Manifest {
        let metadata = self.metadata();
        Manifest::of(&StatefulSet {
            spec: Some(StatefulSetSpec {
                replicas: Some(1),
                service_name: Some(self.names.host.clone()),
                selector: LabelSelector {
                    match_labels: Some(self.selector()),
                    ..LabelSelector::default()
                },
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: metadata.labels.clone(),
                        annotations: metadata.annotations.clone(),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(self.pod()),
                },
                volume_claim_templates: Some(vec![PersistentVolumeClaim {
                    metadata: ObjectMeta {
                        name: Some("data".to_owned()),
                        labels: Some(self.selector()),
                        ..ObjectMeta::default()
                    },
                    spec: Some(volume::claim_spec(self.manifests, self.resource)),
                    ..PersistentVolumeClaim::default()
                }]),
                ..StatefulSetSpec::default()
            }),
            metadata,
            ..StatefulSet::default()
        })
    }

    fn pod(&self) -> PodSpec {
        let group = pod::chooses_user(self.manifests).then_some(USER);
        PodSpec {
            automount_service_account_token: Some(false),
            enable_service_links: Some(false),
            containers: vec![self.container(group)],
            security_context: Some(pod::security_context(group)),
            termination_grace_period_seconds: Some(60),
            volumes: Some(vec![
                pod::empty("tmp"),
                pod::empty("sockets"),
                Volume {
                    name: "accounts".to_owned(),
                    secret: Some(SecretVolumeSource {
                        secret_name: Some(self.names.host.clone()),
                        items: Some(vec![KeyToPath {
                            key: ACCOUNTS_KEY.to_owned(),
                            path: ACCOUNTS_KEY.to_owned(),
                            mode: Some(0o644),
                        }]),
                        ..SecretVolumeSource::default()
                    }),
                    ..Volume::default()
                },
            ]),
            ..PodSpec::default()
        }
    }

    fn container(&self, user: Option<i64>) -> Container {
        let image = self.resource.settings.get("image");
        let image = image.map_or(IMAGE, |image| image.expose());
        let name = &self.names.name;
        let mut mounts = vec![
            mount("data", DATA),
            mount("tmp", "/tmp"),
            mount("sockets", SOCKETS),
        ];
        // Where the cluster chooses the user, the image has to know it.
        if user.is_some() {
            mounts.push(VolumeMount {
                sub_path: Some(ACCOUNTS_KEY.to_owned()),
                read_only: Some(true),
                ..mount("accounts", "/etc/passwd")
            });
        }
        // By TCP, since the server is up without a network while it is set up.
        let ready = Probe {
            exec: Some(ExecAction {
                command: Some(
                    [
                        "pg_isready",
                        "-q",
                        "-h",
                        "127.0.0.1",
                        "-U",
                        name,
                        "-d",
                        name,
                    ]
                    .map(str::to_owned)
                    .into(),
                ),
            }),
            ..Probe::default()
        };
        let probes = probes::with_timing(Some(ready), None);
        Container {
            name: "postgres".to_owned(),
            image: Some(image.to_owned()),
            env: Some(vec![
                plain("POSTGRES_USER", name),
                plain("POSTGRES_DB", name),
                // A folder inside: the volume's own may hold `lost+found`.
                plain("PGDATA", &format!("{DATA}/pgdata")),
                EnvVar {
                    name: "POSTGRES_PASSWORD".to_owned(),
                    value_from: Some(EnvVarSource {
                        secret_key_ref: Some(SecretKeySelector {
                            name: self.names.host.clone(),
                            key: PASSWORD_KEY.to_owned(),
                            optional: None,
                        }),
                        ..EnvVarSource::default()
                    }),
                    ..EnvVar::default()
                },
            ]),
            security_context: Some(security_context(user)),
            startup_probe: probes.startup,
            readiness_probe: probes.readiness,
            volume_mounts: Some(mounts),
            ..Container::default()
        }
    }
}

fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    }
}

fn mount(name: &str, path: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    }
}
