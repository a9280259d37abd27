//! A Compose project imported and deployed.

use crate::support::{Project, SECRET, copy, files_with, get, source};

const COMPOSE: &str = "\
services:
  migrate:
    build: ./api
    command: [migrate]
    volumes: [data:/data]
  api:
    build: ./api
    environment:
      GREETING: ${GREETING:-hello}
      BEHAVIOUR: ''
      TOKEN: planted-s3cret-4711
    ports: ['8080:3000']
    volumes: [data:/data]
    healthcheck:
      test: curl -f http://localhost:3000/health || exit 1
    depends_on:
      migrate: { condition: service_completed_successfully }
volumes: { data: {} }
";

pub fn a_compose_project_is_imported_and_runs() {
    let project = Project::new();
    let api = project.dir().join("api");
    copy(&source().join("api"), &api);
    std::fs::remove_file(api.join("score.yaml")).unwrap();
    std::fs::write(project.dir().join("compose.yaml"), COMPOSE).unwrap();

    let tried = project.run(&["import", "compose.yaml", "--dry-run"]).ok();
    assert!(
        tried.out.contains("apiVersion: score.dev/v1b1"),
        "{}",
        tried.out
    );
    assert!(!tried.out.contains(SECRET) && !tried.err.contains(SECRET));
    assert!(!project.dir().join("estiba.yaml").exists());

    let imported = project.run(&["import", "compose.yaml", "--json"]).ok();
    let document = imported.json();
    assert_eq!(document["secrets_kept"][0]["name"], "TOKEN", "{document}");
    assert_eq!(document["files"].as_array().unwrap().len(), 2);
    project.run(&["check"]).ok();

    let again = project.run(&["import", "compose.yaml"]);
    assert_eq!(again.code, 1);
    assert!(again.err.contains("exists already"), "{}", again.err);
    project.run(&["import", "compose.yaml", "--force"]).ok();

    project.run(&["up", "--version", "1.0.0"]).ok();
    let address = project.address("test", "api");
    assert_eq!(get(&address, "/env/GREETING").unwrap().body, "hello");
    assert_eq!(get(&address, "/migrations").unwrap().body, "migrated\n");
    let with_secret = files_with(project.folder.path(), SECRET);
    let only = project.dir().join("compose.yaml");
    assert_eq!(with_secret, [only]);
}
