use serde_json::{Value, json};

use super::*;

fn read(document: Value) -> Record {
    Record::from_value(document, received()).unwrap()
}

fn received() -> Timestamp {
    "2026-05-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_document_of_its_own_reads_back() {
    let mut record = Record::new("2026-04-30T23:59:59.123456Z".parse().unwrap(), "hi");
    record.level = Some(Level::Warn);
    for (value, name) in record.origin.values_mut().into_iter().zip(Origin::FIELDS) {
        *value = Some(format!("a-{name}"));
    }
    record.attributes.insert("status".into(), json!(500));
    record.attributes.insert("http.path".into(), json!("/a"));
    record
        .attributes
        .insert("nested".into(), json!({"a": [1, null]}));
    assert_eq!(read(Value::Object(record.to_document())), record);
}

#[test]
fn filebeat_documents_are_understood() {
    let record = read(json!({
        "@timestamp": "2026-05-01T10:00:00.000Z",
        "agent": {"name": "node-1", "type": "filebeat", "version": "8.13.0"},
        "ecs": {"version": "8.0.0"},
        "fields": {"team": "moria", "environment": "prod", "color": "red"},
        "host": {"name": "node-1"},
        "input": {"type": "log"},
        "log": {"file": {"path": "/var/log/a.log"}, "level": "ERROR", "offset": 12},
        "message": "it broke",
    }));
    assert_eq!(record.text, "it broke");
    assert_eq!(record.level, Some(Level::Error));
    assert_eq!(record.origin.team.as_deref(), Some("moria"));
    assert_eq!(record.origin.environment.as_deref(), Some("prod"));
    assert_eq!(record.origin.instance.as_deref(), Some("node-1"));
    assert_eq!(record.attributes["fields"], json!({"color": "red"}));
    assert_eq!(record.attributes["log"]["offset"], json!(12));
    assert!(!record.attributes.contains_key("host"));
}

#[test]
fn fluent_bit_on_kubernetes_is_understood() {
    let record = read(json!({
        "@timestamp": "2026-05-01T10:00:00.000Z",
        "log": "started\n",
        "stream": "stderr",
        "kubernetes": {
            "pod_name": "bot-7d9",
            "container_name": "bot",
            "labels": {"estiba.dev/team": "moria", "estiba.dev/workload": "bot"},
        },
    }));
    assert_eq!(record.text, "started\n");
    assert_eq!(record.origin.team.as_deref(), Some("moria"));
    assert_eq!(record.origin.workload.as_deref(), Some("bot"));
    assert_eq!(record.origin.instance.as_deref(), Some("bot-7d9"));
    assert_eq!(record.origin.container.as_deref(), Some("bot"));
    assert_eq!(record.origin.stream.as_deref(), Some("stderr"));
    assert!(record.attributes.is_empty(), "{:?}", record.attributes);
}

#[test]
fn vector_rsyslog_and_syslog_ng_are_understood() {
    let vector = read(json!({
        "file": "/var/log/a.log", "host": "node-1", "message": "m",
        "source_type": "file", "timestamp": "2026-05-01T10:00:00.5Z",
    }));
    assert_eq!(vector.at, "2026-05-01T10:00:00.5Z".parse().unwrap());
    assert_eq!(vector.origin.instance.as_deref(), Some("node-1"));

    let rsyslog = read(json!({
        "message": " hello", "host": "web-1", "severity": "err",
        "facility": "daemon", "syslogtag": "nginx:", "@timestamp": "2026-05-01T07:00:00-03:00",
    }));
    assert_eq!(rsyslog.level, Some(Level::Error));
    assert_eq!(rsyslog.origin.workload.as_deref(), Some("nginx:"));
    assert_eq!(rsyslog.at, "2026-05-01T10:00:00Z".parse().unwrap());

    let syslog_ng = read(json!({
        "PROGRAM": "sshd", "PRIORITY": "warning", "MESSAGE": "m", "HOST": "web-1",
    }));
    assert_eq!(syslog_ng.level, Some(Level::Warn));
    assert_eq!(syslog_ng.origin.workload.as_deref(), Some("sshd"));
    assert_eq!(syslog_ng.at, received());
}

