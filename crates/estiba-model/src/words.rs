//! How people say what a step does and how things are.

use crate::{Cause, DeploymentState, InstanceState, Message, Step, message};

impl Step {
    /// What it does, as one line.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Provision { resource, target } => message!(
                "provide {resource} on {target}",
                "proveer {resource} en {target}"
            ),
            Self::Fetch {
                workload,
                image,
                target,
            } => {
                let image = image.short();
                message!(
                    "bring image {image} of {workload} to {target}",
                    "llevar la imagen {image} de {workload} a {target}"
                )
            }
            Self::Empty { resource, .. } => message!("empty {resource}", "vaciar {resource}"),
            Self::PutBack { resource, .. } => message!(
                "put back what was in {resource}",
                "reponer lo que había en {resource}"
            ),
            Self::Migrate { workload, .. } => {
                message!("migrate {workload}", "migrar {workload}")
            }
            Self::Start { instance, .. } => message!("start {instance}", "iniciar {instance}"),
            Self::Await { instance, .. } => message!(
                "wait until {instance} is ready",
                "esperar a que {instance} esté lista"
            ),
            Self::Route {
                workload, traffic, ..
            } => {
                let names: Vec<&str> = traffic.instances.iter().map(|i| i.as_str()).collect();
                let names = names.join(", ");
                if names.is_empty() {
                    message!(
                        "take traffic off {workload}",
                        "quitar el tráfico de {workload}"
                    )
                } else {
                    message!(
                        "send the traffic of {workload} to {names}",
                        "enviar el tráfico de {workload} a {names}"
                    )
                }
            }
            Self::Stop { instance, .. } => message!("stop {instance}", "detener {instance}"),
            Self::RollOut {
                workload, wanted, ..
            } => {
                let count = wanted.replicas;
                message!(
                    "roll out {workload} ({count} instances)",
                    "actualizar {workload} ({count} instancias)"
                )
            }
            Self::Withdraw { workload, .. } => message!("end {workload}", "terminar {workload}"),
            Self::Smoke { workload, .. } => message!(
                "smoke test: {workload} answers its version",
                "prueba de humo: {workload} responde su versión"
            ),
            Self::Accept { workload, .. } => message!(
                "acceptance tests of {workload}",
                "pruebas de aceptación de {workload}"
            ),
            Self::Destroy { resource, .. } => message!("remove {resource}", "eliminar {resource}"),
        }
    }
}

impl DeploymentState {
    /// How far it is.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Queued => message!("queued", "en espera"),
            Self::Running => message!("running", "en curso"),
            Self::RollingBack => message!("rolling back", "volviendo"),
            Self::Succeeded => message!("succeeded", "correcto"),
            Self::Failed => message!("failed", "falló"),
            Self::Superseded => message!("superseded", "reemplazado"),
        }
    }
}

impl Cause {
    /// What was asked for.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Deploy => message!("deploy", "despliegue"),
            Self::Promote => message!("promote", "promoción"),
            Self::Rollback => message!("rollback", "vuelta atrás"),
            Self::Restart => message!("restart", "reinicio"),
            Self::Scale => message!("scale", "escalado"),
            Self::Reset => message!("reset", "vaciado"),
            Self::Accept => message!("acceptance", "aceptación"),
            Self::Down => message!("down", "eliminación"),
        }
    }
}

impl InstanceState {
    /// How it is.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Starting => message!("starting", "iniciando"),
            Self::Ready => message!("ready", "lista"),
            Self::Unready => message!("unready", "no responde"),
            Self::Crashing => message!("crashing", "cae y se reinicia"),
            Self::Stopped => message!("stopped", "detenida"),
        }
    }
}
