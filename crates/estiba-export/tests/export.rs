//! What the formats have in common, and what they are told.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use estiba_export::{Database, Export, Exported, RunsAs, chart, compose, kubernetes};
use estiba_model::{EnvironmentId, Lang, Message, Name, ReleasedWorkload};
use estiba_target_kubernetes::Settings;

const API: &str = "
apiVersion: score.dev/v1b1
metadata:
  name: api
  annotations: { estiba.dev/migration: migrate }
service:
  ports: { http: { port: 8080, targetPort: 3000 } }
containers:
  main:
    image: .
    variables: { LOG_LEVEL: '${resources.env.LOG_LEVEL}' }
    readinessProbe: { httpGet: { path: /health, port: 3000 } }
    resources: { limits: { memory: 64Mi, cpu: 100m } }
  migrate: { image: 'flyway:11' }
resources:
  env: { type: environment }
  route: { type: route, params: { host: api.example.org, path: /, port: 8080 } }
";

const DATABASE: &str = "
  db: { type: postgres }
";

const URL: &str = "postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.database}";

type Format = fn(&Export) -> Result<Exported, Vec<Message>>;

const FORMATS: [Format; 3] = [compose, kubernetes, chart];

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A workload with a database.
fn export() -> Export {
    let variables = format!("variables: {{ DATABASE_URL: '{URL}', LOG_LEVEL:");
    let score = API
        .trim_end()
        .replace("variables: { LOG_LEVEL:", &variables);
    of(&(score + DATABASE))
}

fn of(score: &str) -> Export {
    let parsed = estiba_score::parse("score.yaml".as_ref(), score);
    let released = ReleasedWorkload {
        workload: parsed.workload.unwrap(),
        images: BTreeMap::new(),
    };
    Export {
        environment: EnvironmentId {
            team: name("moria"),
            project: name("tp2"),
            environment: name("test"),
        },
        version: "1.2.0".parse().unwrap(),
        workloads: BTreeMap::from([(name("api"), released)]),
        registry: None,
        config: BTreeMap::from([("LOG_LEVEL".to_owned(), "debug".to_owned())]),
        secrets: BTreeSet::new(),
        replicas: BTreeMap::new(),
        without_shell: BTreeSet::new(),
        users: BTreeMap::new(),
        database: Database::default(),
        cluster: Settings::default(),
        explain: None,
        lang: Lang::En,
    }
}

/// All texts of an export, under their paths.
fn text(exported: &Exported) -> String {
    let files = exported.files.iter();
    let texts = files.map(|file| format!("{}:\n{}\n", file.path, file.text));
    texts.collect()
}

fn notes(exported: &Exported) -> String {
    let notes: Vec<&str> = exported.notes.iter().map(|note| note.en.as_ref()).collect();
    notes.join("\n")
}

fn without_comments(text: &str) -> Vec<&str> {
    let is_comment = |line: &&str| line.trim_start().starts_with('#');
    text.lines().filter(|line| !is_comment(line)).collect()
}

#[test]
fn comments_change_no_meaning_and_are_in_two_languages() {
    for format in FORMATS {
        let plain = text(&format(&export()).unwrap());
        let explained = [Lang::En, Lang::Es].map(|lang| {
            let explained = Export {
                explain: Some(lang),
                ..export()
            };
            text(&format(&explained).unwrap())
        });
        for explained in &explained {
            assert_eq!(without_comments(explained), without_comments(&plain));
            assert!(explained.len() > plain.len() + 500);
        }
        assert_ne!(explained[0], explained[1]);
    }
}

#[test]
fn a_database_in_a_server_of_ones_own_is_only_asked_for() {
    for format in FORMATS {
        let external = Export {
            database: Database {
                external: true,
                ..Database::default()
            },
            ..export()
        };
        let exported = format(&external).unwrap();
        let text = text(&exported);
        for value in ["HOST", "PORT", "NAME", "USERNAME", "PASSWORD"] {
            assert!(text.contains(&format!("API_DB_{value}")), "{value}: {text}");
        }
        for server in ["StatefulSet", "POSTGRES_PASSWORD"] {
            assert!(!text.contains(server), "{server}: {text}");
        }
        let notes = notes(&exported);
        assert!(notes.contains("moria_tp2_test"), "{notes}");
    }
}

