//! What loggers and shippers call the members of a line that mean the same: one table
//! for lines that are collected, those that are shipped, and those that others ship.

/// Names of the moment; the first that can be read is taken. `@t` is Serilog's,
/// `asctime` Python's, `eventTime` that of audit logs.
pub const TIME: [&str; 9] = [
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "datetime",
    "date",
    "asctime",
    "eventTime",
];

/// Names of the level. `log.level` is of the Elastic Common Schema, `levelname`
/// Python's, `@l` Serilog's, `severity_text` OpenTelemetry's, `PRIORITY` journald's
/// and syslog-ng's.
pub const LEVEL: [&str; 12] = [
    "level",
    "log.level",
    "severity",
    "lvl",
    "loglevel",
    "log_level",
    "levelname",
    "@l",
    "severity_text",
    "PRIORITY",
    "log.syslog.severity.name",
    "syslog_severity",
];

/// Names of the text, the one that says most first. `log` is Docker's and Fluent Bit's,
/// `MESSAGE` journald's and syslog-ng's, `@m` and `@mt` Serilog's, `event` structlog's,
/// `body` OpenTelemetry's, `event.original` Logstash's in ECS mode, `fields.message`
/// that of Rust's tracing. All but `message` mean something else where they are no text.
pub const TEXT: [&str; 11] = [
    "message",
    "msg",
    "log",
    "MESSAGE",
    "@message",
    "@m",
    "event",
    "body",
    "event.original",
    "@mt",
    "fields.message",
];

/// A line with more members than this is a text.
pub const MOST_MEMBERS: usize = 1_000;

/// Whether Elasticsearch has a field for this name. Where it has none, it refuses the
/// whole document.
#[must_use]
pub fn is_field(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.ends_with('.') && !name.contains("..")
}
