//! A database: a container of PostgreSQL's own image and a volume, for one
//! resource alone.

mod address;
mod data;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, ContainerState, EndpointIpamConfig, EndpointSettings, HostConfig, Mount,
    MountType, NetworkingConfig, RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, CreateImageOptions};
use estiba_host::{HostError, short_hash};
use estiba_model::{EnvironmentId, ResourceId, SecretString, message};
use estiba_target::{Outputs, Progress, ResourceSpec, TargetError};
use futures::StreamExt;
use tokio::time::{Instant, sleep};

use crate::container::bounded_log;
use crate::engine::{Engine, is_name_taken};
use crate::exec::{self, Streams};
use crate::instance::CRASHING_AFTER;
use crate::labels::Labels;
use crate::network::{self, Object, foreign};
use crate::{logs, volumes};

pub(crate) use address::hosts;

/// The image where the settings name none.
const IMAGE: &str = "postgres:15";
const PORT: u16 = 5432;
/// The name of the database and of its owner: they are alone on their server.
const NAME: &str = "app";
/// The server's own user, who comes in by the server's socket alone.
const ADMIN: &str = "postgres";
/// Time for a server to accept connections, also after a crash.
const LIMIT: Duration = Duration::from_secs(120);
const ASK_EVERY: Duration = Duration::from_millis(200);
const DATA: &str = "/var/lib/postgresql/data";
/// What the image's entry point needs, as root, to give the data to the user
/// that the server then runs as.
const OF_ENTRYPOINT: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];
/// Lines of a server's log that explain why it does not run.
const EXPLAINING_LINES: usize = 20;

/// The database of one resource.
pub(crate) struct Database<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) environment: EnvironmentId,
    /// Of the container and of the volume.
    pub(crate) name: String,
    /// Its name on the environment's network.
    pub(crate) host: String,
}

/// The name of a database on its environment's network.
pub(crate) fn host(resource: &ResourceId) -> String {
    format!("db-{}", short_hash(&resource.0))
}