#[test]
fn databases_have_the_image_and_the_disk_of_the_environment() {
    for format in FORMATS {
        let other = Export {
            database: Database {
                image: Some("registry.example.edu/postgres:17".to_owned()),
                size: Some("7Gi".to_owned()),
                external: false,
            },
            ..export()
        };
        let text = text(&format(&other).unwrap());
        assert!(text.contains("registry.example.edu/postgres"), "{text}");
        assert!(!text.contains("postgres:15"), "{text}");
        // Volumes of Compose have no size.
        assert!(text.contains("7Gi") || text.contains("services:"), "{text}");
    }
}

#[test]
fn containers_run_as_their_images_want_where_that_is_known() {
    let cases = [
        (Some(RunsAs::User(101)), "runAsUser: 101", ""),
        (
            Some(RunsAs::Root),
            "runAsUser: 65532",
            "flyway:11 asks for root",
        ),
        (None, "runAsUser: 65532", "flyway:11 was not looked at"),
    ];
    for (runs, wanted, told) in cases {
        let runs = runs.map(|runs| ((name("api"), name("migrate")), runs));
        let known = Export {
            users: runs.into_iter().collect(),
            ..export()
        };
        let exported = kubernetes(&known).unwrap();
        let mut files = exported.files.iter();
        let job = files.find(|file| file.path.contains("30-api")).unwrap();
        assert!(job.text.contains(wanted), "{}", job.text);
        let notes = notes(&exported);
        assert_eq!(notes.is_empty(), told.is_empty(), "{notes}");
        assert!(notes.contains(told), "{notes}");
    }
}

#[test]
fn a_migration_without_a_database_is_told_to_hold_nothing_back() {
    for format in [kubernetes as Format, chart] {
        let exported = format(&of(API)).unwrap();
        let notes = notes(&exported);
        assert!(notes.contains("nothing holds api back"), "{notes}");
        let text = text(&exported);
        assert!(!text.contains("await-migration"), "{text}");
    }
}

#[test]
fn folders_of_logs_stay_and_a_note_says_that_nobody_reads_them() {
    let score = API.replace(
        "annotations: {",
        "annotations: { estiba.dev/logs: '/data/logs/*.log',",
    );
    let score = score.replace(
        "  migrate: {",
        "  proxy: { image: 'nginx:1' }\n  migrate: {",
    );
    for format in FORMATS {
        let exported = format(&of(&score)).unwrap();
        let notes = notes(&exported);
        assert!(
            notes.contains("api logs to files (/data/logs/*.log)"),
            "{notes}"
        );
    }
    let compose = text(&compose(&of(&score)).unwrap());
    assert_eq!(
        compose.matches("- api-logs-0:/data/logs").count(),
        2,
        "{compose}"
    );
    assert!(compose.contains("mode=1777"), "{compose}");
    let kubernetes = text(&kubernetes(&of(&score)).unwrap());
    assert_eq!(
        kubernetes.matches("mountPath: /data/logs").count(),
        2,
        "{kubernetes}"
    );
    assert!(!kubernetes.contains("ship"), "{kubernetes}");
}

#[test]
fn mail_goes_to_a_server_that_a_person_names() {
    let variables = "variables: { SMTP: '${resources.mail.host}:${resources.mail.port}', API: '${resources.mail.api}', LOG_LEVEL:";
    let score = API.trim_end().replace("variables: { LOG_LEVEL:", variables);
    let export = of(&(score + "\n  mail: { type: smtp }\n"));
    for format in FORMATS {
        let exported = format(&export).unwrap();
        let all: String = exported.files.iter().map(|f| f.text.as_str()).collect();
        assert!(all.contains("API_MAIL_HOST"), "{all}");
        let notes: Vec<&str> = exported.notes.iter().map(|n| n.en.as_str()).collect();
        assert!(notes.concat().contains("there is no sink"), "{notes:?}");
    }
}
