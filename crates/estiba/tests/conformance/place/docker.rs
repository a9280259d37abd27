//! The `docker` and `podman` targets: engines that are asked by their own command
//! lines.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::tool::{output, unknown_kind, works};
use super::{Foreign, Place};
use crate::behaviour::Need;
use crate::bench::{Kit, eventually};

/// Asks for Podman, which needs a configuration of its own where its defaults of
/// runtime, limits or names do not work.
const PODMAN_VARIABLE: &str = "ESTIBA_TEST_PODMAN";

/// An engine that its own command line reaches.
pub struct Engine {
    name: &'static str,
    /// Started on first use, where the engine has no service of its own.
    service: Option<Service>,
}

/// `podman system service`, on a socket of the kit's own.
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
            service: Some(Service {
                folder: tempfile::tempdir().unwrap(),
                running: Mutex::new(None),
            }),
        }
    }

    fn tool(&self) -> Command {
        Command::new(self.name)
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

    fn start(&self) -> PathBuf {
        let socket = self.socket();
        let mut running = self.running.lock().unwrap();
        if running.is_none() {
            let address = format!("unix://{}", socket.display());
            let child = Command::new("podman")
                .args(["system", "service", "--time=0", &address])
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            *running = Some(child);
            let limit = Duration::from_secs(20);
            eventually("podman's socket", limit, || socket.exists());
        }
        socket
    }
}

impl Place for Engine {
    fn name(&self) -> &'static str {
        self.name
    }

    fn missing(&self) -> Option<String> {
        if self.service.is_some() && std::env::var_os(PODMAN_VARIABLE).is_none() {
            return Some(format!("{PODMAN_VARIABLE} does not ask for it"));
        }
        let answers = || works(self.tool().args(["info"]));
        let silent = || (!answers()).then(|| format!("`{} info` fails", self.name));
        unknown_kind(self.name).or_else(silent)
    }

    fn lacking(&self) -> Vec<Need> {
        vec![Need::Udp, Need::SealedFiles, Need::Shared]
    }

    fn target(&self, _: &Kit) -> Value {
        match &self.service {
            None => json!({ "kind": "docker" }),
            Some(service) => {
                let socket = service.start();
                json!({ "kind": "podman", "socket": socket })
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
            tool: self.name,
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
        let service = self.service.as_ref();
        if let Some(mut child) = service.and_then(|service| service.running.lock().unwrap().take())
        {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A container, a volume and a network with a name like Estiba's.
struct Planted {
    tool: &'static str,
    name: String,
}

impl Planted {
    fn each(&self, verb: &str) -> [Command; 3] {
        ["container", "volume", "network"].map(|kind| {
            let mut command = Command::new(Path::new(self.tool));
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