#[test]
fn dotted_and_nested_names_are_the_same() {
    for document in [
        json!({"log.level": "warn", "host.name": "a", "msg": "x"}),
        json!({"log": {"level": "warn"}, "host": {"name": "a"}, "msg": "x"}),
    ] {
        let record = read(document);
        assert_eq!(record.level, Some(Level::Warn));
        assert_eq!(record.origin.instance.as_deref(), Some("a"));
        assert_eq!(record.text, "x");
        assert!(record.attributes.is_empty());
    }
}

#[test]
fn what_is_not_understood_stays_an_attribute() {
    let record = read(json!({"time": "soon", "level": "loud", "message": {"a": 1}, "team": ["x"]}));
    assert_eq!(record.at, received());
    assert_eq!(record.level, None);
    assert_eq!(record.text, "");
    assert_eq!(record.origin, Origin::default());
    assert_eq!(record.attributes.len(), 4);
    assert!(Record::from_value(json!([1]), received()).is_err());
}

#[test]
fn a_moment_is_no_small_number_and_a_day_only_where_elasticsearch_has_it() {
    for document in [
        json!({"@timestamp": 12}),
        json!({"ts": "12"}),
        json!({"time": "12:00:00", "date": "2026-04-30"}),
    ] {
        let record = read(document.clone());
        assert_eq!(record.at, received(), "{document}");
        let mut attributes = document;
        if let Some(number) = attributes.as_object_mut().unwrap().remove("@timestamp") {
            attributes["line_timestamp"] = number;
        }
        assert_eq!(Value::Object(record.attributes), attributes);
    }
    let record = read(json!({"@timestamp": "2026-04-30"}));
    assert_eq!(record.at, "2026-04-30T00:00:00Z".parse().unwrap());
    assert!(record.attributes.is_empty());
}

#[test]
fn a_second_name_of_the_text_is_one_where_it_is_a_text() {
    let record = read(json!({"event": 4624, "body": "logged in"}));
    assert_eq!(record.text, "logged in");
    assert_eq!(record.attributes["event"], 4624);
    assert_eq!(read(json!({"message": 12, "msg": "no"})).text, "12");
}

#[test]
fn a_moment_of_a_wrong_clock_is_not_taken_and_not_lost() {
    for wrong in [
        json!("0001-01-01T00:00:00Z"),
        json!("1970-01-01T00:00:00Z"),
        json!("2300-01-01T00:00:00Z"),
        json!("2026-05-02T12:00:00.000001Z"),
        json!(1_809_259_200_000_u64),
        json!("2001-01-01"),
        json!("2027-01-01"),
        json!(""),
    ] {
        let record = read(json!({"@timestamp": wrong, "message": "m"}));
        assert_eq!(record.at, received(), "{wrong}");
        let document = record.to_document();
        assert_eq!(document["line_timestamp"], wrong);
        assert_eq!(read(Value::Object(document)), record);

        let record = read(json!({"time": wrong}));
        assert_eq!(
            (record.at, &record.attributes["time"]),
            (received(), &wrong)
        );
    }
    let other = read(json!({"@timestamp": "0001-01-01T00:00:00Z", "ts": "2026-05-01T11:00:00Z"}));
    assert_eq!(other.at, "2026-05-01T11:00:00Z".parse().unwrap());
    assert_eq!(other.attributes["line_timestamp"], "0001-01-01T00:00:00Z");
    for right in ["2001-09-10T00:00:00Z", "2026-05-02T12:00:00Z"] {
        let record = read(json!({"@timestamp": right}));
        assert_eq!(record.at, right.parse().unwrap());
        assert!(record.attributes.is_empty());
    }
}

#[test]
fn all_moments_are_believed_where_nobody_knows_when_a_line_came() {
    for at in ["2300-01-01T00:00:00Z", "1969-01-01T00:00:00Z"] {
        let document = json!({"@timestamp": at});
        let record = Record::from_value(document, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(record.at, at.parse().unwrap());
        assert!(record.attributes.is_empty());
    }
}
