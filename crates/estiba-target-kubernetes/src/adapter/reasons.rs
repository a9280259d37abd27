//! Why an instance does not come up, in words that someone who never saw
//! Kubernetes understands.

use estiba_model::{Message, message};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus};

use super::error::quota;
use super::pods::{CRASH_LOOP, Instance};

/// Ends in a row after which waiting has no sense.
const CRASHES: i32 = 2;
/// What the kernel says of a program for another processor.
const OTHER_PROCESSOR: &str = "exec format error";

/// Why there will be no instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) message: Message,
    /// The container whose log explains it.
    pub(super) log: Option<String>,
    /// The image that can't be pulled; events say why.
    pub(super) image: Option<String>,
    /// It may pass by itself within moments.
    pub(super) may_pass: bool,
}

impl Reason {
    pub(super) fn new(message: Message) -> Self {
        Self {
            message,
            log: None,
            image: None,
            may_pass: false,
        }
    }

    /// The same reason with what the node said when it could not pull the image.
    pub(super) fn with_pull_error(mut self, said: &str) -> Self {
        if let Some(name) = &self.image {
            self.message = image(name, said);
        }
        self
    }

    /// The same reason; its log may tell more than Kubernetes does.
    pub(super) fn informed(mut self, log: &[String]) -> Self {
        if log.iter().any(|line| line.contains(OTHER_PROCESSOR)) {
            self.message = other_processor();
        }
        self
    }
}

/// Why this instance does not get on, where that is sure already.
pub(super) fn of_instance(instance: Instance<'_>) -> Option<Reason> {
    instance.containers().find_map(of_container)
}

fn of_container(container: &ContainerStatus) -> Option<Reason> {
    let name = &container.name;
    let ended = ended(container);
    let waiting = container
        .state
        .as_ref()
        .and_then(|state| state.waiting.as_ref());
    let reason = waiting
        .and_then(|w| w.reason.as_deref())
        .unwrap_or_default();
    let said = waiting
        .and_then(|w| w.message.as_deref())
        .unwrap_or_default();
    if said.contains(OTHER_PROCESSOR)
        || ended.is_some_and(|e| {
            e.message
                .as_deref()
                .is_some_and(|m| m.contains(OTHER_PROCESSOR))
        })
    {
        return Some(Reason::new(other_processor()));
    }
    match reason {
        "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => Some(Reason {
            image: Some(container.image.clone()),
            ..Reason::new(image(&container.image, said))
        }),
        "CreateContainerConfigError" => Some(Reason {
            may_pass: true,
            ..Reason::new(message!(
                "{name}: something that it is configured with is missing: {said}",
                "{name}: falta algo de su configuración: {said}"
            ))
        }),
        "CreateContainerError" | "RunContainerError" => Some(Reason {
            may_pass: true,
            ..Reason::new(not_started(name, said))
        }),
        CRASH_LOOP if container.restart_count >= CRASHES || !could_start(ended) => {
            let ended = ended?;
            Some(Reason {
                message: if could_start(Some(ended)) {
                    crashes(name, ended)
                } else {
                    not_started(name, ended.message.as_deref().unwrap_or_default())
                },
                log: Some(name.clone()),
                image: None,
                may_pass: false,
            })
        }
        _ => None,
    }
}

/// How a container ended at last.
pub(super) fn ended(container: &ContainerStatus) -> Option<&ContainerStateTerminated> {
    let now = container
        .state
        .as_ref()
        .and_then(|state| state.terminated.as_ref());
    let before = || container.last_state.as_ref()?.terminated.as_ref();
    now.or_else(before)
}

fn could_start(ended: Option<&ContainerStateTerminated>) -> bool {
    let reason = ended.and_then(|ended| ended.reason.as_deref());
    !matches!(reason, Some("ContainerCannotRun" | "StartError"))
}

fn crashes(name: &str, ended: &ContainerStateTerminated) -> Message {
    let how = how_it_ended(ended);
    Message {
        en: format!("{name} ends as soon as it starts: {}", how.en),
        es: format!("{name} termina apenas inicia: {}", how.es),
    }
}

