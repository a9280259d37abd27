//! What a project without mistakes gives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use crate::support::{GOOD, findings, project, shown, write};
use estiba_model::{Diagnostic, Digest, Given, Name, WsdlWanted};
use estiba_project::{ValueUser, find, load, missing_values, required_values, same_telegram_token};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(|d| d.code.as_str()).collect()
}

#[test]
fn the_project_is_what_the_files_say() {
    let directory = project(&[(
        "estiba.yaml",
        "LOG_LEVEL: debug",
        "LOG_LEVEL: 3, ENABLE_RESET: true, RUBY: 3.10",
    )]);
    let loaded = load(directory.path());
    let project = loaded.project.unwrap();
    assert_eq!(project.id.to_string(), "moria/tp2");
    assert_eq!(project.directory, directory.path());
    assert_eq!(
        project.workloads[&name("bot")].directory,
        directory.path().join("bot")
    );
    assert_eq!(
        project
            .environments
            .keys()
            .map(Name::as_str)
            .collect::<Vec<_>>(),
        ["test", "prod"]
    );
    let test = &project.environments[&name("test")];
    assert_eq!(test.placement[&name("api")], name("laptop"));
    assert_eq!(test.config["LOG_LEVEL"], "3");
    assert_eq!(test.config["ENABLE_RESET"], "true");
    assert_eq!(test.config["RUBY"], "3.10");
    let prod = &project.environments[&name("prod")];
    assert!(prod.approve);
    assert_eq!(prod.after, Some(name("test")));
    assert_eq!(prod.replicas[&name("api")], 2);
    assert_eq!(prod.resources["postgres"]["url-from"], "PG_ADMIN_URL");
    assert_eq!(project.targets[&name("laptop")].kind, "local");
}

