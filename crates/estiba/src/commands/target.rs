//! `estiba target`.

use estiba_model::{Name, message};

use crate::context::Context;
use crate::failure::Failure;
use crate::targets::Adapters;

/// Prints the rights that Estiba needs on a target.
pub fn rbac(context: &Context, target: &Name) -> Result<(), Failure> {
    let project = context.project()?;
    let Some(config) = project.targets.get(target) else {
        let names: Vec<_> = project.targets.keys().map(Name::as_str).collect();
        let names = names.join(", ");
        return Err(Failure::because(message!(
            "there is no target {target} in estiba.yaml; it has: {names}",
            "no hay una plataforma {target} en estiba.yaml; tiene: {names}"
        )));
    };
    let rights = Adapters::rights(target, config).map_err(Failure::because)?;
    context
        .output
        .json(&serde_json::json!({ "manifest": rights }));
    context.output.text(rights.trim_end());
    Ok(())
}
