//! The `docker` and `podman` targets: engines that are asked by their own command
//! lines.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tool::{output, unknown_kind, works};
use super::{Foreign, Place};
use crate::behaviour::Need;
use crate::bench::Kit;

/// The image of databases, which this machine's Docker may have.
const DATABASE: &str = "postgres:15";

/// An engine that its own command line reaches.
pub struct Engine {
    name: &'static str,
    /// Started on first use, where the engine has no service of its own.
    service: Option<Arc<Service>>,
}

/// `podman system service` with a configuration, images and a socket of the kit's
/// own.
struct Service {
    folder: TempDir,
    running: Mutex<Option<Child>>,
}

impl Engine {
    pub fn docker() -> Self {
        Self {
            name: "docker",
            service: None,
        }
    }

    pub fn podman() -> Self {
        Self {
            name: "podman",
            service: Some(Arc::new(Service {
                folder: tempfile::tempdir().unwrap(),
                running: Mutex::new(None),
            })),
        }
    }

    fn tool(&self) -> Command {
        match &self.service {
            Some(service) => service.podman(),
            None => Command::new(self.name),
        }
    }

    /// The containers of a project, by what selects them.
    fn containers(&self, project: &Kit, more: &[String]) -> Vec<String> {
        let mut command = self.tool();
        command.args(["ps", "--all", "--quiet", "--no-trunc"]);
        for label in [
            format!("dev.estiba.team={}", project.team),
            format!("dev.estiba.project={}", project.name),
            "dev.estiba.role=instance".to_owned(),
        ]
        .iter()
        .chain(more)
        {
            command.arg("--filter").arg(format!("label={label}"));
        }
        output(&mut command).lines().map(str::to_owned).collect()
    }
}

impl Service {
    fn socket(&self) -> PathBuf {
        self.folder.path().join("podman.sock")
    }

