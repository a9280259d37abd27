//! An environment for a merge request.

use serde_json::Value;

use crate::repository::Repository;

fn names(repository: &Repository) -> Vec<String> {
    let all: Value = repository.estiba(&["status", "--json"]).ok().json();
    let all = all.as_array().unwrap().iter();
    all.map(|one| one["environment"].as_str().unwrap().to_owned())
        .collect()
}

pub fn a_preview_comes_and_goes() {
    let repository = Repository::here();
    let unknown = repository.estiba(&["deploy", "--env", "preview-7"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.err.contains("there is no environment preview-7"),
        "{}",
        unknown.err
    );

    let mut file: Value = serde_json::from_str(&repository.read("estiba.yaml")).unwrap();
    file["previews"] = serde_json::json!({ "like": "test", "config": { "GREETING": "look" } });
    repository.write("estiba.yaml", &file.to_string());
    repository.estiba(&["up", "--version", "1.0.0"]).ok();
    let deploy = ["deploy", "--env", "preview-7", "--version", "1.0.0"];
    repository.estiba(&deploy).ok();
    assert_eq!(names(&repository), ["test", "prod", "preview-7"]);
    let said = |environment: &str| {
        let address = repository.project.address(environment, "api");
        crate::support::get(&address, "/greeting").unwrap().body
    };
    assert_eq!(
        (said("preview-7").as_str(), said("test").as_str()),
        ("look", "hello")
    );
    repository
        .estiba(&["down", "--env", "preview-7", "--yes"])
        .ok();
    assert_eq!(names(&repository), ["test", "prod"]);
    assert_eq!(said("test"), "hello");

    file["previews"]["like"] = "tset".into();
    repository.write("estiba.yaml", &file.to_string());
    let check = repository.estiba(&["check"]);
    assert_eq!(check.code, 1);
    assert!(
        check.err.contains("did you mean \"test\"?"),
        "{}",
        check.err
    );
    // Taken down by the name that it has again.
    file["previews"]["like"] = "test".into();
    repository.write("estiba.yaml", &file.to_string());
}