/// How a container ended.
pub(super) fn how_it_ended(ended: &ContainerStateTerminated) -> Message {
    let code = ended.exit_code;
    match (ended.reason.as_deref(), code) {
        (Some("OOMKilled"), _) => message!(
            "it wanted more memory than its limit; raise `resources.limits.memory` in the Score file, or let it use less",
            "quiso más memoria que su límite; aumente `resources.limits.memory` en el archivo Score, o haga que use menos"
        ),
        (_, 137) => message!("it was killed (code 137)", "fue eliminado (código 137)"),
        _ => message!("it ended with code {code}", "terminó con código {code}"),
    }
}

fn not_started(name: &str, said: &str) -> Message {
    if said.contains("no such file") || said.contains("not found") {
        return message!(
            "{name}: the image has no such program ({said}): look at `command` in the Score file",
            "{name}: la imagen no tiene ese programa ({said}): revise `command` en el archivo Score"
        );
    }
    message!(
        "{name} can't be started: {said}",
        "{name} no se puede iniciar: {said}"
    )
}

fn other_processor() -> Message {
    message!(
        "the image is for another processor than the cluster's (exec format error): build it for the architecture of the nodes",
        "la imagen es para otro procesador que el del clúster (exec format error): constrúyala para la arquitectura de los nodos"
    )
}

fn image(image: &str, said: &str) -> Message {
    let refused = ["unauthorized", "denied", "no basic auth"];
    let missing = ["not found", "manifest unknown"];
    let lower = said.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    // Alone: digests and ports have the same digits.
    let is = |status: &str| {
        lower
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|it| it == status)
    };
    if has(&refused) || is("401") || is("403") {
        message!(
            "the cluster may not pull {image}: `docker login` to the registry so that Estiba gives it the credentials, or let `pull-secret` of the target name a secret of the namespace that opens it",
            "el clúster no tiene permiso para descargar {image}: haga `docker login` en el registro para que Estiba le dé las credenciales, o haga que `pull-secret` de la plataforma nombre un secreto del namespace que lo abra"
        )
    } else if has(&missing) || is("404") {
        message!(
            "the registry does not have {image}: was it removed there?",
            "el registro no tiene {image}: ¿se la eliminó allí?"
        )
    } else {
        message!(
            "the cluster can't pull {image} ({said}): can its nodes reach the registry?",
            "el clúster no puede descargar {image} ({said}): ¿llegan sus nodos al registro?"
        )
    }
}

/// Why there are no pods at all, where the controller says so.
pub(super) fn of_deployment(deployment: &Deployment) -> Option<Reason> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions
        .iter()
        .find(|condition| condition.type_ == "ReplicaFailure" && condition.status == "True")?;
    Some(of_refused_pod(
        failure.message.as_deref().unwrap_or_default(),
    ))
}

/// Why no pod may be made.
pub(super) fn of_refused_pod(said: &str) -> Reason {
    // Instances that are leaving may make room.
    Reason {
        may_pass: true,
        ..Reason::new(if said.contains("exceeded quota") {
            quota(said)
        } else {
            message!(
                "the cluster refuses the instances: {said}",
                "el clúster rechaza las instancias: {said}"
            )
        })
    }
}

