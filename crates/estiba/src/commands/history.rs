//! `estiba releases` and `history`.

use estiba_api::DeploymentView;
use estiba_model::{Changes, Commit, Deployment, Name, StepRecord, StepState, message};
use jiff::Timestamp;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, Table};

/// So many commits of a deployment are listed.
const MOST_COMMITS: usize = 10;

/// Lists releases, the newest first, and where they run.
pub async fn releases(context: &Context) -> Result<(), Failure> {
    let project = context.project()?;
    let backend = context.backend().await?;
    let releases = backend.releases(&project).await?;
    let output = context.output;
    let headings = [
        message!("version", "versión"),
        message!("commit", "commit"),
        message!("made", "creada"),
        message!("runs in", "en marcha en"),
    ]
    .map(|heading| output.say(&heading));
    let mut table = Table::new(headings.each_ref().map(String::as_str));
    let mut documents = Vec::new();
    for release in releases {
        let places: Vec<&str> = release.environments.iter().map(Name::as_str).collect();
        let commit: String = release
            .commit
            .iter()
            .flat_map(|c| c.chars().take(8))
            .collect();
        documents.push(serde_json::json!({
            "version": release.version,
            "commit": release.commit,
            "created_at": release.created_at,
            "environments": places,
        }));
        table.row([
            release.version.to_string(),
            commit,
            moment(release.created_at),
            places.join(", "),
        ]);
    }
    output.json(&documents);
    output.text(&table.to_string());
    Ok(())
}

/// Lists an environment's deployments, the newest first.
pub async fn history(
    context: &Context,
    environment: Option<Name>,
    limit: u32,
    with_steps: bool,
) -> Result<(), Failure> {
    let project = context.project()?;
    let environment = context.environment(&project, environment)?;
    let backend = context.backend().await?;
    let output = context.output;
    let mut documents = Vec::new();
    let history = backend
        .history(&project, &environment, limit, with_steps || output.json)
        .await?;
    for view in history {
        let DeploymentView {
            deployment,
            steps,
            changes,
        } = &view;
        output.text(&deployment_line(output, deployment));
        for line in change_lines(output, changes) {
            output.text(&line);
        }
        if let Some(error) = &deployment.error {
            output.text(&format!("    {}", output.say(error)));
        }
        for line in &deployment.log {
            output.text(&format!("    │ {line}"));
        }
        if with_steps {
            for step in steps {
                output.text(&step_line(output, step));
            }
        }
        documents.push(view);
    }
    output.json(&documents);
    Ok(())
}

fn deployment_line(output: Output, deployment: &Deployment) -> String {
    let id = deployment.id.to_string();
    let state = output.say(&deployment.state.message());
    let cause = output.say(&deployment.cause.message());
    let took = match (deployment.started_at, deployment.finished_at) {
        (Some(from), Some(to)) => format!("{:.1} s", to.duration_since(from).as_secs_f64()),
        _ => String::new(),
    };
    let at = moment(deployment.created_at);
    let version = &deployment.version;
    format!("{id:<5} {at}  {version:<28} {cause:<12} {state:<12} {took}")
}

/// The commits that a deployment brought or took back.
fn change_lines(output: Output, changes: &Changes) -> Vec<String> {
    let sign = if changes.undone { '-' } else { '+' };
    let line = |commit: &Commit| {
        let id: String = commit.id.chars().take(8).collect();
        let Commit {
            subject, author, ..
        } = commit;
        format!("    {sign} {id} {subject} ({author})")
    };
    let shown = changes.commits.iter().take(MOST_COMMITS);
    let mut lines: Vec<String> = shown.map(line).collect();
    let left = changes.commits.len().saturating_sub(MOST_COMMITS);
    let more = match (left, changes.more) {
        (0, false) => return lines,
        (0, true) => message!("… and older ones", "… y anteriores"),
        _ => message!(
            "… and {left} more: --json has all",
            "… y {left} más: --json las tiene todas"
        ),
    };
    lines.push(format!("    {sign} {}", output.say(&more)));
    lines
}

fn step_line(output: Output, record: &StepRecord) -> String {
    let mark = match record.state {
        StepState::Pending => "·",
        StepState::Running => "…",
        StepState::Done => "✓",
        StepState::Failed => "✗",
    };
    let step = output.say(&record.step.message());
    format!("    {mark} {step}")
}

/// A moment in local time, as people read it.
pub fn moment(at: Timestamp) -> String {
    at.to_zoned(jiff::tz::TimeZone::system())
        .strftime("%Y-%m-%d %H:%M")
        .to_string()
}
