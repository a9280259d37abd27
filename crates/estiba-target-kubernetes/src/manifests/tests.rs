//! What comes out, kept as snapshots: a change of an object is seen in review.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use estiba_model::{
    ExposedPort, Exposure, Fingerprint, HttpProbe, HttpScheme, Probe, ProjectId, Protocol,
    Quantities, Ready, ResourceId, Route, SecretString, Strategy,
};
use estiba_target::{
    ContainerSpec, FileContent, FileSpec, Reach, ScratchSpec, VolumeSpec, WorkloadSpec,
};
use serde_json::{Value, json};

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn manifests(settings: &Value, minor: u32) -> Manifests {
    let project = ProjectId {
        team: name("moria"),
        project: name("tp2"),
    };
    Manifests {
        settings: Settings::parse(settings.as_object().unwrap()).unwrap(),
        environment: EnvironmentId::new(&project, &name("test")),
        registry: "registry.example.edu/tp2".to_owned(),
        server: ServerVersion(minor),
        users: BTreeMap::from([(Digest::of(b"other"), 1000)]),
        pull_secret: Some("registrycredentials".to_owned()),
    }
}

fn container(container: &str, image: &[u8]) -> ContainerSpec {
    ContainerSpec {
        name: name(container),
        image: Digest::of(image),
        command: Vec::new(),
        args: Vec::new(),
        variables: BTreeMap::new(),
        files: Vec::new(),
        volumes: Vec::new(),
        scratch: Vec::new(),
        ships_logs: false,
        user_of: None,
        limits: Quantities::default(),
        requests: Quantities::default(),
        liveness: None,
        readiness: None,
        before: BTreeMap::new(),
    }
}

fn http(path: &str) -> Option<Probe> {
    Some(Probe {
        http: Some(HttpProbe {
            scheme: HttpScheme::Http,
            host: None,
            port: 8080,
            path: path.to_owned(),
            headers: Vec::new(),
        }),
        exec: None,
    })
}

fn rollout(workload: &str, containers: Vec<ContainerSpec>, exposure: Exposure) -> RolloutSpec {
    let serves = !exposure.ports.is_empty();
    RolloutSpec {
        of: WorkloadSpec {
            environment: manifests(&json!({}), 33).environment,
            workload: name(workload),
            version: "1.2.0".parse().unwrap(),
            fingerprint: Fingerprint::from_hash(&[0xab; 32]),
            containers,
            exposure,
            secrets: vec![SecretString::new("s3cr3t-value")],
        },
        replicas: 2,
        strategy: if serves {
            Strategy::Rolling
        } else {
            Strategy::Replace
        },
    }
}

fn exposure(routes: &[(Option<&str>, &str)]) -> Exposure {
    let port = ExposedPort {
        port: 8080,
        target_port: 3000,
        protocol: Protocol::Tcp,
    };
    let routes = routes.iter().map(|(host, path)| Route {
        host: host.map(str::to_owned),
        path: (*path).to_owned(),
        port: "http".to_owned(),
    });
    Exposure {
        ports: BTreeMap::from([("http".to_owned(), port)]),
        routes: routes.collect::<BTreeSet<_>>(),
        ..Exposure::default()
    }
}

fn api() -> RolloutSpec {
    let main = ContainerSpec {
        args: vec!["serve".to_owned(), "$(HOME) $$ $x".to_owned()],
        variables: BTreeMap::from([
            (
                "DATABASE_URL".to_owned(),
                SecretString::new("postgres://u:s3cr3t-value@h/d"),
            ),
            ("PORT".to_owned(), SecretString::new("1")),
        ]),
        files: vec![FileSpec {
            path: "/etc/app/token".to_owned(),
            content: FileContent(b"s3cr3t-value".to_vec()),
            mode: Some(0o600),
        }],
        volumes: vec![VolumeSpec {
            target: "/data".to_owned(),
            source: "volume-api-data".to_owned(),
            path: Some("/inner".to_owned()),
            read_only: false,
        }],
        limits: Quantities {
            cpu_millis: Some(500),
            memory_bytes: Some(128_000_000),
        },
        readiness: http("/health"),
        liveness: http("/version"),
        ..container("main", b"api")
    };
    rollout("api", vec![main], exposure(&[(None, "/")]))
}

fn resource(kind: &str, id: &str) -> ResourceSpec {
    ResourceSpec {
        id: ResourceId(id.to_owned()),
        kind: kind.to_owned(),
        class: "default".to_owned(),
        workload: name("api"),
        params: serde_json::Map::new(),
        settings: BTreeMap::new(),
        credential: SecretString::new("s3cr3t-value"),
        reach: Reach::Inside,
        fingerprint: Fingerprint::from_hash(&[0xcd; 32]),
    }
}

