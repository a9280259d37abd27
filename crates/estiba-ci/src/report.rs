//! What came of a deployment, as CIs show it: steps as tests, and the address.

use std::fmt::Write;

use estiba_model::{
    Deployment, DeploymentState, EnvironmentId, Lang, Message, StepRecord, StepState, Url, Version,
    message,
};

/// The variable with the address of an environment, for a dotenv report.
pub const ADDRESS: &str = "ENVIRONMENT_ADDRESS";

/// A dotenv report: the address where people reach the environment, empty where there
/// is none.
#[must_use]
pub fn dotenv(urls: &[Url]) -> String {
    let first = urls.first().map_or("", |url| url.url.as_str());
    format!("{ADDRESS}={first}\n")
}

/// The steps of a deployment as a JUnit report: each a test, those that were not taken
/// any more skipped (<https://github.com/testmoapp/junitxml>).
#[must_use]
pub fn junit(deployment: &Deployment, steps: &[StepRecord], lang: Lang) -> String {
    let (environment, version) = (&deployment.environment, &deployment.version);
    let failed = steps.iter().filter(|step| step.state == StepState::Failed);
    let failed = failed.count() + usize::from(failed_otherwise(deployment, steps));
    let skipped = steps.iter().filter(|step| is_open(step)).count();
    let tests = steps.len() + usize::from(failed_otherwise(deployment, steps));
    let suite = escaped(&format!("{environment} {version}"));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failed}\" skipped=\"{skipped}\">\n"
    );
    for step in steps {
        let name = step.step.message();
        let begun = case(&suite, name.text(lang), seconds(step));
        let rest = match (&step.error, step.state) {
            (error, StepState::Failed) => {
                let why = error.as_ref().map_or("", |error| error.text(lang));
                failure(why, &deployment.log)
            }
            _ if is_open(step) => "<skipped/>".to_owned(),
            _ => String::new(),
        };
        // Writing to a text does not fail.
        let _ = writeln!(text, "{begun}{rest}</testcase>");
    }
    if failed_otherwise(deployment, steps) {
        let name = message!("deployment {}", "despliegue {}", deployment.id);
        let why = deployment
            .error
            .as_ref()
            .map_or("", |error| error.text(lang));
        let begun = case(&suite, name.text(lang), 0.0);
        let _ = writeln!(text, "{begun}{}</testcase>", failure(why, &deployment.log));
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}

/// The report of a release that did not come so far as a deployment.
#[must_use]
pub fn junit_of_none(environment: &EnvironmentId, version: &Version, lang: Lang) -> String {
    let suite = escaped(&format!("{environment} {version}"));
    let name = message!("deployment", "despliegue");
    let begun = case(&suite, name.text(lang), 0.0);
    let why = not_deployed(environment, version);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{suite}\" tests=\"1\" failures=\"1\" skipped=\"0\">\n{begun}{}</testcase>\n</testsuite>\n</testsuites>\n",
        failure(why.text(lang), &[])
    )
}

/// The same for the summary.
#[must_use]
pub fn summary_of_none(environment: &EnvironmentId, version: &Version, lang: Lang) -> String {
    let why = not_deployed(environment, version);
    format!(
        "### {}: {version}\n\n✗ {}\n",
        environment.environment,
        why.text(lang)
    )
}

fn not_deployed(environment: &EnvironmentId, version: &Version) -> Message {
    let name = &environment.environment;
    message!(
        "{version} was not deployed to {name}: it was refused, or it waits for a person; the job's own output says which",
        "{version} no se desplegó en {name}: se rechazó, o espera a una persona; lo dice la salida del trabajo"
    )
}

/// The same as a table in Markdown.
#[must_use]
pub fn summary(deployment: &Deployment, steps: &[StepRecord], urls: &[Url], lang: Lang) -> String {
    let (environment, version) = (&deployment.environment.environment, &deployment.version);
    let (id, state) = (deployment.id, deployment.state.message());
    let state = state.text(lang);
    let mut text = format!("### {environment}: {version} ({id}, {state})\n\n");
    for url in urls {
        let _ = writeln!(text, "- {}: <{}>", url.workload, url.url);
    }
    text.push_str("\n| | | s |\n|---|---|---|\n");
    for step in steps {
        let mark = match step.state {
            StepState::Done => "✓",
            StepState::Failed => "✗",
            StepState::Pending | StepState::Running => "·",
        };
        let name = in_cell(step.step.message().text(lang));
        let why = step.error.as_ref().map(|error| in_cell(error.text(lang)));
        let why = why.map_or(String::new(), |why| format!(": {why}"));
        let _ = writeln!(text, "| {mark} | {name}{why} | {:.1} |", seconds(step));
    }
    if !deployment.log.is_empty() {
        text.push('\n');
    }
    for line in &deployment.log {
        // Four spaces make it code, whatever is in it.
        let _ = writeln!(text, "    {line}");
    }
    text
}

fn is_open(step: &StepRecord) -> bool {
    matches!(step.state, StepState::Pending | StepState::Running)
}

/// Whether it failed and no step says so.
fn failed_otherwise(deployment: &Deployment, steps: &[StepRecord]) -> bool {
    let says_so = steps.iter().any(|step| step.state == StepState::Failed);
    deployment.state == DeploymentState::Failed && !says_so
}

fn case(suite: &str, name: &str, seconds: f64) -> String {
    let name = escaped(name);
    format!("<testcase classname=\"{suite}\" name=\"{name}\" time=\"{seconds:.3}\">")
}

/// A failure with its reason, and the lines that explain it.
fn failure(why: &str, log: &[String]) -> String {
    let why = escaped(why);
    let lines = log.iter().map(|line| format!("&#10;{}", escaped(line)));
    let lines: String = lines.collect();
    format!("<failure message=\"{why}\">{why}{lines}</failure>")
}

fn seconds(step: &StepRecord) -> f64 {
    match (step.started_at, step.finished_at) {
        (Some(from), Some(to)) => to.duration_since(from).as_secs_f64(),
        _ => 0.0,
    }
}

/// A text as XML 1.0 can hold it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            // XML has no way to write other control characters.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

fn in_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
