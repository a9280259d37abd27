//! `estiba ci`: pipelines are written, checked, run here, and told what came of a
//! deployment.

mod disk;
mod options;
mod report;
mod run;
mod write;

use std::path::Path;

use estiba_ci::lint::{Known, lint};
use estiba_model::{Diagnostic, has_errors, message};

use crate::cli::{Checked, Ci};
use crate::context::Context;
use crate::failure::Failure;

use disk::Disk;

/// Does what is asked about pipelines.
pub async fn ci(context: &Context, ci: Ci) -> Result<(), Failure> {
    match ci {
        Ci::Gitlab {
            pipeline,
            component,
        } => write::gitlab(context, &pipeline, &component),
        Ci::Github(pipeline) => write::github(context, &pipeline),
        Ci::Check(checked) => check(context, &checked),
        Ci::Run {
            jobs,
            checked,
            tag,
            manual,
            needs,
            anyway,
        } => {
            let wanted = run::Wanted {
                jobs,
                checked,
                tag,
                manual,
                needs,
                anyway,
            };
            run::run(context, &wanted).await
        }
        Ci::Report {
            env,
            version,
            junit,
            dotenv,
            summary,
        } => {
            let wanted = report::Wanted {
                environment: &env.env,
                version: version.as_ref(),
                junit: &junit,
                dotenv: &dotenv,
                summary: summary.as_deref(),
            };
            report::run(context, &wanted).await
        }
    }
}

/// Finds what is wrong with the pipeline that is there.
fn check(context: &Context, checked: &Checked) -> Result<(), Failure> {
    let root = context.repository(&checked.file)?;
    let findings = findings(&root, checked, false);
    if has_errors(&findings) {
        return Err(Failure::Findings(findings));
    }
    context.output.diagnostics(&findings);
    context
        .output
        .json(&serde_json::json!({ "findings": findings }));
    let (file, warnings) = (checked.file.display(), findings.len());
    context.output.line(&match warnings {
        0 => message!(
            "no mistakes found in {file}",
            "no se encontraron errores en {file}"
        ),
        _ => message!(
            "{file}: no errors, {warnings} warnings",
            "{file}: sin errores, {warnings} advertencias"
        ),
    });
    Ok(())
}

/// What is wrong with the pipeline of a repository; `is_all`: no variable comes from
/// GitLab's settings.
fn findings(root: &Path, checked: &Checked, is_all: bool) -> Vec<Diagnostic> {
    let disk = Disk::at(root);
    let mut names = disk.local_variables();
    names.extend(checked.variables.iter().map(|(name, _)| name.clone()));
    let found = lint(&checked.file, &disk, &Known { names, is_all });
    // From here, and not from the root, so that the lines can be shown.
    let from_here = |mut finding: Diagnostic| {
        if let Some(place) = &mut finding.place {
            place.file = disk.path(&place.file);
        }
        finding
    };
    found.into_iter().map(from_here).collect()
}
