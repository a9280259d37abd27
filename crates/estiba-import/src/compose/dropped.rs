//! Keys of services that have no counterpart: why, and what to do.

use estiba_model::{Message, message};

use crate::node::Node;
use crate::report::Report;

/// Tells that a key of a service was not carried over.
pub(super) fn field(key: &str, node: &Node<'_>, report: &mut Report) {
    if key.starts_with("x-") || is_default(key, node) {
        return;
    }
    match reason(key) {
        Some((why, hint)) => report.dropped(node.key_place(), key, &why, hint),
        None => unknown(node, key, report),
    }
}

/// Tells that a key is none that an import knows.
pub(super) fn unknown(node: &Node<'_>, key: &str, report: &mut Report) {
    report.dropped(
        node.key_place(),
        key,
        &message!("it is not known here", "no se conoce aquí"),
        message!(
            "if it matters, look for it in the Score specification",
            "si importa, búsquelo en la especificación de Score"
        ),
    );
}

/// Tells that a file for an environment changes more than values.
pub(super) fn differs(node: &Node<'_>, key: &str, environment: &str, report: &mut Report) {
    report.dropped(
        node.key_place(),
        key,
        &message!(
            "only values and replicas differ between environments, and this is for {environment}",
            "solo los valores y las copias difieren entre ambientes, y esto es para {environment}"
        ),
        message!(
            "make it the same everywhere, or have the program read a value and decide",
            "déjelo igual en todos, o haga que el programa lea un valor y decida"
        ),
    );
}

/// Whether the key says what holds anyway.
fn is_default(key: &str, node: &Node<'_>) -> bool {
    let text = node.scalar().unwrap_or_default();
    match key {
        "restart" => matches!(text.as_str(), "always" | "unless-stopped" | "on-failure"),
        "privileged" | "stdin_open" | "tty" | "read_only" => text == "false",
        "pull_policy" | "platform" | "annotations" => true,
        _ => false,
    }
}

fn reason(key: &str) -> Option<(Message, Message)> {
    let inside = message!(
        "put it into the image, with the Dockerfile",
        "póngalo en la imagen, con el Dockerfile"
    );
    let nothing = message!("nothing needs to be done", "no hace falta hacer nada");
    let target = message!(
        "do without it, or run this service outside Estiba",
        "prescinda de ello, o ejecute este servicio fuera de Estiba"
    );
    let reason = match key {
        "restart" => (
            message!(
                "what ends is always started again",
                "lo que termina siempre se vuelve a iniciar"
            ),
            message!(
                "for what runs once, use the annotation estiba.dev/migration or `estiba exec`",
                "para lo que se ejecuta una vez, use la anotación estiba.dev/migration o `estiba exec`"
            ),
        ),
        "privileged"
        | "cap_add"
        | "devices"
        | "security_opt"
        | "userns_mode"
        | "pid"
        | "ipc"
        | "cgroup"
        | "cgroup_parent"
        | "device_cgroup_rules"
        | "gpus" => (
            message!(
                "a workload gets no rights over the machine",
                "un componente no recibe permisos sobre la máquina"
            ),
            target,
        ),
        "cap_drop" | "read_only" => (
            message!(
                "the target decides with which rights a workload runs",
                "la plataforma decide con qué permisos corre un componente"
            ),
            nothing,
        ),
        "network_mode" | "mac_address" | "extra_hosts" | "dns" | "dns_search" | "dns_opt" => (
            message!(
                "the target gives a workload its network",
                "la plataforma da la red a un componente"
            ),
            message!(
                "refer to other workloads through a resource of type service-port",
                "refiérase a otros componentes con un recurso de tipo service-port"
            ),
        ),
        "user" | "group_add" | "working_dir" => (
            message!(
                "Score has no word for it: it comes from the image",
                "Score no tiene palabra para esto: viene de la imagen"
            ),
            inside,
        ),
        "tmpfs" | "shm_size" => (
            message!(
                "Score has no memory file systems",
                "Score no tiene sistemas de archivos en memoria"
            ),
            message!(
                "use /tmp, or a resource of type volume",
                "use /tmp, o un recurso de tipo volume"
            ),
        ),
        "profiles" => (
            message!(
                "all workloads of a project are deployed",
                "se despliegan todos los componentes de un proyecto"
            ),
            message!(
                "remove the workload from estiba.yaml if it is not meant to run",
                "quite el componente de estiba.yaml si no debe correr"
            ),
        ),
        "labels" | "deploy.labels" => (
            message!("nothing reads it", "nadie lo lee"),
            message!(
                "if a proxy read it, declare a resource of type route instead",
                "si lo leía un proxy, declare en su lugar un recurso de tipo route"
            ),
        ),
        "logging" => (
            message!(
                "what a workload writes is kept by Estiba",
                "lo que escribe un componente lo guarda Estiba"
            ),
            message!("see `estiba logs`", "vea `estiba logs`"),
        ),
        "stdin_open" | "tty" | "attach" | "develop" => (
            message!(
                "it is for work at a terminal",
                "es para trabajar en una terminal"
            ),
            message!("use `estiba exec`", "use `estiba exec`"),
        ),
        "stop_grace_period" | "stop_signal" | "init" | "ulimits" | "sysctls" | "oom_score_adj"
        | "oom_kill_disable" | "pids_limit" | "cpu_shares" | "cpuset" | "memswap_limit"
        | "blkio_config" | "storage_opt" | "runtime" | "isolation" | "domainname" => (
            message!(
                "Score has no word for it, and the target's own way holds",
                "Score no tiene palabra para esto, y vale lo propio de la plataforma"
            ),
            message!(
                "see that the program does well without it",
                "compruebe que el programa funcione sin ello"
            ),
        ),
        "deploy.placement" | "deploy.endpoint_mode" => (
            message!(
                "estiba.yaml says where a workload runs",
                "estiba.yaml dice dónde corre un componente"
            ),
            message!("see `on` of the environment", "vea `on` del ambiente"),
        ),
        _ => return None,
    };
    Some(reason)
}