impl Database<'_> {
    /// What it gives to its users.
    pub(crate) fn outputs(&self, resource: &ResourceSpec) -> Outputs {
        Outputs::from(
            [
                ("host", self.host.clone()),
                ("port", PORT.to_string()),
                ("name", NAME.to_owned()),
                ("database", NAME.to_owned()),
                ("username", NAME.to_owned()),
                ("password", resource.credential.expose().to_owned()),
            ]
            .map(|(key, value)| (key.to_owned(), SecretString::new(value))),
        )
    }

    /// Makes it where it is missing and waits until it accepts connections.
    pub(crate) async fn ensure(
        &self,
        resource: &ResourceSpec,
        labels: Labels,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        volumes::ensure(self.engine, &self.name, labels.clone()).await?;
        let image = resource.settings.get("image");
        let image = image.map_or(IMAGE, |image| image.expose());
        if let Some(found) = self.engine.inspect(&self.name).await? {
            let config = found.config.unwrap_or_default();
            let found_labels = config.labels.unwrap_or_default();
            if !crate::labels::has_all(&found_labels, &labels) {
                return Err(foreign(Object::Container, &self.name).into());
            }
            let is_same = config.image.is_some_and(|of| of.ends_with(image));
            if !is_same {
                self.engine.remove(&self.name).await?;
            }
        }
        if self.engine.inspect(&self.name).await?.is_none() {
            self.pull(image, progress).await?;
            self.make(image, labels).await?;
        }
        self.engine.start(&self.name).await?;
        self.await_connections().await?;
        Ok(self.give_to_owner(&resource.credential).await?)
    }

    async fn pull(&self, image: &str, progress: &dyn Progress) -> Result<(), HostError> {
        let api = self.engine.api().await?;
        if api.inspect_image(image).await.is_ok() {
            return Ok(());
        }
        progress.line(image);
        let options = CreateImageOptions {
            from_image: Some(image.to_owned()),
            ..CreateImageOptions::default()
        };
        let mut pulling = Box::pin(api.create_image(Some(options), None, None));
        while let Some(step) = pulling.next().await {
            step.map_err(|error| self.engine.failed(error))?;
        }
        Ok(())
    }

    async fn make(&self, image: &str, mut labels: Labels) -> Result<(), HostError> {
        let address = address::choose(self.engine, &self.environment).await?;
        if let Some(address) = address {
            address::write(&mut labels, address);
        }
        let body = self.body(image, labels, address);
        let options = CreateContainerOptions {
            name: Some(self.name.clone()),
            ..CreateContainerOptions::default()
        };
        let made = self
            .engine
            .api()
            .await?
            .create_container(Some(options), body);
        match made.await {
            // Somebody else was faster.
            Err(error) if is_name_taken(&error) => Ok(()),
            other => other.map(drop).map_err(|error| self.engine.failed(error)),
        }
    }

    fn body(&self, image: &str, labels: Labels, address: Option<Ipv4Addr>) -> ContainerCreateBody {
        // Of the server's own user, who needs none at the socket: nobody keeps it.
        let password: u128 = rand::random();
        let data = Mount {
            typ: Some(MountType::VOLUME),
            source: Some(self.name.clone()),
            target: Some(DATA.to_owned()),
            ..Mount::default()
        };
        let network = network::name(&self.environment);
        let writable = "rw,nosuid,nodev,mode=1777,size=64m".to_owned();
        let endpoint = EndpointSettings {
            aliases: Some(vec![self.host.clone()]),
            ipam_config: address.map(|address| EndpointIpamConfig {
                ipv4_address: Some(address.to_string()),
                ..EndpointIpamConfig::default()
            }),
            ..EndpointSettings::default()
        };
        ContainerCreateBody {
            image: Some(image.to_owned()),
            hostname: Some(self.host.clone()),
            env: Some(vec![
                format!("POSTGRES_USER={ADMIN}"),
                format!("POSTGRES_DB={NAME}"),
                format!("POSTGRES_PASSWORD={password:032x}"),
                // Below the mount point, which may have a lost+found.
                format!("PGDATA={DATA}/pgdata"),
            ]),
            labels: Some(labels),
            host_config: Some(HostConfig {
                mounts: Some(vec![data]),
                network_mode: Some(network.clone()),
                cap_drop: Some(vec!["ALL".to_owned()]),
                cap_add: Some(OF_ENTRYPOINT.map(str::to_owned).to_vec()),
                security_opt: Some(vec!["no-new-privileges".to_owned()]),
                readonly_rootfs: Some(true),
                tmpfs: Some(HashMap::from(
                    ["/tmp", "/var/run/postgresql"].map(|path| (path.to_owned(), writable.clone())),
                )),
                shm_size: Some(128 << 20),
                restart_policy: Some(RestartPolicy {
                    name: Some(RestartPolicyNameEnum::ALWAYS),
                    maximum_retry_count: None,
                }),
                log_config: Some(bounded_log()),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network, endpoint)])),
            }),
            ..ContainerCreateBody::default()
        }
    }

    async fn await_connections(&self) -> Result<(), TargetError> {
        let deadline = Instant::now() + LIMIT;
        // While it makes its data it listens on its socket alone.
        let ask = [
            "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            ADMIN,
            "-d",
            NAME,
        ];
        let ask = ask.map(str::to_owned);
        let (_, begun) = self.state().await?;
        loop {
            let answer = exec::run(self.engine, &self.name, &ask, Streams::default()).await;
            if matches!(answer, Ok(0)) {
                return Ok(());
            }
            let (state, restarts) = self.state().await?;
            let name = &self.name;
            let why = if restarts >= begun.saturating_add(CRASHING_AFTER) || has_ended(&state) {
                let code = state.exit_code.unwrap_or_default();
                message!(
                    "the database {name} ends as soon as it starts, with code {code}",
                    "la base de datos {name} termina apenas inicia, con código {code}"
                )
            } else if Instant::now() >= deadline {
                let seconds = LIMIT.as_secs();
                message!(
                    "the database {name} accepts no connections after {seconds} s",
                    "la base de datos {name} no acepta conexiones después de {seconds} s"
                )
            } else {
                sleep(ASK_EVERY).await;
                continue;
            };
            let lines = logs::last_of_container(self.engine, name, EXPLAINING_LINES).await?;
            return Err(TargetError::new(why).with_log(lines));
        }
    }

    /// How its container is, and how often it was started again.
    async fn state(&self) -> Result<(ContainerState, u32), HostError> {
        let found = self.engine.inspect(&self.name).await?.unwrap_or_default();
        let restarts = found
            .restart_count
            .and_then(|count| u32::try_from(count).ok());
        Ok((
            found.state.unwrap_or_default(),
            restarts.unwrap_or_default(),
        ))
    }
}

/// It runs no more, and nobody starts it again.
fn has_ended(state: &ContainerState) -> bool {
    state.running != Some(true) && state.restarting != Some(true)
}
