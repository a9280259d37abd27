//! The formats of container runtimes.
//!
//! CRI: <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>,
//! Docker: <https://docs.docker.com/engine/logging/drivers/json-file/>.

use std::borrow::Cow;

use serde::Deserialize;

use super::{Format, Stream};

/// A line of a file, or a piece of a longer one.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What was written, without the end of the line.
    pub text: Cow<'a, [u8]>,
    /// When the runtime got it.
    pub time: Option<Cow<'a, str>>,
    /// What it was written to; nothing where the format doesn't say.
    pub stream: Option<Stream>,
    /// Whether a line ends here.
    pub ends: bool,
}

/// Takes a line of a file apart. What is not of the format is a line as it is:
/// half a line that a runtime wrote before it was killed, for one.
#[must_use]
pub fn piece(format: Format, line: &[u8]) -> Piece<'_> {
    let read = match format {
        Format::Auto | Format::Raw => None,
        Format::Cri => cri(line),
        Format::Docker => docker(line),
        Format::Container if line.first() == Some(&b'{') => docker(line),
        Format::Container => cri(line),
    };
    read.unwrap_or(Piece {
        text: Cow::Borrowed(line),
        time: None,
        stream: None,
        ends: true,
    })
}

/// `2016-10-06T00:17:09.669794202Z stdout P some text`; after the `P` or `F`
/// there may be more tags, each after a colon.
fn cri(line: &[u8]) -> Option<Piece<'_>> {
    let (time, rest) = word(line)?;
    let (stream, rest) = word(rest)?;
    // A line with nothing in it may lack the blank before it.
    let (tags, text) = word(rest).unwrap_or((rest, b""));
    let time = std::str::from_utf8(time).ok()?;
    let looks_like_a_time = time.len() >= 20 && time.as_bytes()[10] == b'T';
    if !looks_like_a_time {
        return None;
    }
    let ends = match tags.split(|byte| *byte == b':').next()? {
        b"F" => true,
        b"P" => false,
        _ => return None,
    };
    Some(Piece {
        text: Cow::Borrowed(text),
        time: Some(Cow::Borrowed(time)),
        stream: Some(stream_of(stream)?),
        ends,
    })
}

fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', text)?;
    Some((&text[..at], &text[at + 1..]))
}

fn stream_of(name: &[u8]) -> Option<Stream> {
    match name {
        b"stdout" => Some(Stream::Stdout),
        b"stderr" => Some(Stream::Stderr),
        _ => None,
    }
}

#[derive(Deserialize)]
struct DockerLine<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Option<Cow<'a, str>>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
}

fn docker(line: &[u8]) -> Option<Piece<'_>> {
    let read: DockerLine<'_> = serde_json::from_slice(line).ok()?;
    let ends = read.log.ends_with('\n');
    let text = match read.log {
        Cow::Borrowed(text) => Cow::Borrowed(without_end(text.as_bytes())),
        Cow::Owned(text) => {
            let mut text = text.into_bytes();
            text.truncate(without_end(&text).len());
            Cow::Owned(text)
        }
    };
    Some(Piece {
        text,
        time: read.time,
        stream: stream_of(read.stream.as_deref().unwrap_or_default().as_bytes()),
        ends,
    })
}

fn without_end(text: &[u8]) -> &[u8] {
    let Some(text) = text.strip_suffix(b"\n") else {
        return text;
    };
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: Format, line: &str) -> (String, Option<String>, Option<Stream>, bool) {
        let piece = piece(format, line.as_bytes());
        (
            String::from_utf8(piece.text.into_owned()).unwrap(),
            piece.time.map(Cow::into_owned),
            piece.stream,
            piece.ends,
        )
    }

    #[test]
    fn pieces_of_the_runtime_interface() {
        let time = "2016-10-06T00:17:09.669794202Z";
        for (rest, text, stream, ends) in [
            ("stdout F one two", "one two", Stream::Stdout, true),
            ("stderr P half ", "half ", Stream::Stderr, false),
            ("stderr F:tag:more x", "x", Stream::Stderr, true),
            ("stdout F ", "", Stream::Stdout, true),
            ("stdout F", "", Stream::Stdout, true),
        ] {
            for format in [Format::Cri, Format::Container] {
                assert_eq!(
                    read(format, &format!("{time} {rest}")),
                    (text.into(), Some(time.into()), Some(stream), ends)
                );
            }
        }
    }

    #[test]
    fn pieces_of_docker() {
        let line = r#"{"log":"a \"b\"\r\n","stream":"stderr","time":"2020-01-01T00:00:00.1Z"}"#;
        let time = Some("2020-01-01T00:00:00.1Z".to_owned());
        let expected = ("a \"b\"".to_owned(), time, Some(Stream::Stderr), true);
        assert_eq!(read(Format::Docker, line), expected);
        assert_eq!(read(Format::Container, line), expected);
        let half = r#"{"log":"half"}"#;
        assert_eq!(
            read(Format::Docker, half),
            ("half".into(), None, None, false)
        );
    }

    #[test]
    fn what_is_of_no_format_is_a_line() {
        for line in ["", "x", "{\"log\":\"cut off", "2016 stdout F x", "a b c d"] {
            assert_eq!(
                read(Format::Container, line),
                (line.into(), None, None, true)
            );
        }
        assert_eq!(
            piece(Format::Cri, b"\xff \xff F x").text.as_ref(),
            b"\xff \xff F x"
        );
    }
}
