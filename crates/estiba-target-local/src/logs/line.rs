//! A line as it stands in a log file: `2026-01-31T12:00:00.000000000Z o text`.

use std::fmt::Write as _;

use estiba_model::{InstanceName, Name};
use estiba_target::{LogLine, Stream};
use jiff::Timestamp;

use super::mark;

/// Appends a line to `out`.
pub(super) fn append(out: &mut String, at: Timestamp, stream: Stream, text: &str) {
    // Writing to a text does not fail.
    let _ = writeln!(out, "{at:.9} {} {text}", mark(stream));
}

/// Reads a line without its end; nothing where it is none of [`append`]'s.
pub(super) fn parse(line: &str, instance: &InstanceName, container: &Name) -> Option<LogLine> {
    let (at, rest) = line.split_once(' ')?;
    let (stream, text) = rest.split_once(' ')?;
    let stream = match stream {
        "o" => Stream::Stdout,
        "e" => Stream::Stderr,
        _ => return None,
    };
    Some(LogLine {
        at: at.parse().ok()?,
        instance: instance.clone(),
        container: container.clone(),
        stream: Some(stream),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let at: Timestamp = "2026-01-31T12:00:00.5Z".parse().unwrap();
        let (instance, container) = ("api-0123abcd-0".parse().unwrap(), "main".parse().unwrap());
        for text in ["", " two  spaces ", "ñandú"] {
            let mut line = String::new();
            append(&mut line, at, Stream::Stderr, text);
            let read = parse(line.trim_end_matches('\n'), &instance, &container).unwrap();
            assert_eq!(
                (read.at, read.stream, read.text.as_str()),
                (at, Some(Stream::Stderr), text)
            );
        }
        assert_eq!(parse("garbage", &instance, &container), None);
    }
}
