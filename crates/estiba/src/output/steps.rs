//! Plans and steps in words.

use estiba_model::{Message, Plan, Step, message};

/// A step as one line.
pub fn step_text(step: &Step) -> Message {
    match step {
        Step::Provision { resource, target } => message!(
            "provide {resource} on {target}",
            "proveer {resource} en {target}"
        ),
        Step::Fetch {
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
        Step::Migrate { workload, .. } => {
            message!("migrate {workload}", "migrar {workload}")
        }
        Step::Start { instance, .. } => message!("start {instance}", "iniciar {instance}"),
        Step::Await { instance, .. } => message!(
            "wait until {instance} is ready",
            "esperar a que {instance} esté lista"
        ),
        Step::Route {
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
        Step::Stop { instance, .. } => message!("stop {instance}", "detener {instance}"),
        Step::RollOut {
            workload, wanted, ..
        } => {
            let count = wanted.replicas;
            message!(
                "roll out {workload} ({count} instances)",
                "actualizar {workload} ({count} instancias)"
            )
        }
        Step::Withdraw { workload, .. } => message!("end {workload}", "terminar {workload}"),
        Step::Destroy { resource, .. } => message!("remove {resource}", "eliminar {resource}"),
    }
}

/// A plan, a step a line.
pub fn plan_text(plan: &Plan) -> Vec<Message> {
    let environment = &plan.environment.environment;
    let mut lines = Vec::new();
    if plan.steps.is_empty() {
        lines.push(message!(
            "{environment}: nothing to do",
            "{environment}: no hay nada que hacer"
        ));
    } else {
        let count = plan.steps.len();
        let version = plan.version.as_ref().map_or("", |v| v.as_str());
        lines.push(message!(
            "{environment} {version}: {count} steps",
            "{environment} {version}: {count} pasos"
        ));
    }
    for (number, step) in (1..).zip(&plan.steps) {
        lines.push(step_text(step).map(|text| format!("{number:>4}. {text}")));
    }
    for resource in &plan.kept {
        lines.push(message!(
            "      {resource} is not used any more; its data is kept until `estiba down`",
            "      {resource} ya no se usa; sus datos se conservan hasta `estiba down`"
        ));
    }
    lines
}
