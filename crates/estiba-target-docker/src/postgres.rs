//! A database: a container of PostgreSQL's own image and a volume, for one
//! resource alone.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, Mount, MountType, NetworkingConfig,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::{CreateContainerOptions, CreateImageOptions};
use estiba_host::HostError;
use estiba_model::{EnvironmentId, SecretString, message};
use estiba_target::{Outputs, Progress, ResourceSpec};
use futures::{StreamExt, stream};
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::time::{Instant, sleep};

use crate::container::bounded_log;
use crate::engine::{Engine, is_name_taken};
use crate::exec::{self, Input, Output, Streams};
use crate::labels::Labels;
use crate::network::{self, foreign};
use crate::volumes;

/// The image where the settings name none.
const IMAGE: &str = "postgres:15";
const PORT: u16 = 5432;
/// The name of the database and of its user: they are alone on their server.
const NAME: &str = "app";
/// Time for a server to accept connections, also after a crash.
const LIMIT: Duration = Duration::from_secs(120);
const ASK_EVERY: Duration = Duration::from_millis(200);
const DATA: &str = "/var/lib/postgresql/data";
/// What the image's entry point needs, as root, to give the data to the user
/// that the server then runs as.
const OF_ENTRYPOINT: [&str; 5] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"];
/// Pieces of a backup on their way.
const PIECE_BYTES: usize = 64 << 10;
/// What a failing tool says is kept up to so many lines.
const SAID_LINES: usize = 3;

/// The database of one resource.
pub(crate) struct Database<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) environment: EnvironmentId,
    /// Of the container and of the volume.
    pub(crate) name: String,
    /// Its name on the environment's network.
    pub(crate) host: String,
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
    ) -> Result<(), HostError> {
        volumes::ensure(self.engine, &self.name, labels.clone()).await?;
        let image = resource.settings.get("image");
        let image = image.map_or(IMAGE, |image| image.expose());
        if let Some(found) = self.engine.inspect(&self.name).await? {
            let config = found.config.unwrap_or_default();
            let found_labels = config.labels.unwrap_or_default();
            if !crate::labels::has_all(&found_labels, &labels) {
                return Err(foreign("container", &self.name));
            }
            let is_same = config.image.is_some_and(|of| of.ends_with(image));
            if !is_same {
                self.engine.remove(&self.name).await?;
            }
        }
        if self.engine.inspect(&self.name).await?.is_none() {
            self.pull(image, progress).await?;
            self.make(image, resource, labels).await?;
        }
        self.engine.start(&self.name).await?;
        self.await_connections().await
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

    async fn make(
        &self,
        image: &str,
        resource: &ResourceSpec,
        labels: Labels,
    ) -> Result<(), HostError> {
        let password = resource.credential.expose();
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
            ..EndpointSettings::default()
        };
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            hostname: Some(self.host.clone()),
            env: Some(vec![
                format!("POSTGRES_USER={NAME}"),
                format!("POSTGRES_DB={NAME}"),
                format!("POSTGRES_PASSWORD={password}"),
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
                    name: Some(RestartPolicyNameEnum::UNLESS_STOPPED),
                    maximum_retry_count: None,
                }),
                log_config: Some(bounded_log()),
                ..HostConfig::default()
            }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network, endpoint)])),
            }),
            ..ContainerCreateBody::default()
        };
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

    async fn await_connections(&self) -> Result<(), HostError> {
        let deadline = Instant::now() + LIMIT;
        // While it makes its data it listens on its socket alone.
        let ask = command(&[
            "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            NAME,
            "-d",
            NAME,
        ]);
        loop {
            let answer = exec::run(self.engine, &self.name, &ask, Streams::default()).await;
            if matches!(answer, Ok(0)) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let (name, seconds) = (&self.name, LIMIT.as_secs());
                return Err(HostError::Told(message!(
                    "the database {name} accepts no connections after {seconds} s; `docker logs {name}` says why",
                    "la base de datos {name} no acepta conexiones después de {seconds} s; `docker logs {name}` dice por qué"
                )));
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// Writes a dump beside `to` and gives it its name when it is whole.
    pub(crate) async fn backup(&self, to: &Path) -> Result<(), HostError> {
        let unfinished = to.with_extension("unfinished");
        let file = File::create(&unfinished)
            .await
            .map_err(HostError::at(&unfinished))?;
        let dump = command(&["pg_dump", "--format", "custom", "-U", NAME, "-d", NAME]);
        let dumped = self.tool(&dump, None, Some(Box::new(file))).await;
        if let Err(error) = dumped {
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
        std::fs::rename(&unfinished, to).map_err(HostError::at(to))
    }

    /// Restores a dump in one transaction.
    pub(crate) async fn restore(&self, from: &Path) -> Result<(), HostError> {
        let file = File::open(from).await.map_err(HostError::at(from))?;
        let pieces = stream::unfold(file, |mut file| async {
            let mut piece = vec![0; PIECE_BYTES];
            match file.read(&mut piece).await {
                Ok(0) => None,
                Ok(length) => {
                    piece.truncate(length);
                    Some((Ok(piece), file))
                }
                Err(error) => Some((Err(error), file)),
            }
        });
        let restore = command(&[
            "pg_restore",
            "--single-transaction",
            "--exit-on-error",
            "--clean",
            "--if-exists",
            "--no-owner",
            "--no-privileges",
            "-U",
            NAME,
            "-d",
            NAME,
        ]);
        self.tool(&restore, Some(Box::pin(pieces)), None).await
    }

    /// Runs one of PostgreSQL's tools in the container, over the server's own
    /// socket, which asks for no password.
    async fn tool(
        &self,
        command: &[String],
        stdin: Option<Input>,
        stdout: Option<Output<'_>>,
    ) -> Result<(), HostError> {
        let mut said = Vec::new();
        let streams = Streams {
            stdin,
            stdout,
            stderr: Some(Box::new(&mut said)),
        };
        let code = exec::run(self.engine, &self.name, command, streams).await?;
        if code == 0 {
            return Ok(());
        }
        let tool = command.first().map_or("", String::as_str);
        let said = String::from_utf8_lossy(&said);
        let said: Vec<&str> = said.lines().take(SAID_LINES).collect();
        let said = said.join(" ");
        Err(HostError::Told(message!(
            "{tool} failed: {said}",
            "{tool} falló: {said}"
        )))
    }
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
