//! From a line to a document of a cluster, and back. Pure.

use estiba_log_store::Numbered;
use estiba_logs::{Level, Origin, Record, parse_time};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The field with the number that a line got as it came to Estiba: lines of one moment
/// are in this order.
pub(crate) const SEQUENCE: &str = "estiba_sequence";

/// Fields that are the cluster's own in every document
/// (<https://www.elastic.co/docs/reference/elasticsearch/mapping-reference/document-metadata-fields>).
const METADATA: [&str; 13] = [
    "_id",
    "_index",
    "_type",
    "_source",
    "_size",
    "_doc_count",
    "_field_names",
    "_ignored",
    "_routing",
    "_meta",
    "_tier",
    "_version",
    "_seq_no",
];

/// Appends a line with the action that makes it, if it isn't there: its id is of the store
/// and its number, so that it can be sent twice.
pub(crate) fn write(store: &str, line: &Numbered, body: &mut Vec<u8>) {
    let action = json!({"create": {"_id": format!("{store}-{}", line.sequence)}});
    let mut document = line.record.to_document();
    for name in METADATA {
        if let Some(value) = document.shift_remove(name) {
            document.insert(format!("line{name}"), value);
        }
    }
    document.insert(SEQUENCE.to_owned(), line.sequence.into());
    for value in [action, Value::Object(document)] {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut *body, &value);
        body.push(b'\n');
    }
}

/// A document, with its number where Estiba wrote it. What others wrote is read as
/// liberally as what shippers send.
pub(crate) fn read(source: Map<String, Value>) -> (Record, Option<u64>) {
    let mut source = source;
    let Some(sequence) = source
        .shift_remove(SEQUENCE)
        .and_then(|number| number.as_u64())
    else {
        return (Record::from_document(source, Timestamp::UNIX_EPOCH), None);
    };
    let mut take = |name: &str| source.shift_remove(name);
    let at = take("@timestamp").and_then(|at| parse_time(&at));
    let text = match take("message") {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let mut record = Record::new(at.unwrap_or_default(), text);
    for (place, name) in record.origin.values_mut().into_iter().zip(Origin::FIELDS) {
        *place = take(name).and_then(|value| value.as_str().map(str::to_owned));
    }
    record.level = source
        .get("level")
        .and_then(|level| Level::from_name(level.as_str()?));
    if record.level.is_some() {
        source.shift_remove("level");
    }
    record.attributes = source;
    (record, Some(sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back() {
        let now = "2026-05-01T12:00:00.123456Z".parse().unwrap();
        for document in [
            json!({}),
            json!({"message": "a \"b\"\n é", "level": "warn", "team": "moria", "environment": "prod",
                "instance": "i", "a": {"b": [1, 2.5, null]}, "host": "h"}),
        ] {
            let record = Record::from_value(document, now).unwrap();
            let mut body = Vec::new();
            let line = Numbered {
                sequence: 7,
                record,
            };
            write("0a", &line, &mut body);
            let lines: Vec<&[u8]> = body.split(|byte| *byte == b'\n').collect();
            assert_eq!(lines.len(), 3);
            assert_eq!(lines[0], br#"{"create":{"_id":"0a-7"}}"#);
            assert_eq!(
                read(serde_json::from_slice(lines[1]).unwrap()),
                (line.record, Some(7))
            );
        }
    }

    #[test]
    fn fields_of_the_cluster_get_another_name() {
        let mut record = Record::new(Timestamp::UNIX_EPOCH, "m");
        record.attributes.insert("_id".into(), 1.into());
        record.attributes.insert("_PID".into(), 2.into());
        let mut body = Vec::new();
        write(
            "0a",
            &Numbered {
                sequence: 1,
                record,
            },
            &mut body,
        );
        let text = String::from_utf8(body).unwrap();
        assert!(
            text.contains(r#""line_id":1"#) && text.contains(r#""_PID":2"#),
            "{text}"
        );
    }

    #[test]
    fn what_others_wrote_is_read_too() {
        let source =
            json!({"@timestamp": "2026-05-01T12:00:00Z", "log.level": "error", "msg": "m"});
        let (record, sequence) = read(source.as_object().unwrap().clone());
        assert_eq!(
            (record.level, record.text.as_str(), sequence),
            (Some(Level::Error), "m", None)
        );
    }
}
