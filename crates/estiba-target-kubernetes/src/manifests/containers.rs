//! The containers of a pod: which run first, which stay.

use std::collections::BTreeMap;

use estiba_model::{Exposure, InstanceName, Message, Name, Protocol, Ready, Version, message};
use estiba_target::ContainerSpec;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EnvVar, EnvVarSource, Lifecycle, LifecycleHandler,
    ObjectFieldSelector, SecurityContext, SleepAction, VolumeMount,
};

use super::probes::{self, Probes};
use super::quantities::requirements;
use super::{Manifests, pod, values};

/// Time for everyone to learn that an instance is leaving, before it does.
pub(super) const LEAVING_SECONDS: i64 = 5;

/// What the containers of a pod have in common.
pub(super) struct PodContext<'a> {
    pub(super) manifests: &'a Manifests,
    pub(super) workload: &'a Name,
    pub(super) version: &'a Version,
    /// The name of the secret with variables and files.
    pub(super) secret: &'a str,
    pub(super) exposure: &'a Exposure,
    /// The name, where it is known before the pod is there.
    pub(super) instance: Option<&'a InstanceName>,
    /// Whether it gets traffic that has to be led elsewhere before it ends.
    pub(super) serves: bool,
}

/// The containers of a pod, in the order in which they start.
#[derive(Default)]
pub(super) struct Containers {
    pub(super) init: Vec<Container>,
    pub(super) main: Vec<Container>,
}

impl PodContext<'_> {
    /// The containers of `specs`, which are in the order in which they start.
    pub(super) fn containers(&self, specs: &[ContainerSpec]) -> Result<Containers, Message> {
        let has_sidecars = self.manifests.server.has_sidecars();
        let is_probed = specs.iter().any(|spec| spec.readiness.is_some());
        let last = specs
            .iter()
            .rposition(|spec| !completes(spec) && !spec.ships_logs);
        let mut all = Containers::default();
        for (index, spec) in specs.iter().enumerate() {
            let mut probes = probes::probes(
                &spec.name,
                spec.readiness.as_ref(),
                spec.liveness.as_ref(),
                self.exposure,
            )?;
            if !is_probed
                && last == Some(index)
                && let Some((_, port)) = main_port(self.exposure)
            {
                let liveness = probes.liveness.take();
                probes = probes::with_timing(Some(probes::by_port(port)), liveness);
            }
            if spec.ships_logs && has_sidecars {
                // It is there before all others, and ends when they have.
                let mut shipper = self.container(spec, Probes::default());
                shipper.restart_policy = Some("Always".to_owned());
                all.init.insert(0, shipper);
            } else if completes(spec) {
                all.init.push(self.container(spec, Probes::default()));
            } else if !spec.before.is_empty() && has_sidecars {
                let mut sidecar = self.container(spec, probes);
                sidecar.restart_policy = Some("Always".to_owned());
                if !spec.before.values().any(|ready| *ready == Ready::Healthy) {
                    sidecar.startup_probe = None;
                }
                all.init.push(sidecar);
            } else {
                self.check_order(spec, specs)?;
                all.main.push(self.container(spec, probes));
            }
        }
        Ok(all)
    }

    /// Without sidecars of its own kind, Kubernetes starts the containers of a pod
    /// in their order and waits for none.
    fn check_order(&self, spec: &ContainerSpec, specs: &[ContainerSpec]) -> Result<(), Message> {
        let name = &spec.name;
        for (other, ready) in &spec.before {
            let other_completes = specs.iter().any(|s| s.name == *other && completes(s));
            if *ready == Ready::Healthy || other_completes {
                let minor = self.manifests.server.0;
                return Err(message!(
                    "{name} has to be up before {other} starts, which Kubernetes 1.{minor} can't do (1.29 can): use `ready: started` if the order is enough, or let {other} wait by itself",
                    "{name} debe estar funcionando antes de que inicie {other}, y Kubernetes 1.{minor} no puede hacerlo (1.29 sí): use `ready: started` si alcanza con el orden, o haga que {other} espere por sí mismo"
                ));
            }
        }
        Ok(())
    }

    fn container(&self, spec: &ContainerSpec, probes: Probes) -> Container {
        let manifests = self.manifests;
        let words = |words: &[String]| {
            let words: Vec<_> = words.iter().map(|word| literal(word)).collect();
            (!words.is_empty()).then_some(words)
        };
        // Kubernetes refuses a pause for what ends before the others start.
        let stays = !spec.ships_logs && !completes(spec);
        let leaves = self.serves && stays && manifests.server.has_sleep();
        Container {
            name: spec.name.to_string(),
            image: Some(manifests.image(self.workload, &spec.image)),
            command: words(&spec.command),
            args: words(&spec.args),
            env: Some(self.variables(spec)),
            resources: requirements(&spec.limits, &spec.requests),
            security_context: Some(security_context(pod::user(manifests, spec.user_image()))),
            startup_probe: probes.startup,
            readiness_probe: probes.readiness,
            liveness_probe: probes.liveness,
            lifecycle: leaves.then(leaving),
            volume_mounts: Some(mounts(spec)),
            ..Container::default()
        }
    }

    /// Later ones win: the Score file's, Estiba's own.
    fn variables(&self, spec: &ContainerSpec) -> Vec<EnvVar> {
        let mut variables: BTreeMap<String, EnvVar> = spec
            .variables
            .keys()
            .map(|name| {
                let variable = values::variable(self.secret, &spec.name, name);
                (name.clone(), variable)
            })
            .collect();
        let environment = &self.manifests.environment.environment;
        let mut own = vec![
            ("ESTIBA_ENVIRONMENT".to_owned(), environment.to_string()),
            ("ESTIBA_WORKLOAD".to_owned(), self.workload.to_string()),
            ("ESTIBA_VERSION".to_owned(), self.version.to_string()),
        ];
        for (name, port) in &self.exposure.ports {
            let name = name.to_ascii_uppercase().replace('-', "_");
            own.push((format!("PORT_{name}"), port.target_port.to_string()));
        }
        if let Some((_, port)) = main_port(self.exposure) {
            own.push(("PORT".to_owned(), port.to_string()));
        }
        variables.extend(own.into_iter().map(|(name, value)| {
            let variable = EnvVar {
                name: name.clone(),
                value: Some(value),
                ..EnvVar::default()
            };
            (name, variable)
        }));
        let instance = "ESTIBA_INSTANCE".to_owned();
        variables.insert(instance.clone(), self.instance_variable(instance));
        variables.into_values().collect()
    }

    fn instance_variable(&self, name: String) -> EnvVar {
        let own_name = || EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: "metadata.name".to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        };
        EnvVar {
            name,
            value: self.instance.map(ToString::to_string),
            value_from: self.instance.is_none().then(own_name),
        }
    }
}

