//! `estiba doctor`.

use estiba_model::message;
use estiba_target::Target;

use crate::context::Context;
use crate::failure::Failure;

/// Says what this machine can and cannot do. Fails when something that a
/// deployment needs is missing.
pub async fn doctor(context: &Context) -> Result<(), Failure> {
    let machine = context
        .adapters()?
        .this_machine()
        .map_err(Failure::because)?;
    let checks = machine.doctor().await;
    context.output.json(&checks);
    for check in &checks {
        let mark = match (check.ok, check.optional) {
            (true, _) => "✓",
            (false, true) => "–",
            (false, false) => "✗",
        };
        let found = context.output.say(&check.found);
        context.output.text(&format!("{mark} {found}"));
        if let Some(advice) = check.advice.as_ref().filter(|_| !check.ok) {
            let advice = context.output.say(advice);
            context.output.text(&format!("    → {advice}"));
        }
    }
    if checks.iter().any(|check| !check.ok && !check.optional) {
        return Err(Failure::Quiet(1));
    }
    context.output.line(&message!(
        "this machine can run deployments",
        "esta máquina puede ejecutar despliegues"
    ));
    Ok(())
}