fn migration() -> TaskSpec {
    let of = api().of;
    TaskSpec {
        task: estiba_target::Task::Migration,
        time_limit: None,
        environment: of.environment,
        workload: of.workload,
        version: of.version,
        fingerprint: of.fingerprint,
        container: ContainerSpec {
            args: vec!["migrate".to_owned()],
            ..container("migrate", b"api")
        },
        secrets: of.secrets,
    }
}

fn ingress(settings: &Value, routes: &[(Option<&str>, &str)]) -> Vec<Value> {
    let mut spec = api();
    spec.of.exposure = exposure(routes);
    let objects = manifests(settings, 33).workload(&spec).unwrap();
    let kinds = ["Ingress", "Middleware", "Route"];
    objects
        .iter()
        .filter(|object| kinds.contains(&object.kind()))
        .map(|object| object.value().clone())
        .collect()
}

fn values(objects: &[Manifest]) -> Vec<&Value> {
    objects.iter().map(Manifest::value).collect()
}

const FULL: &str = r#"{
    "ingress": "{workload}-{environment}.apps.example.edu", "tls": "letsencrypt",
    "quota": {"pods": "20"}, "limits": {"cpu": "500m", "memory": "256Mi"}
}"#;

fn full() -> Value {
    serde_json::from_str(FULL).unwrap()
}

#[test]
fn a_service_with_everything() {
    let objects = manifests(&full(), 33).workload(&api()).unwrap();
    insta::assert_json_snapshot!(values(&objects));
}

#[test]
fn a_service_on_an_old_cluster() {
    let objects = manifests(&full(), 20).workload(&api()).unwrap();
    insta::assert_json_snapshot!(values(&objects[objects.len() - 2..]));
}

#[test]
fn a_bot_is_replaced() {
    let mut spec = rollout(
        "bot",
        vec![container("main", b"other")],
        Exposure::default(),
    );
    spec.replicas = 1;
    let objects = manifests(&json!({}), 33).workload(&spec).unwrap();
    insta::assert_json_snapshot!(values(&objects));
}

#[test]
fn what_an_environment_needs() {
    insta::assert_json_snapshot!(values(&manifests(&full(), 33).environment()));
}

#[test]
fn a_migration_is_a_job() {
    let objects = manifests(&json!({}), 33)
        .migration(&migration(), &[])
        .unwrap();
    insta::assert_json_snapshot!(values(&objects[1..]));
}

/// The server of a database, read from its own object.
fn server(manifests: &Manifests) -> DatabaseServer {
    let objects = manifests.postgres(&resource("postgres", "postgres.default#api.db"));
    let set = objects.last().unwrap().value().clone();
    DatabaseServer::of(&serde_json::from_value(set).unwrap()).unwrap()
}

#[test]
fn a_first_migration_waits_for_the_databases() {
    let manifests = manifests(&json!({}), 33);
    let server = server(&manifests);
    let objects = manifests.migration(&migration(), &[server]).unwrap();
    let pod = &objects[1].value()["spec"]["template"]["spec"];
    insta::assert_json_snapshot!(pod["initContainers"]);
}

#[test]
fn a_database_and_a_volume() {
    let manifests = manifests(&json!({"storage-class": "fast"}), 33);
    let mut objects = manifests.postgres(&resource("postgres", "postgres.default#api.db"));
    objects.push(manifests.volume(&resource("volume", "volume.default#api.data")));
    insta::assert_json_snapshot!(values(&objects));
}

#[test]
fn a_prefix_is_taken_away_by_each_controller_in_its_way() {
    let routes: &[_] = &[
        (None, "/"),
        (Some("api.example.edu"), "/v1.0"),
        (Some("www.example.edu"), "/"),
    ];
    for (class, pattern) in [
        ("nginx", "api.example.edu/{team}-{environment}"),
        ("traefik", "api.example.edu/{team}-{environment}"),
        ("openshift-route", "api-{environment}.example.edu/{team}"),
    ] {
        let settings = json!({ "ingress": pattern, "ingress-class": class });
        insta::assert_json_snapshot!(class, ingress(&settings, routes));
    }
}

