//! The engine that dynos run in. What is made has a label with this process in it, so
//! that the next stand-in removes what one that was killed left.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use bollard::container::{AttachContainerResults, LogOutput};
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{ContainerCreateBody, HostConfig, NetworkCreateRequest};
use bollard::query_parameters::{
    AttachContainerOptions, CreateImageOptions, KillContainerOptions, ListContainersOptions,
    ListNetworksOptions, LogsOptions, RemoveContainerOptions, RemoveImageOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures::{Stream, StreamExt};

const LABEL: &str = "dev.estiba.heroku-stand-in";
/// Stand-ins of this process so far.
static STARTED: AtomicU32 = AtomicU32::new(0);
/// Time for an answer, in seconds: a pull is one.
const ANSWER_SECONDS: u64 = 300;

/// Output of a container, piece by piece.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A container to make.
#[derive(Debug, Default)]
pub(crate) struct Making {
    pub(crate) image: String,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) memory_bytes: Option<i64>,
    pub(crate) hosts: Vec<String>,
    pub(crate) tty: bool,
    pub(crate) stdin: bool,
    pub(crate) on_host_network: bool,
    pub(crate) data: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Engine {
    docker: Docker,
    /// What is in the label.
    owner: String,
    pulled: Mutex<Vec<String>>,
}

impl Engine {
    /// Connects, and removes what is left of stand-ins that are gone.
    pub(crate) async fn connect(socket: &Path) -> Result<Self> {
        let path = format!("unix://{}", socket.display());
        let docker = Docker::connect_with_unix(&path, ANSWER_SECONDS, API_DEFAULT_VERSION)?;
        let docker = docker
            .negotiate_version()
            .await
            .context("no engine answers")?;
        let process = std::process::id();
        let since = started(process).unwrap_or_default();
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let engine = Self {
            docker,
            owner: format!("{process}-{since}-{number}"),
            pulled: Mutex::default(),
        };
        engine.remove_where(|owner| !is_alive(owner)).await?;
        Ok(engine)
    }

    /// The network of dynos, on which none reaches another; the address of this machine
    /// there.
    pub(crate) async fn network(&self) -> Result<IpAddr> {
        let options = [("com.docker.network.bridge.enable_icc", "false")];
        let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let name = self.network_name();
        let request = NetworkCreateRequest {
            name: name.clone(),
            driver: Some("bridge".to_owned()),
            options: Some(HashMap::from(options)),
            labels: Some(self.labels()),
            ..NetworkCreateRequest::default()
        };
        self.docker.create_network(request).await?;
        let network = self.docker.inspect_network(&name, None).await?;
        let configs = network
            .ipam
            .and_then(|ipam| ipam.config)
            .unwrap_or_default();
        let gateway = configs.into_iter().find_map(|config| config.gateway);
        Ok(gateway.context("the network has no gateway")?.parse()?)
    }

    fn network_name(&self) -> String {
        format!("estiba-heroku-{}", self.owner)
    }

    fn labels(&self) -> HashMap<String, String> {
        HashMap::from([(LABEL.to_owned(), self.owner.clone())])
    }

    pub(crate) async fn pull(&self, image: &str) -> Result<()> {
        let options = CreateImageOptions {
            from_image: Some(image.to_owned()),
            ..CreateImageOptions::default()
        };
        let mut progress = self.docker.create_image(Some(options), None, None);
        while let Some(step) = progress.next().await {
            step?;
        }
        let mut pulled = self.pulled.lock().unwrap_or_else(PoisonError::into_inner);
        pulled.push(image.to_owned());
        Ok(())
    }

    pub(crate) async fn has_image(&self, image: &str) -> bool {
        self.docker.inspect_image(image).await.is_ok()
    }

    pub(crate) async fn create(&self, making: Making) -> Result<String> {
        let network = if making.on_host_network {
            "host".to_owned()
        } else {
            self.network_name()
        };
        let some = |list: Vec<String>| (!list.is_empty()).then_some(list);
        let tmp = ("/tmp".to_owned(), "rw,nosuid,nodev,mode=1777".to_owned());
        let data = making.data.map(|path| (path.to_owned(), "rw".to_owned()));
        let host = HostConfig {
            network_mode: Some(network),
            memory: making.memory_bytes,
            // Heroku ends a dyno at twice its memory; here the rest is swap.
            memory_swap: making.memory_bytes.map(|bytes| bytes * 2),
            cap_drop: making.user.is_some().then(|| vec!["ALL".to_owned()]),
            extra_hosts: some(making.hosts),
            tmpfs: Some([tmp].into_iter().chain(data).collect()),
            ..HostConfig::default()
        };
        let body = ContainerCreateBody {
            image: Some(making.image),
            entrypoint: some(making.entrypoint),
            cmd: some(making.cmd),
            env: Some(making.env),
            user: making.user,
            tty: Some(making.tty),
            open_stdin: Some(making.stdin),
            stdin_once: Some(making.stdin),
            labels: Some(self.labels()),
            host_config: Some(host),
            ..ContainerCreateBody::default()
        };
        Ok(self.docker.create_container(None, body).await?.id)
    }

    pub(crate) async fn start(&self, container: &str) -> Result<()> {
        Ok(self.docker.start_container(container, None).await?)
    }

    /// The address of a dyno's container.
    pub(crate) async fn address(&self, container: &str) -> Result<IpAddr> {
        let inspected = self.docker.inspect_container(container, None).await?;
        let settings = inspected.network_settings.and_then(|one| one.networks);
        let mut networks = settings.into_iter().flatten();
        let address = networks.find_map(|(_, one)| one.ip_address.filter(|one| !one.is_empty()));
        Ok(address.context("the container has no address")?.parse()?)
    }

    /// Waits until a container has ended; how.
    pub(crate) async fn ended(&self, container: &str) -> Result<i64> {
        match self.docker.wait_container(container, None).next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // That is how a code other than 0 is told.
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(error.into()),
            None => bail!("the engine does not say how {container} ended"),
        }
    }

    /// All that a container writes, to its end.
    pub(crate) fn output(&self, container: &str) -> Pieces {
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            ..LogsOptions::default()
        };
        Box::pin(self.docker.logs(container, Some(options)))
    }

    pub(crate) async fn attach(&self, container: &str) -> Result<AttachContainerResults> {
        let options = AttachContainerOptions {
            stream: true,
            stdin: true,
            stdout: true,
            stderr: true,
            ..AttachContainerOptions::default()
        };
        Ok(self
            .docker
            .attach_container(container, Some(options))
            .await?)
    }

    /// A signal to a container, if it still runs.
    pub(crate) async fn signal(&self, container: &str, signal: &str) {
        let options = KillContainerOptions {
            signal: signal.to_owned(),
        };
        // What has ended meanwhile needs none.
        let _ = self.docker.kill_container(container, Some(options)).await;
    }

    pub(crate) async fn remove(&self, container: &str) {
        let options = RemoveContainerOptions {
            force: true,
            v: true,
            ..RemoveContainerOptions::default()
        };
        // What is left is removed at the end, and by the next stand-in.
        let _ = self.docker.remove_container(container, Some(options)).await;
    }

    /// What a command in a container writes; an error where it fails.
    pub(crate) async fn execute(&self, container: &str, command: &[&str]) -> Result<String> {
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..CreateExecOptions::default()
        };
        let made = self.docker.create_exec(container, options).await?;
        let started = self
            .docker
            .start_exec(&made.id, None::<StartExecOptions>)
            .await?;
        let mut written = String::new();
        if let StartExecResults::Attached { mut output, .. } = started {
            while let Some(piece) = output.next().await {
                written += &piece?.to_string();
            }
        }
        match self.docker.inspect_exec(&made.id).await?.exit_code {
            Some(0) => Ok(written),
            code => bail!("{} ended with {code:?}: {}", command[0], written.trim()),
        }
    }

    /// Removes all that it made.
    pub(crate) async fn end(&self) -> Result<()> {
        self.remove_where(|owner| owner == self.owner).await?;
        let pulled =
            std::mem::take(&mut *self.pulled.lock().unwrap_or_else(PoisonError::into_inner));
        for image in pulled {
            // Another stand-in may use the same.
            let options = None::<RemoveImageOptions>;
            let _ = self.docker.remove_image(&image, options, None).await;
        }
        Ok(())
    }

    async fn remove_where(&self, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        let filters = HashMap::from([("label".to_owned(), vec![LABEL.to_owned()])]);
        let networks = ListNetworksOptions {
            filters: Some(filters.clone()),
        };
        let options = ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..ListContainersOptions::default()
        };
        for found in self.docker.list_containers(Some(options)).await? {
            let owner = found.labels.as_ref().and_then(|labels| labels.get(LABEL));
            if let (Some(id), Some(owner)) = (&found.id, owner)
                && unwanted(owner)
            {
                self.remove(id).await;
            }
        }
        for found in self.docker.list_networks(Some(networks)).await? {
            let owner = found.labels.as_ref().and_then(|labels| labels.get(LABEL));
            if let (Some(id), Some(owner)) = (&found.id, owner)
                && unwanted(owner)
            {
                // Another stand-in may remove it just now.
                let _ = self.docker.remove_network(id).await;
            }
        }
        Ok(())
    }
}

/// When a process started, in ticks since the machine did.
fn started(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program may have spaces; it ends with the last parenthesis.
    let after = stat.rsplit_once(") ")?.1;
    after.split(' ').nth(19).map(str::to_owned)
}

/// Whether the process of a label still runs.
fn is_alive(owner: &str) -> bool {
    let mut parts = owner.split('-');
    let process = parts.next().and_then(|process| process.parse().ok());
    process.is_some_and(|process| started(process).as_deref() == parts.next())
}