#[test]
fn an_environment_has_its_own_words_about_services_outside() {
    let outside = "team: moria
outside:
  billing: { url-from: BILLING_URL, wsdl: Charge, owner: networking, by: [api] }
  mail: { url: \"tcp://smtp.example.edu:587\" }";
    let here = "on: laptop
    outside: { billing: { url: \"https://test.example.edu/\", wsdl: false }, own: { url: \"http://own/\" } }
";
    let directory = project(&[
        ("estiba.yaml", "team: moria", outside),
        ("estiba.yaml", "on: laptop\n", here),
    ]);
    let loaded = load(directory.path());
    let project = loaded.project.unwrap();
    let prod = &project.environments[&name("prod")].outside;
    let test = &project.environments[&name("test")].outside;
    assert_eq!(
        prod.keys().map(Name::as_str).collect::<Vec<_>>(),
        ["billing", "mail"]
    );
    assert_eq!(
        test.keys().map(Name::as_str).collect::<Vec<_>>(),
        ["billing", "mail", "own"]
    );
    let (there, here) = (&prod[&name("billing")], &test[&name("billing")]);
    assert_eq!(there.url, Given::Secret("BILLING_URL".to_owned()));
    assert_eq!(
        here.url,
        Given::Here("https://test.example.edu/".to_owned())
    );
    assert_eq!(there.wsdl, Some(WsdlWanted::Operation("Charge".to_owned())));
    assert_eq!(here.wsdl, None);
    assert_eq!(here.owner.as_deref(), Some("networking"));
    assert_eq!(here.by, BTreeSet::from([name("api")]));
    assert_eq!(test[&name("mail")], prod[&name("mail")]);
}

#[test]
fn a_good_project_has_no_findings() {
    let directory = project(&[]);
    let found = findings(directory.path());
    assert!(found.is_empty(), "{}", shown(&found, directory.path()));
}

#[test]
fn a_project_is_loaded_by_its_file_too() {
    let directory = project(&[]);
    assert!(
        load(&directory.path().join("estiba.yaml"))
            .project
            .is_some()
    );
}

#[test]
fn the_nearest_project_is_found_upwards() {
    let directory = project(&[]);
    let root = directory.path().canonicalize().unwrap();
    assert_eq!(find(&directory.path().join("bot")), Some(root));
    assert_eq!(find(tempfile::tempdir().unwrap().path()), None);
}

#[test]
fn routes_of_one_host_with_other_paths_are_apart() {
    let env = "resources:\n  env:\n    type: environment\n";
    let directory = project(&[
        (
            "api/score.yaml",
            "path: /",
            "host: api.example.edu\n      path: /${resources.env.PREFIX}",
        ),
        ("api/score.yaml", "resources:\n", env),
        (
            "estiba.yaml",
            "LOG_LEVEL: debug",
            "LOG_LEVEL: debug, PREFIX: moria-test",
        ),
        (
            "estiba.yaml",
            "LOG_LEVEL: info",
            "LOG_LEVEL: info, PREFIX: moria-prod",
        ),
    ]);
    let found = findings(directory.path());
    assert!(found.is_empty(), "{}", shown(&found, directory.path()));
}

#[test]
fn a_shared_resource_may_leave_its_params_out() {
    let directory = project(&[
        (
            "api/score.yaml",
            "type: postgres",
            "type: postgres\n    id: shared\n    params: { version: 16 }",
        ),
        (
            "bot/score.yaml",
            "  env:\n",
            "  db:\n    type: postgres\n    id: shared\n  env:\n",
        ),
    ]);
    let found = findings(directory.path());
    assert!(found.is_empty(), "{}", shown(&found, directory.path()));
}

#[test]
fn required_values_name_who_reads_them() {
    let directory = project(&[(
        "bot/score.yaml",
        "image: .",
        "image: .\n    files:\n      /motd:\n        source: motd",
    )]);
    write(
        directory.path(),
        &[(
            "bot/motd",
            "of ${resources.env.OWNER}, for $${resources.env.NOBODY}\n",
        )],
    );
    let project = load(directory.path()).project.unwrap();
    let bot = BTreeSet::from([ValueUser::Workload(name("bot"))]);
    let mut expected = BTreeMap::from([
        ("LOG_LEVEL".to_owned(), bot.clone()),
        ("OWNER".to_owned(), bot.clone()),
        ("TELEGRAM_TOKEN".to_owned(), bot),
    ]);
    assert_eq!(required_values(&project, &name("test")), expected);
    let postgres = BTreeSet::from([ValueUser::Resource("postgres".to_owned())]);
    expected.insert("PG_ADMIN_URL".to_owned(), postgres);
    assert_eq!(required_values(&project, &name("prod")), expected);
}

#[test]
fn a_value_is_missing_unless_config_or_the_secrets_have_it() {
    let directory = project(&[]);
    let project = load(directory.path()).project.unwrap();
    let none = BTreeSet::new();
    let prod = missing_values(&project, &name("prod"), &none);
    insta::assert_snapshot!(shown(&prod, directory.path()));
    let both = BTreeSet::from(["TELEGRAM_TOKEN".to_owned(), "PG_ADMIN_URL".to_owned()]);
    assert_eq!(missing_values(&project, &name("prod"), &both), []);
}

#[test]
fn one_telegram_token_in_two_environments_is_an_error() {
    let secrets =
        |key: &str, value: &str| BTreeMap::from([(key.to_owned(), Digest::of(value.as_bytes()))]);
    let values = |prod| {
        BTreeMap::from([
            (name("test"), secrets("TELEGRAM_TOKEN", "one")),
            (name("prod"), prod),
        ])
    };
    assert_eq!(
        codes(&same_telegram_token(&values(secrets("BOT_TOKEN", "one")))),
        ["shared-telegram-token"]
    );
    assert_eq!(
        same_telegram_token(&values(secrets("TELEGRAM_TOKEN", "two"))),
        []
    );
    assert_eq!(same_telegram_token(&values(secrets("API_KEY", "one"))), []);
}

#[test]
fn the_example_has_no_findings() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/tp2");
    let found = findings(&example);
    assert!(found.is_empty(), "{}", shown(&found, &example));
}

#[test]
fn a_thousand_workloads_are_all_read() {
    let directory = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for index in 0..1000 {
        let (bot, api) = (GOOD[1].1, GOOD[3].1);
        let text = if index % 2 == 0 { bot } else { api };
        let text = text.replace("name: bot", &format!("name: w{index}"));
        let text = text.replace("name: api", &format!("name: w{index}"));
        let text = text.replace("workload: api", &format!("workload: w{}", index + 1));
        let folder = format!("w{index}");
        write(
            &directory.path().join(&folder),
            &[("score.yaml", &text), ("Dockerfile", ""), ("motd", "")],
        );
        writeln!(list, "  - {folder}/score.yaml").unwrap();
    }
    let estiba = format!(
        "project: big\nteam: moria\nworkloads:\n{list}targets: {{ laptop: {{ kind: local }} }}\n\
         environments:\n  test: {{ on: laptop, config: {{ LOG_LEVEL: debug }} }}\n  prod: {{ on: laptop }}\n"
    );
    write(directory.path(), &[("estiba.yaml", &estiba)]);
    let loaded = load(directory.path());
    assert_eq!(loaded.diagnostics, []);
    let project = loaded.project.unwrap();
    assert_eq!(project.workloads.len(), 1000);
}

#[test]
fn the_name_of_a_secret_is_none() {
    let directory = project(&[
        (
            "estiba.yaml",
            "laptop: { kind: local }",
            "laptop: { kind: kubernetes, pull-secret: registry-login-of-moria }",
        ),
        (
            "estiba.yaml",
            "team: moria",
            "team: moria\nregistry: registry.example.edu/moria",
        ),
        (
            "estiba.yaml",
            "{ url-from: PG_ADMIN_URL }",
            "{ secret: tp2-database-app }",
        ),
    ]);
    assert_eq!(codes(&findings(directory.path())), [""; 0]);
}