#[test]
fn a_prefix_that_no_rule_takes_away_is_refused() {
    let settings = json!({"ingress": "a.edu/{environment}", "ingress-class": "haproxy"});
    assert!(Settings::parse(settings.as_object().unwrap()).is_err());
    let settings = json!({"ingress": "{workload}.a.edu"});
    let error = Settings::parse(settings.as_object().unwrap()).unwrap_err();
    assert!(error.en.contains("every environment"), "{error}");
    let openshift = |more: serde_json::Value| {
        let mut settings = json!({"ingress-class": "openshift-route"});
        let all = settings.as_object_mut().unwrap();
        all.extend(more.as_object().unwrap().clone());
        Settings::parse(all).unwrap_err().en
    };
    let shared = openshift(json!({"ingress": "a.edu/{environment}"}));
    assert!(shared.contains("one namespace"), "{shared}");
    let with_tls = openshift(json!({"ingress": "{environment}.a.edu", "tls": "ca"}));
    assert!(with_tls.contains("remove tls"), "{with_tls}");
    let settings = json!({"ingres": "x"});
    let error = Settings::parse(settings.as_object().unwrap()).unwrap_err();
    assert!(error.en.contains("ingres"), "{error}");
}

#[test]
fn a_namespace_is_never_longer_than_the_dns_allows() {
    let mut long = manifests(&json!({}), 33);
    long.environment = EnvironmentId {
        environment: name(&"e".repeat(63)),
        ..long.environment
    };
    let mut longer = long.clone();
    longer.environment.environment = name(&format!("{}f", "e".repeat(62)));
    let (one, other) = (long.place().namespace, longer.place().namespace);
    assert_eq!(one.len(), 63, "{one}");
    assert_ne!(one, other);
}

#[test]
fn names_fit_and_tell_things_apart() {
    let place = manifests(&json!({}), 33).place();
    let long = place.workload(&name(&"a".repeat(63)));
    assert!(long.len() <= 44, "{long}");
    let resource = |id: &str| place.resource(&ResourceId(id.to_owned()));
    assert_eq!(resource("postgres.default#api.db"), "tp2-postgres-api-db");
    let alike = [
        "volume.default#a-b.c",
        "volume.default#a.b-c",
        "volume.default#a-b-c",
        "volume.x#a.b",
    ];
    let names: BTreeSet<String> = alike.map(resource).into();
    assert_eq!(names.len(), alike.len(), "{names:?}");
}

#[test]
fn names_carry_what_the_namespace_does_not() {
    for (pattern, namespace, called) in [
        (None, "moria-test", "tp2-api"),
        (
            Some("{team}-{project}-{environment}"),
            "moria-tp2-test",
            "api",
        ),
        (Some("{team}"), "moria", "tp2-api-test"),
        (Some("{project}-{environment}"), "tp2-test", "moria-api"),
        (Some("classroom"), "classroom", "moria-tp2-api-test"),
    ] {
        let settings = pattern.map_or(json!({}), |pattern| json!({ "namespace": pattern }));
        let place = manifests(&settings, 33).place();
        let workload = place.workload(&name("api"));
        assert_eq!(
            (place.namespace.as_str(), workload.as_str()),
            (namespace, called)
        );
    }
    let alone = json!({ "namespace": "{team}-{project}-{environment}" });
    let place = manifests(&alone, 33).place();
    assert_eq!(place.workload(&name("0x")), "w0x", "a name of the DNS");
}

