//! From a tag to production.

use std::path::Path;
use std::sync::Arc;

use crate::repository::{Repository, acceptance, missing, tool};
use crate::support::cluster;

/// Where gitlab-ci-local ran the job that deploys.
const JOB: &str = ".gitlab-ci-local/builds/deploy-test";

pub fn a_tag_comes_to_test_and_by_hand_to_prod() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let repository = Repository::here();
    let written = repository
        .estiba(&["ci", "gitlab", "--runner", "estiba"])
        .ok();
    assert!(
        written.out.contains("wrote .gitlab-ci.yml"),
        "{}",
        written.out
    );
    repository.tag("v1.0.0");

    let run = repository.estiba(&["ci", "run", "--tag", "v1.0.0"]).ok();
    assert_eq!(
        repository.version("test").as_deref(),
        Some("1.0.0"),
        "{}",
        run.out
    );
    // Nobody has pressed play.
    assert_eq!(repository.version("prod"), None);
    let junit = repository.read(&format!("{JOB}/estiba-report.xml"));
    assert!(junit.contains("moria/tp2/test 1.0.0"), "{junit}");
    assert!(junit.contains("failures=\"0\""), "{junit}");
    for step in [
        "smoke test: api answers its version",
        "acceptance tests of tests",
    ] {
        assert!(junit.contains(step), "{step} in {junit}");
    }
    let dotenv = repository.read(&format!("{JOB}/estiba-report.env"));
    assert!(
        dotenv.starts_with("ENVIRONMENT_ADDRESS=http://api.test."),
        "{dotenv}"
    );

    repository
        .estiba(&["ci", "run", "promote-prod", "--tag", "v1.0.0"])
        .ok();
    assert_eq!(repository.version("prod").as_deref(), Some("1.0.0"));

    // The next version comes to test, and the pipeline of the one before can't take it
    // to prod unseen.
    repository.tag("v1.1.0");
    repository.estiba(&["ci", "run", "--tag", "v1.1.0"]).ok();
    assert_eq!(repository.version("test").as_deref(), Some("1.1.0"));
    assert_eq!(repository.version("prod").as_deref(), Some("1.0.0"));
    let late = [
        "promote",
        "--from",
        "test",
        "--to",
        "prod",
        "--version",
        "1.0.0",
    ];
    let late = repository.estiba(&late);
    assert_eq!(late.code, 1, "{}", late.out);
    assert!(late.err.contains("test runs 1.1.0 by now"), "{}", late.err);

    // A published version is never another: the tag was moved to other content.
    repository.write(
        "api/score.yaml",
        &repository
            .read("api/score.yaml")
            .replace("/health", "/alive"),
    );
    repository.git(&["tag", "--delete", "v1.1.0"]);
    repository.tag("v1.1.0");
    let moved = repository.estiba(&["ci", "run", "--tag", "v1.1.0"]);
    assert_ne!(moved.code, 0, "{}", moved.out);
    let said = format!("{}{}", moved.out, moved.err);
    assert!(
        said.contains("1.1.0") && said.contains("other content"),
        "{said}"
    );
    assert_eq!(repository.version("test").as_deref(), Some("1.1.0"));
}

pub fn a_failed_acceptance_test_ends_it() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let repository = Repository::here();
    repository.estiba(&["ci", "gitlab"]).ok();
    repository.tag("v1.0.0");
    repository.estiba(&["ci", "run", "--tag", "v1.0.0"]).ok();
    repository.write("api/tests.yaml", &acceptance("3"));
    repository.tag("v1.1.0");
    let run = ["ci", "run", "--tag", "v1.1.0", "--manual", "promote-prod"];
    let failed = repository.estiba(&run);
    assert_eq!(failed.code, 1, "{}", failed.out);
    // What worked serves, and nobody can take the other to prod.
    assert_eq!(repository.version("test").as_deref(), Some("1.0.0"));
    assert_eq!(repository.version("prod"), None);
    let junit = repository.read(&format!("{JOB}/estiba-report.xml"));
    assert!(junit.contains("<failure"), "{junit}");
    assert!(junit.contains("moria/tp2/test 1.1.0"), "{junit}");
}

pub fn on_a_cluster() {
    let why = missing().or_else(cluster::missing);
    if let Some(why) = why {
        return println!("skipped: {why}");
    }
    let repository = Repository::on_a_cluster();
    repository
        .estiba(&["ci", "gitlab", "--runner", "estiba"])
        .ok();
    repository.tag("v1.0.0");
    repository.estiba(&["ci", "run", "--tag", "v1.0.0"]).ok();
    assert_eq!(repository.release("test"), "1.0.0");
    assert_eq!(repository.project.instances("test").len(), 1);
    assert!(repository.release("prod").is_null());
    repository
        .estiba(&["ci", "run", "promote-prod", "--tag", "v1.0.0"])
        .ok();
    assert_eq!(repository.release("prod"), "1.0.0");
    assert_eq!(repository.project.instances("prod").len(), 1);
}

pub fn another_tool_runs_it_too() {
    if tool("gle").is_none() {
        return println!("skipped: gitlab-emulator is not installed (.ci/run does)");
    }
    let repository = Repository::here();
    repository.estiba(&["ci", "gitlab", "--no-inputs"]).ok();
    repository.tag("v2.0.0");
    repository.emulated("2.0.0", "deploy-test").ok();
    assert_eq!(repository.version("test").as_deref(), Some("2.0.0"));
    assert_eq!(repository.version("prod"), None);
    assert!(
        Path::new(&repository.project.dir())
            .join("estiba-report.xml")
            .is_file()
    );
}

pub fn two_repositories_of_a_team_do_not_replace_each_other() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let both = ["tp2-api", "tp2-bot"].map(|name| Repository::within(&folder, name));
    for (repository, version) in both.iter().zip(["1.0.0", "3.0.0"]) {
        repository.estiba(&["ci", "gitlab"]).ok();
        repository.tag(&format!("v{version}"));
        repository
            .estiba(&["ci", "run", "--tag", &format!("v{version}")])
            .ok();
    }
    assert_eq!(both[0].version("test").as_deref(), Some("1.0.0"));
    assert_eq!(both[1].version("test").as_deref(), Some("3.0.0"));
}