    fn podman(&self) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new("podman");
        command
            .env("CONTAINERS_CONF", folder.join("containers.conf"))
            .env("CONTAINERS_STORAGE_CONF", folder.join("storage.conf"));
        command
    }

    /// A configuration for machines with and without systemd, with either version
    /// of cgroups. It shares no state with another Podman, which `end` would reset.
    fn configure(&self) {
        let folder = self.folder.path().display();
        let runtime = match works(Command::new("runc").arg("--version")) {
            true => "runtime = \"runc\"\n",
            false => "",
        };
        let containers = format!(
            "[containers]\n\
             default_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
             [engine]\n\
             cgroup_manager = \"cgroupfs\"\n\
             events_logger = \"file\"\n\
             exit_command_delay = 10\n\
             lock_type = \"file\"\n\
             tmp_dir = \"{folder}/tmp\"\n\
             {runtime}\
             [network]\n\
             network_config_dir = \"{folder}/networks\"\n"
        );
        let storage = format!(
            "[storage]\n\
             driver = \"overlay\"\n\
             graphroot = \"{folder}/storage\"\n\
             runroot = \"{folder}/run\"\n"
        );
        for (name, text) in [("containers.conf", containers), ("storage.conf", storage)] {
            fs::write(self.folder.path().join(name), text).unwrap();
        }
    }

    fn start(&self) -> PathBuf {
        let socket = self.socket();
        let mut running = self.running.lock().unwrap();
        if running.is_none() {
            self.configure();
            self.copy_database_image();
            let address = format!("unix://{}", socket.display());
            let child = self
                .podman()
                .args(["system", "service", "--time=0", &address])
                // Whoever runs out of memory leaves a file there.
                .current_dir(self.folder.path())
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            *running = Some(child);
            let limit = Instant::now() + Duration::from_secs(30);
            while !socket.exists() && Instant::now() < limit {
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        socket
    }

    /// Takes the image of databases from Docker, where that has it; Podman pulls
    /// it otherwise.
    fn copy_database_image(&self) {
        let archive = self.folder.path().join("database.tar");
        let mut save = Command::new("docker");
        if !works(save.arg("save").arg("--output").arg(&archive).arg(DATABASE)) {
            return;
        }
        output(
            self.podman()
                .args(["load", "--quiet", "--input"])
                .arg(&archive),
        );
        let loaded = format!("localhost/{DATABASE}");
        let known = format!("docker.io/library/{DATABASE}");
        works(self.podman().args(["tag", &loaded, &known]));
        fs::remove_file(archive).unwrap();
    }

    fn end(&self) {
        if let Some(mut child) = self.running.lock().unwrap().take() {
            let _ = child.kill();
            let _ = child.wait();
            works(self.podman().args(["system", "reset", "--force"]));
        }
    }
}

impl Place for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn missing(&self) -> Option<String> {
        if self.service.is_some() && !works(Command::new("podman").arg("--version")) {
            return Some("there is no `podman`".to_owned());
        }
        if let Some(service) = &self.service
            && !service.start().exists()
        {
            return Some("`podman system service` does not start".to_owned());
        }
        let answers = || works(self.tool().args(["info"]));
        let silent = || (!answers()).then(|| format!("`{} info` fails", self.name));
        unknown_kind(self.name).or_else(silent)
    }

    fn lacking(&self) -> Vec<Need> {
        match self.service {
            None => vec![Need::Udp],
            Some(_) => vec![Need::Udp, Need::LogTimes],
        }
    }

    fn target(&self, _: &Kit) -> Value {
        match &self.service {
            None => json!({ "kind": "docker" }),
            Some(service) => {
                json!({ "kind": "podman", "socket": service.socket() })
            }
        }
    }

    fn kill(&self, project: &Kit, environment: &str, instance: &str) {
        let labels = [
            format!("dev.estiba.environment={environment}"),
            format!("dev.estiba.instance={instance}"),
        ];
        let found = self.containers(project, &labels);
        assert!(!found.is_empty(), "no container of {instance}");
        output(self.tool().arg("kill").args(found));
    }

    fn meddle(&self, project: &Kit, environment: &str, workload: &str) {
        // It runs, and nobody reaches it any more.
        let labels = [
            format!("dev.estiba.environment={environment}"),
            format!("dev.estiba.workload={workload}"),
        ];
        for container in self.containers(project, &labels) {
            let format = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
            let networks = output(
                self.tool()
                    .args(["inspect", "--format", format, &container]),
            );
            for network in networks.split_whitespace() {
                output(
                    self.tool()
                        .args(["network", "disconnect", network, &container]),
                );
            }
        }
    }

    fn plant(&self, project: &Kit, environment: &str) -> Box<dyn Foreign> {
        let name = format!("{}-{}-{environment}-foreign", project.team, project.name);
        let image = output(self.tool().args(["images", "--quiet"]));
        let image = image.lines().next().unwrap_or_else(|| panic!("no image"));
        output(self.tool().args(["volume", "create", &name]));
        output(self.tool().args(["network", "create", &name]));
        output(
            self.tool()
                .args(["create", "--name", &name, "--network", &name, image, "true"]),
        );
        Box::new(Planted {
            engine: Self {
                name: self.name,
                service: self.service.clone(),
            },
            name,
        })
    }

    fn inspect(&self, project: &Kit) -> String {
        let containers = self.containers(project, &[]);
        assert!(!containers.is_empty(), "no container of {}", project.team);
        let inspected = output(self.tool().arg("inspect").args(&containers));
        let mut inspected: Value = serde_json::from_str(&inspected).unwrap();
        for container in inspected.as_array_mut().unwrap() {
            // Where an engine has the values of a process.
            container["Config"]["Env"].take();
        }
        let mut text = inspected.to_string();
        let images = ["inspect", "--format", "{{.Image}}"];
        for image in output(self.tool().args(images).args(&containers)).lines() {
            text += &output(self.tool().args(["history", "--no-trunc", image]));
            text += &output(self.tool().args(["image", "inspect", image]));
        }
        for kind in ["volume", "network"] {
            let label = format!("label=dev.estiba.team={}", project.team);
            let list = [kind, "ls", "--quiet", "--filter", &label];
            for name in output(self.tool().args(list)).lines() {
                text += &output(self.tool().args([kind, "inspect", name]));
            }
        }
        text
    }

    fn end(&self) {
        if let Some(service) = &self.service {
            service.end();
        }
    }
}

/// A container, a volume and a network with a name like Estiba's.
struct Planted {
    engine: Engine,
    name: String,
}

impl Planted {
    fn each(&self, verb: &str) -> [Command; 3] {
        ["container", "volume", "network"].map(|kind| {
            let mut command = self.engine.tool();
            command.args([kind, verb, &self.name]);
            command
        })
    }
}

impl Foreign for Planted {
    fn assert_untouched(&mut self) {
        for mut command in self.each("inspect") {
            output(&mut command);
        }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        for mut command in self.each("rm") {
            works(&mut command);
        }
    }
}
