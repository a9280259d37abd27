//! A workflow of GitHub Actions, and the reusable one that it calls
//! (<https://docs.github.com/actions/how-tos/reuse-automations/reuse-workflows>).

use std::path::PathBuf;

use estiba_score::yaml::scalar;

use crate::{Builder, File, Kind, Pipeline, Through, Trigger, written_by};

/// The reusable workflow.
const REUSABLE: &str = include_str!("github/estiba.yml");

/// A pipeline of GitHub Actions.
#[must_use]
pub fn github(pipeline: &Pipeline) -> Vec<File> {
    let file = |path: &str, text: String, kind: Kind| File {
        path: PathBuf::from(path),
        text,
        kind,
    };
    vec![
        file(".github/workflows/ship.yml", own(pipeline), Kind::Begun),
        file(
            ".github/workflows/estiba.yml",
            written_by("github") + REUSABLE,
            Kind::Whole,
        ),
    ]
}

/// The team's file: when it runs, the tests, and what ships.
fn own(pipeline: &Pipeline) -> String {
    let mut text = String::from(
        "# From a tag to production; see `estiba ci github --help`. Jobs of your own go below.\nname: ship\non:\n  push:\n    branches: [\"**\"]\n    tags: [\"**\"]\n",
    );
    if pipeline.previews {
        text.push_str("  pull_request:\n    types: [opened, synchronize, reopened, closed]\n");
    } else {
        text.push_str("  pull_request:\n");
    }
    text.push_str("permissions:\n  contents: read\n  id-token: write\njobs:\n");
    text.push_str(&called(pipeline));
    for tests in &pipeline.tests {
        let (workload, runner) = (&tests.workload, runner(pipeline));
        text.push_str(&format!("  test-{workload}:\n    runs-on: {runner}\n"));
        if pipeline.previews {
            text.push_str("    if: github.event.action != 'closed'\n");
        }
        if pipeline.image.is_some() {
            let image = tests.language.image();
            text.push_str(&format!("    container: {image}\n"));
        }
        if !tests.folder.is_empty() {
            let folder = scalar(&tests.folder);
            text.push_str(&format!(
                "    defaults: {{ run: {{ working-directory: {folder} }} }}\n"
            ));
        }
        text.push_str("    steps:\n      - uses: actions/checkout@v4\n");
        for command in tests.language.commands() {
            text.push_str(&format!("      - run: {command}\n"));
        }
    }
    text
}

/// The job that calls the reusable workflow, after the tests.
fn called(pipeline: &Pipeline) -> String {
    let mut text = String::from("  estiba:\n");
    let needs = pipeline
        .tests
        .iter()
        .map(|t| format!("test-{}", t.workload));
    let needs: Vec<String> = needs.collect();
    if !needs.is_empty() {
        text.push_str(&format!("    needs: [{}]\n", needs.join(", ")));
        if pipeline.previews {
            // Tests are skipped where a request was closed, and its preview then ends.
            text.push_str("    if: ${{ !failure() && !cancelled() }}\n");
        }
    }
    text.push_str("    uses: ./.github/workflows/estiba.yml\n    with:\n");
    let ships = match pipeline.on {
        Trigger::Tags => "github.ref_type == 'tag'",
        Trigger::Branches => "github.ref_name == github.event.repository.default_branch",
    };
    text.push_str(&format!("      ships: ${{{{ {ships} }}}}\n"));
    let mut with = |name: &str, value: &str| {
        text.push_str(&format!("      {name}: {value}\n"));
    };
    if let Through::Server(url) = &pipeline.through {
        with("server", &scalar(url));
    }
    if pipeline.builder == Builder::Buildah {
        with("isolation", "chroot");
    }
    if pipeline.test.as_str() != "test" {
        with("test", &scalar(pipeline.test.as_str()));
    }
    if pipeline.prod.as_str() != "prod" {
        with("prod", &scalar(pipeline.prod.as_str()));
    }
    if pipeline.previews {
        with("previews", "true");
    }
    if let Some(image) = &pipeline.image {
        with("image", &scalar(image));
    }
    if !pipeline.runners.is_empty() {
        let labels = serde_json::Value::from(pipeline.runners.clone());
        with("runner", &format!("'{labels}'"));
    }
    text
}

/// The labels of the runners, as `runs-on` has them.
fn runner(pipeline: &Pipeline) -> String {
    match pipeline.runners.as_slice() {
        [] => "ubuntu-latest".to_owned(),
        labels => {
            let labels: Vec<_> = labels.iter().map(|label| scalar(label)).collect();
            format!("[{}]", labels.join(", "))
        }
    }
}