/// The port that stands for the workload, and is told as `PORT`: the one named
/// `http`, or the first.
pub(super) fn main_port(exposure: &Exposure) -> Option<(&String, u16)> {
    let tcp = || {
        let ports = exposure.ports.iter();
        ports.filter(|(_, port)| port.protocol == Protocol::Tcp)
    };
    tcp()
        .find(|(name, _)| *name == "http")
        .or_else(|| tcp().next())
        .map(|(name, port)| (name, port.target_port))
}

/// A word of a command that stays as it is: Kubernetes replaces `$(NAME)` and
/// takes `$$` for `$`
/// (<https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/>).
pub(super) fn literal(word: &str) -> String {
    let mut escaped = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    while let Some(c) = rest.next() {
        escaped.push(c);
        if c == '$' && matches!(rest.peek(), Some('$' | '(')) {
            escaped.push('$');
        }
    }
    escaped
}

/// What the `restricted` Pod Security Standard asks for, and a root file system
/// that stays as the image has it
/// (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>).
pub(super) fn security_context(user: Option<i64>) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..Capabilities::default()
        }),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        run_as_user: user,
        ..SecurityContext::default()
    }
}

fn completes(spec: &ContainerSpec) -> bool {
    spec.before.values().any(|ready| *ready == Ready::Complete)
}

fn leaving() -> Lifecycle {
    Lifecycle {
        pre_stop: Some(LifecycleHandler {
            sleep: Some(SleepAction {
                seconds: LEAVING_SECONDS,
            }),
            ..LifecycleHandler::default()
        }),
        ..Lifecycle::default()
    }
}

fn mounts(spec: &ContainerSpec) -> Vec<VolumeMount> {
    let volumes = spec.volumes.iter().map(|volume| &volume.target);
    let scratch = spec.scratch.iter().map(|scratch| &scratch.target);
    let has_own_tmp = volumes.chain(scratch).any(|target| target == "/tmp");
    let tmp = (!has_own_tmp).then(|| VolumeMount {
        name: pod::TMP.to_owned(),
        mount_path: "/tmp".to_owned(),
        ..VolumeMount::default()
    });
    let files = spec
        .files
        .iter()
        .enumerate()
        .map(|(index, file)| VolumeMount {
            name: pod::files_volume(&spec.name),
            mount_path: file.path.clone(),
            sub_path: Some(index.to_string()),
            read_only: Some(true),
            ..VolumeMount::default()
        });
    let volumes = spec.volumes.iter().map(|volume| VolumeMount {
        name: pod::claim_volume(&volume.source),
        mount_path: volume.target.clone(),
        sub_path: volume
            .path
            .as_ref()
            .map(|path| path.trim_matches('/').to_owned())
            .filter(|path| !path.is_empty()),
        read_only: volume.read_only.then_some(true),
        ..VolumeMount::default()
    });
    let scratch = spec.scratch.iter().map(|scratch| VolumeMount {
        name: scratch.name.clone(),
        mount_path: scratch.target.clone(),
        read_only: scratch.read_only.then_some(true),
        ..VolumeMount::default()
    });
    let mounts = tmp.into_iter().chain(files).chain(scratch);
    mounts.chain(volumes).collect()
}
