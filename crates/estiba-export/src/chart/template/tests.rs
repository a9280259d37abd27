use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{EnvironmentId, Lang, Name, ReleasedWorkload};
use estiba_score::yaml::emit;
use estiba_target_kubernetes::Settings;

use super::*;
use crate::Database;

#[test]
fn marks_become_expressions_and_braces_stay() {
    let value = json!({
        "whole": whole("index .Values.config \"A\" | quote"),
        "within": format!("a{}b", expression(".Values.x")),
        "braces": "{{ not a template }}",
        "lines": format!("one {{{{\ntwo '{}'", expression("index .Values.x \"y\"")),
    });
    insta::assert_snapshot!(rendered(&emit(&value)), @r#"
    whole: {{ index .Values.config "A" | quote }}
    within: "a{{ .Values.x }}b"
    braces: "{{ "{{" }} not a template }}"
    lines: |-
      one {{ "{{" }}
      two '{{ index .Values.x "y" }}'
    "#);
}

/// An export of one workload that is built, `api`.
fn export() -> Export {
    let workload = "
apiVersion: score.dev/v1b1
metadata: { name: api }
containers:
  main: { image: . }
  migrate: { image: 'postgres:15' }
";
    let workload = estiba_score::parse("score.yaml".as_ref(), workload);
    let released = ReleasedWorkload {
        workload: workload.workload.unwrap(),
        images: BTreeMap::new(),
    };
    let name = |text: &str| -> Name { text.parse().unwrap() };
    Export {
        environment: EnvironmentId {
            team: name("moria"),
            project: name("tp2"),
            environment: name("test"),
        },
        version: "1.2.0".parse().unwrap(),
        workloads: BTreeMap::from([(name("api"), released)]),
        registry: Some("registry.example.edu:5000/tp2".to_owned()),
        config: BTreeMap::new(),
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

fn templated(kind: &str, spec: &Value) -> (String, Option<String>) {
    let given = json!({
        "kind": kind,
        "metadata": {
            "name": "api",
            "namespace": "moria-tp2-test",
            "labels": { label::WORKLOAD: "api" },
        },
        "spec": spec,
    });
    let (object, condition) = object(&export(), &given);
    (rendered(&emit(&object)), condition)
}

fn pod(images: &[(&str, &str)]) -> Value {
    let containers = images.iter();
    let containers = containers.map(|(name, image)| json!({ "name": name, "image": image }));
    json!({ "spec": { "containers": containers.collect::<Vec<_>>() } })
}

#[test]
fn copies_and_images_come_from_values_and_the_namespace_from_the_release() {
    let pod = pod(&[
        ("main", "registry.example.edu:5000/tp2/api:1.2.0"),
        ("proxy", "envoy@sha256:ab"),
        ("await-migration", "postgres:15"),
    ]);
    let (text, condition) = templated("Deployment", &json!({ "replicas": 2, "template": pod }));
    assert_eq!(condition, None);
    insta::assert_snapshot!(text, @r#"
    kind: Deployment
    metadata:
      name: api
      labels:
        estiba.dev/workload: api
    spec:
      replicas: {{ int (index .Values.replicas "api") }}
      template:
        spec:
          containers:
            - name: main
              image: "{{ (index .Values.images "api").repository }}:{{ (index .Values.images "api").tag }}"
            - name: proxy
              image: "{{ (index .Values.images "api-proxy").repository }}@{{ (index .Values.images "api-proxy").tag }}"
            - name: await-migration
              image: "{{ (index .Values.images "api-psql").repository }}:{{ (index .Values.images "api-psql").tag }}"
        metadata:
          annotations:
            checksum/config: {{ .Values.config | toJson | sha256sum | quote }}
    "#);
}

#[test]
fn a_budget_is_there_for_several_copies() {
    let (_, condition) = templated("PodDisruptionBudget", &json!({}));
    let wanted = "gt (int (index .Values.replicas \"api\")) 1";
    assert_eq!(condition.as_deref(), Some(wanted));
}

#[test]
fn hosts_come_from_values() {
    let spec = json!({
        "rules": [{ "host": "api.example.edu" }, { "host": "other.example.edu" }],
        "tls": [{ "hosts": ["api.example.edu"], "secretName": "api-tls" }],
    });
    let (text, condition) = templated("Ingress", &spec);
    assert_eq!(condition.as_deref(), Some(".Values.ingress.enabled"));
    insta::assert_snapshot!(text, @r#"
    kind: Ingress
    metadata:
      name: api
      labels:
        estiba.dev/workload: api
    spec:
      rules:
        - host: {{ index .Values.ingress.hosts "api" | quote }}
        - host: other.example.edu
      tls:
        - hosts:
            - {{ index .Values.ingress.hosts "api" | quote }}
          secretName: api-tls
      ingressClassName: {{ .Values.ingress.className | quote }}
    "#);
}

#[test]
fn a_migration_that_holds_pods_back_is_made_anew_for_other_images() {
    let mut pod = pod(&[("note-migration", "postgres:15")]);
    pod["spec"]["initContainers"] = json!([{ "name": "migrate", "image": "postgres:15" }]);
    let (text, _) = templated("Job", &json!({ "template": pod }));
    insta::assert_snapshot!(text, @r#"
    kind: Job
    metadata:
      name: "api-migrate-{{ pick .Values.images "api" "api-main" "api-migrate" | toJson | sha256sum | trunc 8 }}"
      labels:
        estiba.dev/workload: api
    spec:
      template:
        spec:
          containers:
            - name: note-migration
              image: "{{ (index .Values.images "api-psql").repository }}:{{ (index .Values.images "api-psql").tag }}"
          initContainers:
            - name: migrate
              image: "{{ (index .Values.images "api-migrate").repository }}:{{ (index .Values.images "api-migrate").tag }}"
    "#);
}

#[test]
fn a_migration_that_holds_nothing_back_is_a_hook() {
    let pod = pod(&[("migrate", "registry.example.edu:5000/tp2/api:1.2.0")]);
    let (text, _) = templated("Job", &json!({ "template": pod }));
    insta::assert_snapshot!(text, @r#"
    kind: Job
    metadata:
      name: api
      labels:
        estiba.dev/workload: api
      annotations:
        helm.sh/hook: post-install,pre-upgrade
        helm.sh/hook-delete-policy: before-hook-creation
    spec:
      template:
        spec:
          containers:
            - name: migrate
              image: "{{ (index .Values.images "api").repository }}:{{ (index .Values.images "api").tag }}"
    "#);
}
