//! `estiba doctor`.

use estiba_model::{Name, message};
use estiba_target::{HostCheck, Target};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;

/// A finding, and on which target of the project; none for this machine.
#[derive(Serialize)]
struct Found {
    target: Option<Name>,
    #[serde(flatten)]
    check: HostCheck,
}

/// Says what this machine and the targets of the project can and cannot do.
/// Fails when something that a deployment needs is missing.
pub async fn doctor(context: &Context) -> Result<(), Failure> {
    let adapters = context.adapters()?;
    let machine = adapters.this_machine().map_err(Failure::because)?;
    let mut found = of(None, machine.doctor().await);
    // Without a project, or with one that can't be read, there is this machine.
    if let Ok((Some(project), _)) = context.project_with_findings() {
        for (name, target) in adapters.elsewhere(&project) {
            let checks = match target {
                Ok(target) => target.doctor().await,
                Err(why) => vec![HostCheck {
                    name: "target",
                    ok: false,
                    optional: false,
                    found: why,
                    advice: None,
                }],
            };
            found.extend(of(Some(&name), checks));
        }
    }
    context.output.json(&found);
    for found in &found {
        show(context, found);
    }
    if found
        .iter()
        .any(|found| !found.check.ok && !found.check.optional)
    {
        return Err(Failure::Quiet(1));
    }
    context.output.line(&message!(
        "this machine can run deployments",
        "esta máquina puede ejecutar despliegues"
    ));
    Ok(())
}

fn of(target: Option<&Name>, checks: Vec<HostCheck>) -> Vec<Found> {
    let found = |check| Found {
        target: target.cloned(),
        check,
    };
    checks.into_iter().map(found).collect()
}

fn show(context: &Context, found: &Found) {
    let check = &found.check;
    let mark = match (check.ok, check.optional) {
        (true, _) => "✓",
        (false, true) => "–",
        (false, false) => "✗",
    };
    let of = found.target.as_ref().map(|target| format!("{target}: "));
    let (of, text) = (of.unwrap_or_default(), context.output.say(&check.found));
    context.output.text(&format!("{mark} {of}{text}"));
    if let Some(advice) = check.advice.as_ref().filter(|_| !check.ok) {
        let advice = context.output.say(advice);
        context.output.text(&format!("    → {advice}"));
    }
}
