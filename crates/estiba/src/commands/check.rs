//! `estiba check`.

use std::path::PathBuf;

use estiba_model::{Diagnostic, Severity, has_errors, message};

use crate::context::Context;
use crate::failure::Failure;

/// Finds every mistake in the project, or in Score files alone.
pub fn check(context: &Context, score: &[PathBuf]) -> Result<(), Failure> {
    let findings = if score.is_empty() {
        context.project_with_findings()?.1
    } else {
        score
            .iter()
            .flat_map(|file| estiba_score::read(file).diagnostics)
            .collect()
    };
    if has_errors(&findings) {
        return Err(Failure::Findings(findings));
    }
    context.output.diagnostics(&findings);
    context
        .output
        .json(&serde_json::json!({ "findings": findings }));
    let warnings = count(&findings, Severity::Warning);
    context.output.line(&match warnings {
        0 => message!("no mistakes found", "no se encontraron errores"),
        _ => message!(
            "no errors, {warnings} warnings",
            "sin errores, {warnings} advertencias"
        ),
    });
    Ok(())
}

fn count(findings: &[Diagnostic], severity: Severity) -> usize {
    findings.iter().filter(|f| f.severity == severity).count()
}