#[test]
fn containers_start_in_their_order() {
    let before = |ready| BTreeMap::from([(name("main"), ready)]);
    let setup = ContainerSpec {
        before: before(Ready::Complete),
        ..container("setup", b"api")
    };
    let proxy = |ready| ContainerSpec {
        before: before(ready),
        readiness: http("/"),
        ..container("proxy", b"api")
    };
    let spec = |ready| {
        let containers = vec![setup.clone(), proxy(ready), container("main", b"api")];
        rollout("web", containers, Exposure::default())
    };
    let pods = |minor: u32, ready| {
        let objects = manifests(&json!({}), minor).workload(&spec(ready))?;
        let pod = objects.last().unwrap().value()["spec"]["template"]["spec"].clone();
        let names = |key: &str| {
            let containers = pod[key].as_array().cloned().unwrap_or_default();
            containers
                .iter()
                .map(|c| c["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join(",")
        };
        Ok::<_, Message>((names("initContainers"), names("containers")))
    };
    let told = |init: &str, main: &str| Ok((init.to_owned(), main.to_owned()));
    assert_eq!(pods(33, Ready::Healthy), told("setup,proxy", "main"));
    assert_eq!(pods(20, Ready::Started), told("setup", "proxy,main"));
    let error = pods(20, Ready::Healthy).unwrap_err();
    assert!(error.en.contains("1.20"), "{error}");
}

#[test]
fn what_reads_logs_is_beside_the_others_and_ends_last_where_that_can_be() {
    let scratch = |read_only| ScratchSpec {
        name: "logs-0".to_owned(),
        target: "/data/logs".to_owned(),
        read_only,
    };
    let main = ContainerSpec {
        scratch: vec![scratch(false)],
        ..container("main", b"other")
    };
    let shipper = ContainerSpec {
        scratch: vec![scratch(true)],
        ships_logs: true,
        user_of: Some(main.image.clone()),
        ..container("logs", b"estiba")
    };
    let spec = rollout("api", vec![main, shipper], exposure(&[(None, "/")]));
    for (minor, key, has_sleep) in [(20, "containers", false), (33, "initContainers", true)] {
        let objects = manifests(&json!({}), minor).workload(&spec).unwrap();
        let template = &objects.last().unwrap().value()["spec"]["template"];
        assert_eq!(
            template["metadata"]["annotations"][annotation::SHIPPER],
            "logs"
        );
        let pod = &template["spec"];
        let last = |key: &str| pod[key].as_array().unwrap().last().unwrap().clone();
        let (main, shipper) = (&pod["containers"][0], last(key));
        assert_eq!(
            (&main["name"], &shipper["name"]),
            (&json!("main"), &json!("logs"))
        );
        assert_eq!(shipper["securityContext"], main["securityContext"]);
        assert_eq!(shipper["securityContext"]["runAsUser"], 1000);
        assert_eq!(main["lifecycle"].is_object(), has_sleep, "{minor}");
        assert!(shipper["lifecycle"].is_null() && shipper["readinessProbe"].is_null());
        assert!(main["readinessProbe"].is_object());
        let mount = |container: &serde_json::Value| {
            let mounts = container["volumeMounts"].as_array().unwrap().iter();
            let mut own = mounts.filter(|mount| mount["name"] == "logs-0");
            own.next().cloned().unwrap()
        };
        assert_eq!(
            mount(main),
            json!({ "name": "logs-0", "mountPath": "/data/logs" })
        );
        assert_eq!(mount(&shipper)["readOnly"], true);
        let volumes = pod["volumes"].as_array().unwrap().iter();
        let shared = volumes.filter(|volume| volume["name"] == "logs-0");
        assert_eq!(
            shared.collect::<Vec<_>>(),
            [&json!({ "name": "logs-0", "emptyDir": {} })]
        );
    }
}

#[test]
fn a_secret_is_in_secrets_alone() {
    let manifests = manifests(&full(), 33);
    let mut objects = manifests.environment();
    objects.extend(manifests.workload(&api()).unwrap());
    objects.extend(manifests.migration(&migration(), &[]).unwrap());
    objects.extend(manifests.postgres(&resource("postgres", "postgres.default#api.db")));
    assert!(objects.iter().any(|object| object.kind() == "Secret"));
    for object in objects.iter().filter(|object| object.kind() != "Secret") {
        assert!(!object.value().to_string().contains("s3cr3t"), "{object:?}");
    }
    assert!(!format!("{objects:?}").contains("s3cr3t"));
}

#[test]
fn a_probe_of_two_kinds_is_refused() {
    let mut spec = api();
    spec.of.containers[0].readiness.as_mut().unwrap().exec = Some(vec!["true".to_owned()]);
    assert!(manifests(&json!({}), 33).workload(&spec).is_err());
}

/// <https://pypi.org/project/kubernetes-validate/>
#[test]
fn the_schemas_of_kubernetes_accept_all() {
    let Ok(found) = Command::new("kubernetes-validate").arg("--help").output() else {
        eprintln!("skipped: there is no kubernetes-validate (pip install kubernetes-validate)");
        return;
    };
    assert!(found.status.success());
    let manifests = manifests(&full(), 33);
    let mut objects = manifests.environment();
    objects.extend(manifests.workload(&api()).unwrap());
    objects.extend(
        manifests
            .migration(&migration(), &[server(&manifests)])
            .unwrap(),
    );
    objects.extend(manifests.postgres(&resource("postgres", "postgres.default#api.db")));
    objects.push(manifests.volume(&resource("volume", "volume.default#api.data")));
    objects.extend(rbac(&manifests.settings));
    let with_paths = json!({
        "ingress": "a.edu/{environment}",
        "ingress-class": "traefik",
        "tls": "letsencrypt",
    });
    let with_paths = self::manifests(&with_paths, 33).workload(&api()).unwrap();
    let known = |object: &Manifest| object.kind() != "Middleware";
    objects.extend(with_paths.into_iter().filter(known));
    let directory = tempfile::tempdir().unwrap();
    for (index, object) in objects.iter().enumerate() {
        let file = directory.path().join(format!("{index}.yaml"));
        std::fs::write(&file, object.value().to_string()).unwrap();
        let checked = Command::new("kubernetes-validate")
            .args(["-k", "1.33", "--strict"])
            .arg(&file)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success(), "{object:?}: {told}");
    }
}
