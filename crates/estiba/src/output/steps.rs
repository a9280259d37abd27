//! Plans in words.

use estiba_model::{Message, Plan, message};

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
        lines.push(step.message().map(|text| format!("{number:>4}. {text}")));
    }
    for resource in &plan.kept {
        lines.push(message!(
            "      {resource} is not used any more; its data is kept until `estiba down`",
            "      {resource} ya no se usa; sus datos se conservan hasta `estiba down`"
        ));
    }
    lines
}
