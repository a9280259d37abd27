//! Files as container runtimes and Kubernetes lay them.

use std::fs;
use std::os::unix::fs::symlink;

use crate::shipper::Place;
use crate::sink::Sink;

const TIME: &str = "2026-01-02T03:04:05.123456789Z";

fn cri(stream: &str, tag: &str, text: &str) -> String {
    format!("{TIME} {stream} {tag} {text}\n")
}

#[test]
fn pods_of_kubernetes() {
    let (place, sink) = (Place::new(), Sink::start());
    let pod = "var/log/pods/moria-test_api-0_uid/main";
    fs::create_dir_all(place.path(pod)).unwrap();
    fs::create_dir_all(place.path("var/log/containers")).unwrap();
    let log = format!("{pod}/0.log");
    place.write(
        &log,
        cri("stdout", "P", "first ")
            + &cri("stderr", "F", "other")
            + &cri("stdout", "P", "second ")
            + &cri("stdout", "F", "end"),
    );
    symlink(
        place.path(&log),
        place.path("var/log/containers/api-0_moria-test_main-0123.log"),
    )
    .unwrap();
    let files = format!(
        "files:\n- paths: [\"{}\", \"{}\"]",
        place.path("var/log/containers/*.log").display(),
        place.path("var/log/pods/*/*/*.log").display()
    );
    let shipper = place.ship(&sink, &files);
    sink.expect(&["first second end", "other"]);
    let document = sink.document("first second end");
    assert_eq!(document["@timestamp"], TIME);
    for (key, value) in [
        ("stream", "stdout"),
        ("instance", "api-0"),
        ("container", "main"),
        ("namespace", "moria-test"),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    // As the kubelet rotates: renamed, and a new file in its place.
    fs::rename(
        place.path(&log),
        place.path(&format!("{log}.20260102-030405")),
    )
    .unwrap();
    place.write(&log, cri("stderr", "F", "after"));
    sink.expect(&["after"]);
    assert_eq!(sink.document("after")["instance"], "api-0");
    shipper.stop();
    sink.expect_once(&["first second end", "other", "after"]);
}

#[test]
fn pieces_of_two_streams_come_once_over_restarts() {
    let (place, sink) = (Place::new(), Sink::start());
    let config = format!(
        "files: [{{ paths: \"{}\", format: cri }}]",
        place.path("*.log").display()
    );
    let config = place
        .config(&sink, &config)
        .replace("unended_line_after: 300ms", "unended_line_after: 1h");
    place.write(
        "a.log",
        cri("stdout", "P", "half ") + &cri("stderr", "F", "whole"),
    );
    let shipper = crate::shipper::Shipper::start(&config);
    sink.expect(&["whole"]);
    place.write(
        "a.log",
        cri("stderr", "F", "more") + &cri("stdout", "F", "end"),
    );
    sink.expect(&["half end", "more"]);
    shipper.stop();
    sink.expect_once(&["half end", "whole", "more"]);
}

#[test]
fn docker_below_its_folder() {
    let (place, sink) = (Place::new(), Sink::start());
    fs::create_dir_all(place.path("docker/containers/0a1b")).unwrap();
    place.write(
        "docker/containers/0a1b/0a1b-json.log",
        "{\"log\":\"half \",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05Z\"}\n{\"log\":\"end\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:06Z\"}\n",
    );
    let files = format!(
        "files: [{{ paths: \"{}\" }}]",
        place.path("docker/containers/*/*-json.log").display()
    );
    let shipper = place.ship(&sink, &files);
    sink.expect(&["half end"]);
    assert_eq!(
        sink.document("half end")["@timestamp"],
        "2026-01-02T03:04:05Z"
    );
    shipper.stop();
}
