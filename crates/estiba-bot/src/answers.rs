//! What is answered from what the server knows.

use estiba_api::{ApiError, Client};
use estiba_model::{
    DeploymentState, EnvironmentId, EnvironmentStatus, InstanceState, Lang, Name, ProjectId,
    Version, message,
};
use futures::StreamExt;
use jiff::Timestamp;

use crate::text::{Text, bold, clip, escape};
use crate::words::{cause, place};

/// How many deployments are told.
const DEPLOYMENTS: u32 = 10;
/// How many lines of output are told.
const LINES: usize = 25;
/// Longer lines are cut.
const LONGEST_LINE: usize = 300;

/// How the environments of projects are; with `full`, what is wrong, and else
/// where they are reached.
pub async fn status(
    client: &Client,
    projects: &[ProjectId],
    full: bool,
    lang: Lang,
) -> Result<Text, ApiError> {
    let mut text = Text::default();
    for id in projects {
        text = text.line(bold(&escape(&id.to_string())));
        for status in client.status(id).await? {
            text = text.and(environment(&status, full, lang));
        }
    }
    Ok(text)
}

fn environment(status: &EnvironmentStatus, full: bool, lang: Lang) -> Text {
    let name = bold(status.environment.as_str());
    let version = match &status.deployed {
        Some(deployed) => escape(deployed.version.as_str()),
        None => message!("nothing yet", "nada todavía")
            .text(lang)
            .to_owned(),
    };
    let of = |state| status.instances.iter().filter(move |i| i.state == state);
    let (ready, all) = (of(InstanceState::Ready).count(), status.instances.len());
    let is_well = ready == all && status.problems.is_empty() && status.drift.is_empty();
    let mark = match (status.deployed.is_some(), is_well) {
        (false, _) => "⚪",
        (true, true) => "🟢",
        (true, false) => "🔴",
    };
    let line = message!(
        "{mark} {name}: {version} ({ready} of {all} ready)",
        "{mark} {name}: {version} ({ready} de {all} listas)"
    );
    let mut text = Text::html(line.text(lang));
    if !full {
        return status.urls.iter().fold(text, |text, url| {
            text.say(&format!("   {}: {}", url.workload, clip(&url.url, 500)))
        });
    }
    if let Some(activity) = &status.activity {
        let version = &activity.deployment.version;
        let line = message!(
            "   🚚 {version} is on its way",
            "   🚚 {version} está en camino"
        );
        text = text.say(line.text(lang));
    }
    for instance in of(InstanceState::Crashing) {
        let workload = &instance.workload;
        let line = message!(
            "   🔥 {workload} ends again and again",
            "   🔥 {workload} se cae una y otra vez"
        );
        text = text.say(line.text(lang));
    }
    if let Some(failed) = &status.failed {
        let version = &failed.version;
        let line = message!("   ❌ {version} failed", "   ❌ {version} falló");
        let why = failed
            .error
            .as_ref()
            .map(|error| clip(error.text(lang), 500));
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        text = text.say(&format!("{}{why}", line.text(lang)));
    }
    if !status.drift.is_empty() {
        let count = status.drift.len();
        let line = message!(
            "   ⚠️ it differs from what was deployed ({count} steps would mend it)",
            "   ⚠️ difiere de lo desplegado ({count} pasos lo arreglarían)"
        );
        text = text.say(line.text(lang));
    }
    for problem in status.problems.iter().take(5) {
        text = text.say(&format!("   ⚠️ {}", clip(problem.text(lang), 500)));
    }
    text
}

/// The last deployments to an environment.
pub async fn history(
    client: &Client,
    environment: &EnvironmentId,
    lang: Lang,
) -> Result<Text, ApiError> {
    let found = client.deployments(environment, DEPLOYMENTS, false).await?;
    let mut text = Text::html(place(environment));
    if found.is_empty() {
        text = text.say(message!("nothing yet", "nada todavía").text(lang));
    }
    for view in found {
        let deployment = view.deployment;
        let mark = match deployment.state {
            DeploymentState::Succeeded => "✅",
            DeploymentState::Failed => "❌",
            DeploymentState::Superseded => "⏭",
            DeploymentState::RollingBack => "↩️",
            DeploymentState::Queued | DeploymentState::Running => "🚚",
        };
        let kind = cause(deployment.cause);
        let kind = kind.text(lang);
        let at = moment(deployment.created_at);
        let version = escape(deployment.version.as_str());
        text = text.line(format!("{mark} {at} {} {kind}", bold(&version)));
    }
    Ok(text)
}

/// Releases that ran well in an environment before the present one.
pub async fn earlier(
    client: &Client,
    environment: &EnvironmentId,
    now: Option<&Version>,
) -> Result<Vec<Version>, ApiError> {
    let mut versions = Vec::new();
    for view in client.deployments(environment, 100, false).await? {
        let deployment = view.deployment;
        let ran = deployment.state == DeploymentState::Succeeded;
        if ran && now != Some(&deployment.version) && !versions.contains(&deployment.version) {
            versions.push(deployment.version);
        }
    }
    Ok(versions)
}

/// The last lines that a workload wrote.
pub async fn logs(
    client: &Client,
    environment: &EnvironmentId,
    workload: &Name,
    lang: Lang,
) -> Result<Text, ApiError> {
    let lines = client
        .logs(environment, workload, None, Some(LINES), false)
        .await?;
    let mut lines = std::pin::pin!(lines);
    let mut found = std::collections::VecDeque::new();
    while let Some(line) = lines.next().await {
        found.push_back(clip(&line?.text, LONGEST_LINE));
        if found.len() > LINES {
            found.pop_front();
        }
    }
    let text = Text::html(format!("{} {workload}", place(environment)));
    Ok(match found.is_empty() {
        true => text.say(message!("it wrote nothing", "no escribió nada").text(lang)),
        false => text.output(found),
    })
}

fn moment(at: Timestamp) -> String {
    let zoned = at.to_zoned(jiff::tz::TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M").to_string()
}
