//! What each mistake in a project says.

use crate::support::{findings, project, shown};

/// One mistake in the good project, and the snapshot of what it says.
macro_rules! bad {
    ($($name:ident: [$(($file:literal, $from:literal, $to:literal)),+ $(,)?];)+) => {$(
        #[test]
        fn $name() {
            let directory = project(&[$(($file, $from, $to)),+]);
            let found = findings(directory.path());
            assert!(!found.is_empty(), "nothing was found");
            insta::assert_snapshot!(stringify!($name), shown(&found, directory.path()));
        }
    )+};
}

bad! {
    not_yaml: [("estiba.yaml", "team: moria", "team: [moria")];
    not_a_map: [("estiba.yaml", "", "- tp2\n")];
    empty_file: [("estiba.yaml", "", "")];
    unknown_key: [("estiba.yaml", "team: moria", "team: moria\ncolour: red")];
    unknown_key_of_environment: [("estiba.yaml", "replicas:", "replica:")];
    missing_team: [("estiba.yaml", "team: moria\n", "")];
    missing_on: [("estiba.yaml", "    on: laptop\n", "")];
    wrong_type: [("estiba.yaml", "approve: true", "approve: maybe")];
    wrong_type_of_on: [("estiba.yaml", "on: laptop", "on: [laptop]")];
    bad_name: [("estiba.yaml", "project: tp2", "project: TP_2")];
    bad_name_of_environment: [("estiba.yaml", "  prod:", "  Prod:")];
    no_environments: [("estiba.yaml", "", "project: tp2\nteam: moria\nworkloads: [bot/score.yaml, api/score.yaml]\ntargets: { laptop: { kind: local } }\nenvironments: {}\n")];
    no_workloads: [("estiba.yaml", "[bot/score.yaml, api/score.yaml]", "[]")];
    unknown_key_of_a_service_outside: [("estiba.yaml", "team: moria", "team: moria\noutside:\n  billing: { ulr: \"https://h/\" }")];
    service_outside_that_is_nowhere: [("estiba.yaml", "team: moria", "team: moria\noutside:\n  billing: { owner: networking }\n  mail: { url: smtp.example.edu }\n  tcp: { url: \"tcp://smtp.example.edu\" }")];
    service_outside_with_contradictions: [("estiba.yaml", "team: moria", "team: moria\noutside:\n  billing: { url: \"https://h/\", url-from: BILLING, user: moria, by: [apy], ca: own.pem }\n  two: { url: \"https://h/\", user: moria, password-from: P, token-from: T }")];
    service_outside_with_what_only_http_has: [("estiba.yaml", "team: moria", "team: moria\noutside:\n  db: { url: \"postgres://db.example.edu/notes\", wsdl: true, user: app, password-from: P }\n  mail: { url: \"tcp://smtp.example.edu:587\", token-from: T, expect: 200 }")];
    service_outside_with_signs_that_no_url_has: [("estiba.yaml", "team: moria", "team: moria\noutside:\n  accent: { url: \"http://h.example.edu/é\" }\n  blank: { url: \"http://h.example.edu/a b/ü\" }\n  host: { url: \"tcp://españa.example.edu:587\" }")];
    service_outside_with_a_bad_name_and_a_bad_url: [
        ("estiba.yaml", "team: moria", "team: moria\noutside:\n  Bill_ing: { url: smtp.example.edu }"),
        ("estiba.yaml", "on: laptop\n", "on: laptop\n    outside: { My_DB: { url: \"https://app:hunter22@db.example.edu/ü\" } }\n"),
    ];
    service_outside_with_a_password: [("estiba.yaml", "on: laptop\n", "on: laptop\n    outside: { db: { url: \"postgres://app:hunter22@db.example.edu/notes\" } }\n")];
    replicas_out_of_range: [("estiba.yaml", "replicas: { api: 2 }", "replicas: { api: -2 }")];
    config_that_is_a_list: [("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: [debug]")];
    bad_registry: [("estiba.yaml", "team: moria", "team: moria\nregistry: https://Registry.example.edu/tp2")];
    target_of_a_later_version: [("estiba.yaml", "kind: local", "kind: nomad, address: http://127.0.0.1:4646")];
    heroku_can_not_do_all: [("estiba.yaml", "kind: local", "kind: heroku")];
    heroku_app_for_all_environments: [("estiba.yaml", "kind: local", "kind: heroku, app: \"{team}-{workload}\"")];
    heroku_app_of_two_workloads: [("estiba.yaml", "kind: local", "kind: heroku, app: \"{team}-{environment}\"")];
    heroku_app_with_a_long_name: [("estiba.yaml", "kind: local", "kind: heroku, app: \"{team}-{project}-{workload}-{environment}-of-the-course\"")];
    heroku_key_in_the_clear: [("estiba.yaml", "kind: local", "kind: heroku, api: \"http://heroku.example.edu\"")];
    cluster_without_registry: [("estiba.yaml", "kind: local", "kind: kubernetes, context: memo2")];
    setting_of_another_kind: [("estiba.yaml", "kind: local", "kind: docker, context: memo2")];
    unknown_kind_of_target: [("estiba.yaml", "kind: local", "kind: locla")];
    unknown_setting_of_target: [("estiba.yaml", "kind: local", "kind: local, prot: 8080")];
    port_out_of_range: [("estiba.yaml", "kind: local", "kind: local, port: 80800")];
    unknown_target: [("estiba.yaml", "on: laptop", "on: labtop")];
    unknown_target_of_a_workload: [("estiba.yaml", "{ bot: laptop, api: laptop }", "{ bot: laptop, api: cloud }")];
    unknown_workload_placed: [("estiba.yaml", "api: laptop }", "api: laptop, apy: laptop }")];
    unknown_workload_replicated: [("estiba.yaml", "replicas: { api: 2 }", "replicas: { apii: 2 }")];
    unplaced_workload: [("estiba.yaml", "{ bot: laptop, api: laptop }", "{ bot: laptop }")];
    acceptance_without_tests: [("estiba.yaml", "after: test", "after: test\n    acceptance: true")];
    acceptance_where_nothing_is_run_beside: [
        ("estiba.yaml", "kind: local", "kind: heroku"),
        ("estiba.yaml", "after: test", "after: test\n    acceptance: true"),
        ("bot/score.yaml", "  name: bot\n", "  name: bot\n  annotations: { estiba.dev/acceptance: main }\n"),
    ];
    smoke_test_of_what_nobody_reaches: [
        ("estiba.yaml", "laptop: { kind: local }", "laptop: { kind: kubernetes }"),
        ("estiba.yaml", "team: moria", "team: moria\nregistry: registry.example.edu/moria"),
        ("api/score.yaml", "  name: api\n", "  name: api\n  annotations: { estiba.dev/smoke: /version }\n"),
    ];
    smoke_test_of_a_route_to_the_own_host: [
        ("estiba.yaml", "laptop: { kind: local }", "laptop: { kind: kubernetes }"),
        ("estiba.yaml", "team: moria", "team: moria\nregistry: registry.example.edu/moria"),
        ("api/score.yaml", "  name: api\n", "  name: api\n  annotations: { estiba.dev/smoke: /version }\n"),
        ("api/score.yaml", "  db:\n", "  dns: { type: dns }\n  way: { type: route, params: { host: \"${resources.dns.host}\", path: /, port: 8080 } }\n  db:\n"),
    ];
    mail_that_goes_nowhere: [("bot/score.yaml", "  env:\n", "  mail: { type: smtp }\n  env:\n")];
    mail_on_a_platform_without_a_network: [
        ("estiba.yaml", "kind: local", "kind: heroku"),
        ("estiba.yaml", "postgres: { url-from: PG_ADMIN_URL }", "smtp: { url-from: SMTP_URL }"),
        ("bot/score.yaml", "  env:\n", "  mail: { type: smtp }\n  env:\n"),
    ];
    mail_from_two_targets: [
        ("estiba.yaml", "laptop: { kind: local }", "laptop: { kind: local }\n  engine: { kind: docker }"),
        ("estiba.yaml", "on: laptop\n", "on: { bot: laptop, api: engine }\n"),
        ("estiba.yaml", "postgres: { url-from: PG_ADMIN_URL }", "smtp: { url-from: SMTP_URL }"),
        ("bot/score.yaml", "  env:\n", "  mail: { type: smtp }\n  env:\n"),
        ("api/score.yaml", "  db:\n", "  mail: { type: smtp }\n  db:\n"),
    ];
    mail_server_that_is_none: [
        ("estiba.yaml", "postgres: { url-from: PG_ADMIN_URL }", "smtp: { url: \"https://mail.example.edu\", sender: me }"),
    ];
    output_that_mail_does_not_have: [
        ("estiba.yaml", "postgres: { url-from: PG_ADMIN_URL }", "smtp: { url-from: SMTP_URL }"),
        ("bot/score.yaml", "  env:\n", "  mail: { type: smtp }\n  env:\n"),
        ("bot/score.yaml", "API_URL:", "MAIL: ${resources.mail.hostname}\n      API_URL:"),
    ];
    workload_named_as_the_sink: [("api/score.yaml", "name: api", "name: estiba-mail"), ("bot/score.yaml", "workload: api", "workload: estiba-mail"), ("estiba.yaml", "api: laptop", "estiba-mail: laptop"), ("estiba.yaml", "{ api: 2 }", "{ estiba-mail: 2 }")];
    reset_of_what_a_person_approves: [("estiba.yaml", "approve: true", "approve: true\n    reset: true")];
    unknown_environment: [("estiba.yaml", "after: test", "after: tset")];
    previews_like_nothing: [("estiba.yaml", "team: moria", "team: moria\npreviews: { like: tset }")];
    environment_named_as_a_preview: [
        ("estiba.yaml", "team: moria", "team: moria\npreviews: { like: test }"),
        ("estiba.yaml", "  prod:", "  preview-1:"),
    ];
    previews_at_the_host_of_another: [
        ("estiba.yaml", "team: moria", "team: moria\npreviews: { like: test }"),
        ("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: debug, HOST: t.example.edu"),
        ("estiba.yaml", "LOG_LEVEL: info", "LOG_LEVEL: info, HOST: p.example.edu"),
        ("api/score.yaml", "path: /", "host: ${resources.env.HOST}\n      path: /"),
        ("api/score.yaml", "resources:\n", "resources:\n  env:\n    type: environment\n"),
    ];
    alert_that_makes_no_sense: [("estiba.yaml", "team: moria", "team: moria\nalerts:\n  errors: { when: \"level:error AND (status:\", over: 10 per minute, pause: a day, in: [prdo, previews] }\n  slow: { wehn: slow }")];
    logs_that_go_nowhere: [("estiba.yaml", "team: moria", "team: moria\nlogs: { to: elastic:9200, index: Logs, user: moria, tokn: LOG_TOKEN }")];
    logs_with_a_file_for_a_certificate: [("estiba.yaml", "team: moria", "team: moria\nlogs: { to: \"https://elastic.example.edu\", ca: elastic.pem }")];
    logs_with_a_login_in_the_address: [("estiba.yaml", "team: moria", "team: moria\nlogs: { to: \"https://moria@elastic.example.edu\", token: T, password: P }")];
    after_itself: [("estiba.yaml", "after: test", "after: prod")];
    cycle_of_environments: [("estiba.yaml", "on: laptop\n", "on: laptop\n    after: prod\n")];
    two_workloads_of_one_name: [("api/score.yaml", "name: api", "name: bot")];
    workload_listed_twice: [("estiba.yaml", "[bot/score.yaml,", "[bot/score.yaml, bot/score.yaml,")];
    missing_score_file: [("estiba.yaml", "bot/score.yaml", "bto/score.yaml")];
    folder_for_a_score_file: [("estiba.yaml", "bot/score.yaml", "bot")];
    broken_score_file: [("bot/score.yaml", "image: .", "image: 7")];
    same_host_in_two_environments: [("api/score.yaml", "path: /", "host: api.example.edu\n      path: /")];
    one_address_for_two_workloads: [
        ("estiba.yaml", "team: moria", "team: moria\nregistry: registry.example.edu/tp2"),
        ("estiba.yaml", "kind: local", "kind: kubernetes, ingress: \"{team}-{environment}.example.edu\""),
        ("bot/score.yaml", "containers:\n", "service:\n  ports:\n    web: { port: 80 }\ncontainers:\n"),
    ];
    what_a_route_of_openshift_has_not: [
        ("estiba.yaml", "team: moria", "team: moria\nregistry: registry.example.edu/tp2"),
        ("estiba.yaml", "kind: local", "kind: kubernetes, ingress: \"example.edu/{environment}/{workload}\", ingress-class: openshift-route, tls: letsencrypt"),
    ];
    same_host_from_config: [
        ("api/score.yaml", "path: /", "host: ${resources.env.HOST}\n      path: /"),
        ("api/score.yaml", "resources:\n", "resources:\n  env:\n    type: environment\n"),
        ("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: debug, HOST: api.example.edu"),
        ("estiba.yaml", "LOG_LEVEL: info", "LOG_LEVEL: info, HOST: API.example.edu"),
    ];
    service_port_of_unknown_workload: [("bot/score.yaml", "workload: api", "workload: appi")];
    service_port_of_unknown_port: [("bot/score.yaml", "port: web", "port: wbe")];
    service_port_without_workload: [("bot/score.yaml", "workload: api", "job: api")];
    service_port_of_a_workload_with_none: [("bot/score.yaml", "workload: api", "workload: bot")];
    route_to_unknown_port: [("api/score.yaml", "port: web", "port: 8081")];
    route_without_a_port: [("api/score.yaml", "      path: /\n      port: web\n", "      path: /\n"), ("api/score.yaml", "    web:\n", "    admin:\n      port: 81\n    web:\n")];
    route_of_a_workload_with_no_port: [("bot/score.yaml", "  env:\n", "  way:\n    type: route\n  env:\n")];
    route_without_slash: [("api/score.yaml", "path: /", "path: v1")];
    conflicting_params: [
        ("api/score.yaml", "type: postgres", "type: postgres\n    id: shared\n    params: { version: 16 }"),
        ("bot/score.yaml", "  env:\n", "  db:\n    type: postgres\n    id: shared\n    params: { version: 17 }\n  env:\n"),
    ];
    unknown_output: [("api/score.yaml", "${resources.db.host}", "${resources.db.hots}")];
    unknown_output_in_a_source: [("api/motd", "", "see ${resources.db.url} and ${resources.bd.host}\n")];
    unsupported_resource: [("api/score.yaml", "type: postgres", "type: postgre")];
    unsupported_resource_settings: [("estiba.yaml", "postgres: {", "redis: {")];
    unknown_setting_of_resource: [("estiba.yaml", "url-from", "ulr-from")];
    what_a_cluster_can_do_later_or_never: [
        ("estiba.yaml", "team: moria", "team: moria\nregistry: registry.example.edu/tp2"),
        ("estiba.yaml", "kind: local", "kind: kubernetes"),
        ("bot/score.yaml", "containers:\n", "containers:\n  proxy:\n    image: .\n    before: { main: { ready: healthy } }\n    readinessProbe: { httpGet: { port: 80, path: / }, exec: { command: [\"true\"] } }\n"),
    ];
    udp: [("api/score.yaml", "targetPort: 8080", "targetPort: 8080\n      protocol: UDP")];
    telegram_token_of_two_environments: [
        ("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: debug, TELEGRAM_TOKEN: shared"),
        ("estiba.yaml", "LOG_LEVEL: info", "LOG_LEVEL: info, TELEGRAM_TOKEN: shared"),
    ];
    telegram_token_in_clear: [("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: debug, TELEGRAM_TOKEN: \"123456:abcdefghijklmnopqrstuvwxyz0123456789\"")];
    telegram_token_in_a_variable: [("bot/score.yaml", "${resources.env.TELEGRAM_TOKEN}", "123456:abcdefghijklmnopqrstuvwxyz0123456789")];
    password_in_a_url: [("bot/score.yaml", "API_URL:", "DATABASE_URL: postgres://moria:planted@db/tp2\n      API_URL:")];
    password_in_config: [("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVEL: debug, SMTP_PASSWORD: planted")];
    two_pollers: [("estiba.yaml", "replicas: { api: 2 }", "replicas: { bot: 2 }")];
    unused_value: [("estiba.yaml", "LOG_LEVEL: debug", "LOG_LEVLE: debug")];
    missing_source: [("api/score.yaml", "source: motd", "source: mtod")];
    nothing_to_build: [
        ("estiba.yaml", "bot/score.yaml", "web/score.yaml"),
        ("web/score.yaml", "", "apiVersion: score.dev/v1b1\nmetadata: { name: bot }\ncontainers: { main: { image: . } }\n"),
    ];
    broken_names_hide_nothing: [
        ("estiba.yaml", "project: tp2", "project: TP2"),
        ("estiba.yaml", "team: moria\n", ""),
        ("estiba.yaml", "after: test", "after: tset"),
    ];
    no_targets_hide_no_score_file: [
        ("estiba.yaml", "targets:\n  laptop: { kind: local }\n", ""),
        ("bot/score.yaml", "image: .", "image: 7"),
    ];
    all_at_once: [
        ("estiba.yaml", "team: moria", "team: moria\ncolour: red"),
        ("estiba.yaml", "after: test", "after: tset"),
        ("estiba.yaml", "api: laptop }", "api: cloud }"),
        ("bot/score.yaml", "port: web", "port: wbe"),
        ("api/score.yaml", "${resources.db.host}", "${resources.db.hots}"),
        ("api/score.yaml", "source: motd", "source: mtod"),
    ];
}

#[test]
fn no_project() {
    let directory = tempfile::tempdir().unwrap();
    let found = findings(directory.path());
    insta::assert_snapshot!(shown(&found, directory.path()));
}

#[test]
fn a_secret_never_gets_into_a_finding() {
    let token = "123456:abcdefghijklmnopqrstuvwxyz0123456789";
    let directory = project(&[
        (
            "estiba.yaml",
            "LOG_LEVEL: debug",
            &format!("LOG_LEVEL: debug, TELEGRAM_TOKEN: \"{token}\""),
        ),
        (
            "estiba.yaml",
            "LOG_LEVEL: info",
            &format!("LOG_LEVEL: info, TELEGRAM_TOKEN: \"{token}\""),
        ),
        ("bot/score.yaml", "${resources.env.TELEGRAM_TOKEN}", token),
        (
            "bot/score.yaml",
            "API_URL:",
            "DATABASE_URL: postgres://moria:planted@db/tp2\n      API_URL:",
        ),
    ]);
    let found = findings(directory.path());
    assert!(found.len() >= 4);
    let told = shown(&found, directory.path());
    assert!(!told.contains(token) && !told.contains("planted"), "{told}");
}
