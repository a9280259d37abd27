//! `estiba init`.

use std::path::Path;

use estiba_model::{has_errors, message};

use crate::context::Context;
use crate::failure::Failure;

/// Writes a first project file from what is in a folder.
pub fn init(context: &Context, dir: &Path) -> Result<(), Failure> {
    let plan = estiba_project::init(dir, context.output.lang).map_err(Failure::Findings)?;
    let mut written = Vec::new();
    for (path, text) in &plan.files {
        estiba_project::write_new(path, text).map_err(|error| Failure::file(path, &error))?;
        written.push(path);
        let path = path.display();
        context
            .output
            .line(&message!("wrote {path}", "se escribió {path}"));
    }
    plan.notes
        .iter()
        .for_each(|note| context.output.remark(note));
    context
        .output
        .json(&serde_json::json!({ "written": written, "notes": plan.notes }));
    let findings = estiba_project::load(dir).diagnostics;
    context.output.diagnostics(&findings);
    if has_errors(&findings) {
        return Err(Failure::Quiet(1));
    }
    context.output.line(&message!(
        "next: `estiba check`, then `estiba up`",
        "ahora: `estiba check` y después `estiba up`"
    ));
    Ok(())
}