/// Why an instance is not ready when time is up.
pub(super) fn when_late(instance: Instance<'_>, unhealthy: Option<&str>) -> Reason {
    if let Some(("False", said)) = instance.condition("PodScheduled") {
        if said.contains("PersistentVolumeClaim") {
            return Reason::new(message!(
                "the cluster has no volume for it ({said}): name another `storage-class` of the target, or ask whoever runs the cluster for volumes",
                "el clúster no tiene un volumen para ella ({said}): indique otra `storage-class` de la plataforma, o pida volúmenes a quien administra el clúster"
            ));
        }
        return Reason::new(message!(
            "no node of the cluster has room for it ({said}): ask for less memory or CPU, or wait until something else ends",
            "ningún nodo del clúster tiene lugar ({said}): pida menos memoria o CPU, o espere a que termine otra cosa"
        ));
    }
    let waits = instance.containers().find(|container| !container.ready);
    let Some(container) = waits else {
        return Reason::new(message!("it is not ready", "no está lista"));
    };
    let name = &container.name;
    let is_running = container
        .state
        .as_ref()
        .is_some_and(|s| s.running.is_some());
    let log = Some(name.clone());
    let message = match (unhealthy, is_running) {
        (Some(said), _) => {
            // A command that says nothing.
            let said = said.trim_end_matches([' ', ':']);
            message!(
                "{name} runs, but its probe fails: {said}",
                "{name} funciona, pero su sonda falla: {said}"
            )
        }
        (None, true) => message!(
            "{name} runs, but is not ready",
            "{name} funciona, pero no está listo"
        ),
        (None, false) => match ended(container) {
            Some(ended) => crashes(name, ended),
            None => {
                let state = container.state.as_ref().and_then(|s| s.waiting.as_ref());
                let said = state.and_then(|w| w.message.as_deref().or(w.reason.as_deref()));
                let said = said.unwrap_or("…");
                message!(
                    "{name} has not started yet ({said})",
                    "{name} todavía no inició ({said})"
                )
            }
        },
    };
    Reason {
        log,
        ..Reason::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    fn reason(container: Value) -> Option<Reason> {
        let mut container = container;
        container["name"] = "main".into();
        container["image"] = "r/api@sha256:1".into();
        container["imageID"] = "".into();
        container["ready"] = false.into();
        let pod: Pod =
            serde_json::from_value(json!({"status": {"containerStatuses": [container]}})).unwrap();
        of_instance(Instance(&pod))
    }

    #[test]
    fn what_has_no_place_is_told_what_it_lacks() {
        for (said, words) in [
            (
                "0/1 nodes are available: 1 Insufficient memory.",
                "ask for less memory",
            ),
            (
                "0/1 nodes are available: 1 pod has unbound immediate PersistentVolumeClaims.",
                "has no volume",
            ),
        ] {
            let condition = json!({"type": "PodScheduled", "status": "False", "message": said});
            let pod = json!({"status": {"conditions": [condition]}});
            let pod: Pod = serde_json::from_value(pod).unwrap();
            let told = when_late(Instance(&pod), None).message;
            assert!(told.en.contains(words), "{}", told.en);
        }
    }

    #[test]
    fn reasons_are_told_in_plain_words() {
        let waiting = |reason: &str, said: &str| json!({"restartCount": 0, "state": {"waiting": {"reason": reason, "message": said}}});
        for (container, words) in [
            (
                waiting("ImagePullBackOff", "401 Unauthorized"),
                "docker login",
            ),
            (
                waiting("ImagePullBackOff", "manifest unknown"),
                "does not have",
            ),
            (
                waiting("ImagePullBackOff", "connection refused"),
                "reach the registry",
            ),
            (
                waiting(
                    "ImagePullBackOff",
                    "Head \"https://r:40312/v2/sha256:e7dd3d0ea401cb\": EOF",
                ),
                "reach the registry",
            ),
            (
                waiting("CreateContainerConfigError", "secret \"x\" not found"),
                "is missing",
            ),
            (
                json!({
                    "restartCount": 2,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 1, "reason": "OOMKilled"}},
                }),
                "more memory",
            ),
            (
                json!({
                    "restartCount": 3,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {"exitCode": 7, "reason": "Error"}},
                }),
                "code 7",
            ),
            (
                json!({
                    "restartCount": 1,
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                    "lastState": {"terminated": {
                        "exitCode": 127, "reason": "ContainerCannotRun",
                        "message": "exec: \"nope\": executable file not found",
                    }},
                }),
                "no such program",
            ),
        ] {
            let reason = reason(container).unwrap();
            assert!(reason.message.en.contains(words), "{reason:?}");
            assert_ne!(reason.message.en, reason.message.es);
        }
    }

    #[test]
    fn one_crash_is_no_crash_loop() {
        let once = json!({
            "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}},
        });
        assert_eq!(reason(once), None);
        assert_eq!(
            reason(json!({"restartCount": 0, "state": {"running": {}}})),
            None
        );
    }

    #[test]
    fn the_log_can_tell_the_processor() {
        let reason = Reason::new(message!("it ends", "termina"));
        let log = [
            "standard_init_linux.go:211: exec user process caused: exec format error".to_owned(),
        ];
        assert!(
            reason
                .informed(&log)
                .message
                .en
                .contains("another processor")
        );
    }
}
