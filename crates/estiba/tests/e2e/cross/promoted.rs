//! A release that goes on to an environment on another target.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{Crossed, Kind, NONE};

pub fn a_promotion_takes_the_same_images_to_another_target_of_this_machine() {
    if let Some(crossed) = Crossed::new("promoted", [Kind::Local, Kind::Docker]) {
        promoted(&crossed, Kind::Local, Kind::Docker);
    }
}

pub fn a_promotion_takes_the_same_images_to_a_cluster() {
    if let Some(crossed) = Crossed::new("promoted-k8s", [Kind::Docker, Kind::Kubernetes]) {
        promoted(&crossed, Kind::Docker, Kind::Kubernetes);
    }
}

fn promoted(crossed: &Crossed, from: Kind, to: Kind) {
    crossed.place(from, from, &NONE);
    let path = crossed.project.dir().join("estiba.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let mut prod = file["environments"]["test"].clone();
    prod["on"] = json!(to.name());
    prod["after"] = json!("test");
    file["environments"]["prod"] = prod;
    fs::write(&path, file.to_string()).unwrap();

    crossed.up("1.0.0").ok();
    let before = running(crossed, from, "test");
    assert!(!before.is_empty());
    // What is in the folder by now does not matter.
    fs::write(crossed.project.dir().join("api/src/main.rs"), "broken").unwrap();
    let promote = ["promote", "--from", "test", "--to", "prod"];
    let (code, out) = crossed.project.watch(&promote, |_| {});
    assert_eq!(code, Some(0), "{out}");
    let events = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<Value> = events
        .filter(|one: &Value| one["event"] == "carried")
        .collect();
    let images = told[0]["images"].as_array().unwrap().iter();
    let images: BTreeSet<String> = images
        .map(|one| one["image"].as_str().unwrap().replace("sha256:", ""))
        .collect();
    assert!(!images.is_empty(), "{out}");
    // Not what Estiba says, but what each runtime has.
    for (kind, environment) in [(from, "test"), (to, "prod")] {
        if kind != Kind::Local {
            assert_eq!(running(crossed, kind, environment), images, "{environment}");
        }
    }
    for environment in ["test", "prod"] {
        let status = crossed.project.status(environment);
        assert_eq!(status["deployed"]["version"], "1.0.0", "{status}");
        assert_eq!(status["drift"].as_array().unwrap().len(), 0, "{status}");
    }
}

/// The digests of the images that a runtime has running for an environment, as it
/// tells them itself.
fn running(crossed: &Crossed, kind: Kind, environment: &str) -> BTreeSet<String> {
    let team = &crossed.team;
    let (program, args) = match kind {
        Kind::Local => {
            let instances = crossed.project.instances(environment);
            return instances.into_iter().collect();
        }
        Kind::Heroku => unreachable!("it is given another manifest"),
        Kind::Docker => (
            "docker",
            vec![
                "ps".to_owned(),
                "--filter".to_owned(),
                format!("label=dev.estiba.team={team}"),
                "--filter".to_owned(),
                format!("label=dev.estiba.environment={environment}"),
                "--filter".to_owned(),
                "label=dev.estiba.workload".to_owned(),
                "--format".to_owned(),
                "{{.Image}}".to_owned(),
            ],
        ),
        Kind::Kubernetes => (
            "kubectl",
            vec![
                "get".to_owned(),
                "pods".to_owned(),
                "-A".to_owned(),
                "-l".to_owned(),
                format!(
                    "estiba.dev/team={team},estiba.dev/environment={environment},app.kubernetes.io/component=instance"
                ),
                "-o".to_owned(),
                "jsonpath={range .items[*].spec.containers[*]}{.image}{\"\\n\"}{end}".to_owned(),
            ],
        ),
    };
    let done = Command::new(program).args(&args).output().unwrap();
    let images = String::from_utf8(done.stdout).unwrap();
    images
        .lines()
        .map(|image| image.rsplit(['-', ':']).next().unwrap().to_owned())
        .collect()
}
