//! `estiba ci`: pipelines are written, checked, run here, and told what came of a
//! deployment.

mod disk;
mod options;
mod run;
mod write;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use estiba_api::DeploymentView;
use estiba_ci::lint::{Known, lint};
use estiba_ci::report;
use estiba_engine::environment_id;
use estiba_model::{Diagnostic, Name, has_errors, message};

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
            junit,
            dotenv,
            summary,
        } => {
            let places = Places {
                junit: &junit,
                dotenv: &dotenv,
                summary: summary.as_deref(),
            };
            report(context, &env.env, &places).await
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

/// Where reports go.
struct Places<'a> {
    junit: &'a Path,
    dotenv: &'a Path,
    summary: Option<&'a Path>,
}

/// Writes what came of the last deployment.
async fn report(context: &Context, environment: &Name, places: &Places<'_>) -> Result<(), Failure> {
    let project = context.project()?;
    environment_id(&project, environment)?;
    let backend = context.backend().await?;
    let history = backend.history(&project, environment, 1, true).await?;
    let Some(DeploymentView {
        deployment, steps, ..
    }) = history.into_iter().next()
    else {
        return Err(Failure::because(message!(
            "nothing was deployed to {environment}, so there is nothing to report; `estiba deploy --env {environment}` comes first",
            "no se desplegó nada en {environment}, así que no hay qué informar; antes va `estiba deploy --env {environment}`"
        )));
    };
    let urls = backend.urls(&project, environment).await?;
    let lang = context.output.lang;
    write_file(places.junit, &report::junit(&deployment, &steps, lang))?;
    write_file(places.dotenv, &report::dotenv(&urls))?;
    if let Some(path) = places.summary {
        let table = report::summary(&deployment, &steps, &urls, lang);
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(table.as_bytes()))
            .map_err(|error| Failure::file(path, &error))?;
    }
    let (junit, dotenv) = (places.junit.display(), places.dotenv.display());
    context
        .output
        .json(&serde_json::json!({ "deployment": deployment, "urls": urls }));
    context.output.line(&message!(
        "wrote {junit} and {dotenv}",
        "se escribieron {junit} y {dotenv}"
    ));
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file(path, &error))
}
