//! Lines from what the engine tells of a container's output.

use bollard::container::LogOutput;
use estiba_model::{InstanceName, Name};
use estiba_target::{LogLine, Redactor, Stream};
use jiff::Timestamp;

use crate::instance::Member;

/// A longer line is told in several.
const MOST_LINE_BYTES: usize = 1 << 20;

/// Whose lines they are.
pub(crate) struct Source {
    pub(crate) container_id: String,
    instance: InstanceName,
    container: Name,
}

impl Source {
    pub(crate) fn of(member: &Member) -> Self {
        Self {
            container_id: member.id.clone(),
            instance: member.labels.instance.clone(),
            container: member.labels.container.clone(),
        }
    }
}

/// Puts lines together. An engine tells one in pieces, each with a time of its own,
/// where it was longer than 16 KiB (Docker) or came in two reads (Podman); the last
/// piece alone ends with a newline.
pub(crate) struct Lines<'a> {
    source: &'a Source,
    redactor: &'a Redactor,
    /// Of either stream, what has no end yet.
    begun: [Option<Begun>; 2],
}

struct Begun {
    at: Timestamp,
    stream: Stream,
    text: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(source: &'a Source, redactor: &'a Redactor) -> Self {
        Self {
            source,
            redactor,
            begun: [None, None],
        }
    }

    /// Takes a piece; the line that it ends, if it ends one.
    pub(crate) fn put(&mut self, output: LogOutput) -> Option<LogLine> {
        let (stream, bytes) = match output {
            LogOutput::StdErr { message } => (Stream::Stderr, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } => {
                (Stream::Stdout, message)
            }
            LogOutput::StdIn { .. } => return None,
        };
        let space = bytes.iter().position(|byte| *byte == b' ')?;
        let (at, text) = (&bytes[..space], &bytes[space + 1..]);
        let begun = &mut self.begun[usize::from(stream == Stream::Stderr)];
        let line = match begun {
            Some(line) => line,
            None => begun.insert(Begun {
                at: str::from_utf8(at).ok()?.parse().ok()?,
                stream,
                text: Vec::new(),
            }),
        };
        line.text.extend_from_slice(text);
        let is_whole = line.text.ends_with(b"\n") || line.text.len() >= MOST_LINE_BYTES;
        let line = is_whole.then(|| begun.take()).flatten();
        line.map(|line| self.finish(&line))
    }

    /// What has no end when the output has ended.
    pub(crate) fn rest(mut self) -> Vec<LogLine> {
        let begun = std::mem::take(&mut self.begun);
        let left = begun.into_iter().flatten();
        left.map(|line| self.finish(&line)).collect()
    }

    fn finish(&self, line: &Begun) -> LogLine {
        let text = String::from_utf8_lossy(&line.text);
        let text = text.trim_end_matches(['\n', '\r']);
        LogLine {
            at: line.at,
            instance: self.source.instance.clone(),
            container: self.source.container.clone(),
            stream: Some(line.stream),
            text: self.redactor.redact(text).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use estiba_model::SecretString;

    use super::*;

    fn told(pieces: &[(&str, &str)]) -> Vec<String> {
        let source = Source {
            container_id: "0".to_owned(),
            instance: "api-1".parse().unwrap(),
            container: "main".parse().unwrap(),
        };
        let redactor = Redactor::new(&[SecretString::new("hunter2")]);
        let mut lines = Lines::of(&source, &redactor);
        let mut told = Vec::new();
        for (stream, text) in pieces {
            let message = format!("2026-01-01T00:00:00Z {text}").into();
            told.extend(lines.put(match *stream {
                "out" => LogOutput::StdOut { message },
                _ => LogOutput::StdErr { message },
            }));
        }
        told.extend(lines.rest());
        told.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn a_line_in_pieces_is_one_line() {
        let pieces = [("out", "line 2"), ("out", "568\n"), ("out", "line 2569\n")];
        assert_eq!(told(&pieces), ["line 2568", "line 2569"]);
    }

    #[test]
    fn the_streams_are_apart() {
        let pieces = [("out", "a"), ("err", "oh\n"), ("out", "b\n")];
        assert_eq!(told(&pieces), ["oh", "ab"]);
    }

    #[test]
    fn a_secret_in_two_pieces_is_not_told() {
        assert_eq!(
            told(&[("out", "it is hunt"), ("out", "er2\n")]),
            ["it is •••"]
        );
    }

    #[test]
    fn what_has_no_end_is_told_at_the_end() {
        assert_eq!(told(&[("out", "killed while wri")]), ["killed while wri"]);
    }

    #[test]
    fn an_endless_line_is_told_in_several() {
        let half = "x".repeat(MOST_LINE_BYTES / 2);
        let pieces = vec![("out", half.as_str()); 5];
        let lengths: Vec<usize> = told(&pieces).iter().map(String::len).collect();
        assert_eq!(
            lengths,
            [MOST_LINE_BYTES, MOST_LINE_BYTES, MOST_LINE_BYTES / 2]
        );
    }
}
