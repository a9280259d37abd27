//! What a release has with mail in it.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Desired, Digest, EnvironmentId, MAIL_SINK, Message, Name, Release, ReleasedWorkload, SMTP,
    SecretString, TargetConfig,
};
use serde_json::{Map, Value};

use super::sink::FORM;
use super::{MailSink, outputs, with_sink};
use crate::bind::Bound;
use crate::desired::desired;
use crate::inputs::Inputs;
use crate::runtime::Targets;
use crate::values::Known;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A release of one workload, which sends mail.
fn release(version: &str) -> Release {
    let score = "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main:\n    image: .\n    variables: { SMTP: \"${resources.mail.host}\" }\nresources: { mail: { type: smtp } }\n";
    let workload = estiba_score::parse("score.yaml".as_ref(), score).workload;
    let released = ReleasedWorkload {
        workload: workload.unwrap(),
        images: BTreeMap::from([(name("main"), Digest::of(version.as_bytes()))]),
    };
    Release {
        project: estiba_model::ProjectId {
            team: name("moria"),
            project: name("tp2"),
        },
        version: version.parse().unwrap(),
        commit: None,
        commits: Vec::new(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
        workloads: BTreeMap::from([(name("api"), released)]),
    }
}

fn inputs(version: &str, image: Option<&str>, smtp: &[(&str, &str)]) -> Inputs {
    let laptop = TargetConfig {
        kind: "local".to_owned(),
        settings: Map::new(),
    };
    let smtp = smtp.iter();
    let smtp: Map<String, Value> = smtp
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    let mut inputs = Inputs {
        environment: EnvironmentId {
            team: name("moria"),
            project: name("tp2"),
            environment: name("test"),
        },
        version: version.parse().unwrap(),
        registry: None,
        targets: BTreeMap::from([(name("laptop"), laptop)]),
        left: BTreeMap::new(),
        shipper: None,
        found: BTreeSet::new(),
        placement: BTreeMap::from([(name("api"), name("laptop"))]),
        replicas: BTreeMap::new(),
        config: BTreeMap::new(),
        secrets: BTreeMap::new(),
        provision: BTreeMap::new(),
        restarts: BTreeMap::new(),
        acceptance: false,
        reset: false,
        emptied_ms: None,
        mail_sink: image.map(|image| MailSink {
            image: Digest::of(image.as_bytes()),
            program: "/usr/local/bin/estiba".to_owned(),
            form: FORM,
        }),
    };
    if !smtp.is_empty() {
        inputs.provision.insert(SMTP.to_owned(), smtp);
    }
    inputs
}

fn bound(inputs: Inputs) -> Result<Bound, Vec<Message>> {
    let release = with_sink(release(inputs.version.as_str()), &inputs);
    Bound::new(inputs, release)
}

fn wanted(inputs: Inputs) -> Desired {
    let bound = bound(inputs).unwrap();
    let keyed = |bytes: &[u8]| {
        let mut key = [0; 32];
        let digest = Digest::of(bytes);
        key.copy_from_slice(&digest.hex().as_bytes()[..32]);
        key
    };
    desired(&bound, &Known::default(), &Targets::new(), &keyed)
}

#[test]
fn the_sink_comes_before_who_sends() {
    let wanted = wanted(inputs("1.0.0", Some("a"), &[]));
    let names: Vec<&str> = wanted.workloads.iter().map(|w| w.name.as_str()).collect();
    assert_eq!(names, ["api", MAIL_SINK]);
    assert!(wanted.workloads[0].after.contains(MAIL_SINK));
    assert!(wanted.workloads[1].after.is_empty());
    let ports: Vec<&str> = wanted.resources.iter().map(|r| r.id.0.as_str()).collect();
    let expected = ["smtp", "api"].map(|port| format!("service-port.default#estiba-mail.{port}"));
    assert_eq!(ports, expected);
}

#[test]
fn neither_a_version_nor_a_newer_estiba_replaces_the_sink() {
    let of = |version, image| {
        let wanted = wanted(inputs(version, Some(image), &[]));
        wanted.workloads.into_iter().map(|w| w.fingerprint)
    };
    let before: Vec<_> = of("1.0.0", "a").collect();
    let upgraded: Vec<_> = of("1.0.0", "b").collect();
    assert_eq!(before, upgraded);
    let newer: Vec<_> = of("1.1.0", "a").collect();
    assert_ne!(before[0], newer[0]);
    assert_eq!(before[1], newer[1]);
}

#[test]
fn a_server_takes_the_place_of_the_sink() {
    let url = "smtp://app:s3cret@mail.example.edu";
    let with = |url: &str| inputs("1.0.0", None, &[("url", url), ("from", "me@example.edu")]);
    let given = wanted(with(url));
    assert_eq!(given.workloads.len(), 1);
    assert!(given.resources.is_empty());
    let other = wanted(with("smtp://app:other@mail.example.edu"));
    assert_ne!(
        given.workloads[0].fingerprint,
        other.workloads[0].fingerprint
    );
    let bound = bound(with(url)).unwrap();
    let outputs = outputs(&bound, &Known::default(), &SecretString::default()).unwrap();
    let of = |key: &str| outputs[key].expose().to_owned();
    let told = [
        "host",
        "port",
        "username",
        "password",
        "from",
        "encryption",
        "api",
    ]
    .map(of);
    assert_eq!(
        told.join(" "),
        "mail.example.edu 587 app s3cret me@example.edu starttls "
    );
}

#[test]
fn a_server_that_is_nowhere_is_told() {
    let missing = bound(inputs("1.0.0", None, &[("url-from", "SMTP_URL")]));
    let told = missing.unwrap_err();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].en.contains("estiba secret set SMTP_URL --env test"),
        "{}",
        told[0]
    );
    let mut wrong = inputs("1.0.0", None, &[("url-from", "SMTP_URL")]);
    let secret = SecretString::new("https://u:hunter2@example.edu");
    wrong.secrets.insert("SMTP_URL".to_owned(), secret);
    let told = bound(wrong).unwrap_err();
    assert!(told[0].en.starts_with("SMTP_URL: "), "{}", told[0]);
    assert!(!told[0].en.contains("hunter2"), "{}", told[0]);
}
