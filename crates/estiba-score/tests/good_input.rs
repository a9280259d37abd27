//! Files of all the shapes that the specification has.

#![expect(clippy::unwrap_used, reason = "a test that fails here shows why")]

use std::path::Path;

use estiba_model::{
    FileData, HttpScheme, ImageSource, Name, Protocol, Quantities, Ready, Severity, Workload,
};

fn read(name: &str) -> (Workload, Vec<(Severity, String)>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/good")
        .join(name);
    let parsed = estiba_score::read(&file);
    let found = parsed
        .diagnostics
        .iter()
        .map(|d| (d.severity, d.code.clone()))
        .collect();
    (
        parsed
            .workload
            .unwrap_or_else(|| panic!("{:?}", parsed.diagnostics)),
        found,
    )
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

#[test]
fn the_smallest_file_is_a_workload() {
    let (workload, found) = read("smallest.yaml");
    assert_eq!(found, []);
    assert_eq!(workload.name.as_str(), "api");
    assert_eq!(workload.containers[&name("web")].image, ImageSource::Built);
}

#[test]
fn everything_is_read() {
    let (workload, found) = read("everything.yaml");
    assert_eq!(found, []);
    assert_eq!(workload.metadata["limits"]["users"], 10);
    assert_eq!(workload.migration().unwrap().0.as_str(), "migrate");
    assert_eq!(workload.ports["web"].target_port, 3000);
    assert_eq!(workload.ports["events"].target_port, 8080);
    assert_eq!(workload.ports["events"].protocol, Protocol::Udp);
    let order: Vec<&str> = workload
        .start_order()
        .into_iter()
        .map(Name::as_str)
        .collect();
    assert_eq!(order, ["prepare", "cache", "web"]);
    assert_eq!(
        workload.containers[&name("prepare")].before[&name("cache")],
        Ready::Complete
    );

    let web = &workload.containers[&name("web")];
    let limits = Quantities {
        cpu_millis: Some(500),
        memory_bytes: Some(3 << 29),
    };
    let requests = Quantities {
        cpu_millis: Some(250),
        memory_bytes: Some(128_000_000),
    };
    assert_eq!((web.limits, web.requests), (limits, requests));
    let probe = web.readiness.as_ref().unwrap().http.as_ref().unwrap();
    assert_eq!(
        (probe.scheme, probe.path.as_str(), probe.port),
        (HttpScheme::Https, "/ready", 3000)
    );
    assert_eq!(probe.headers, [("X-Probe".to_owned(), "yes".to_owned())]);
    assert_eq!(
        web.liveness.as_ref().unwrap().exec.as_ref().unwrap(),
        &["./server", "ping"]
    );
    let volume = &web.volumes["/data"];
    assert_eq!(
        (volume.source.as_str(), volume.read_only),
        ("${resources.disk}", true)
    );
    assert_eq!(volume.path.as_deref(), Some("/shop"));
    assert_eq!(
        web.files["/etc/shop/settings.toml"].data,
        FileData::Source("settings.toml".into())
    );
    assert_eq!(web.files["/etc/shop/settings.toml"].mode, Some(0o640));
    assert_eq!(web.files["/etc/shop/raw"].mode, Some(0o600));
    assert!(web.files["/etc/shop/raw"].no_expand);
    let logo = FileData::Binary(vec![0x00, 0x30, 0x60, 0xc2, 0x90]);
    assert_eq!(web.files["/etc/shop/logo"].data, logo);

    let db = &workload.resources[&name("db")];
    assert_eq!(
        db.identity(&workload.name, &name("db")).0,
        "postgres.large#main.db"
    );
    let disk = &workload.resources[&name("disk")];
    assert_eq!(
        disk.identity(&workload.name, &name("disk")).0,
        "volume.default#shop.disk"
    );
}

#[test]
fn older_lists_become_maps() {
    let (workload, found) = read("older-forms.yaml");
    let warning = (Severity::Warning, "deprecated-list".to_owned());
    assert_eq!(found, [warning.clone(), warning]);
    let web = &workload.containers[&name("web")];
    let file = &web.files["/etc/app.conf"];
    assert_eq!(
        file.data,
        FileData::Content("hello ${metadata.name}\n".trim_end().to_owned())
    );
    assert_eq!(file.mode, Some(0o644));
    assert!(web.volumes["/data"].read_only);
}
