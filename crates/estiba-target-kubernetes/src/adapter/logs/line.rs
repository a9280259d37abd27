//! A line of a log, as the nodes keep it.

use std::borrow::Cow;

use estiba_target::{LogLine, Redactor};
use jiff::Timestamp;

use super::Source;

/// Pieces of long lines are so long, or several times that.
const PIECE_BYTES: usize = 4 << 10;

/// A line as the nodes keep it: an instant, a blank, the text.
pub(super) fn read_line(source: &Source, line: &str, redactor: &Redactor) -> Option<LogLine> {
    let (at, text) = line.split_once(' ').unwrap_or((line, ""));
    let text = joined(text);
    Some(LogLine {
        at: at.parse().ok()?,
        instance: source.instance.clone(),
        container: source.container.clone(),
        stream: None,
        text: redactor.redact(&text).into_owned(),
    })
}

/// Takes the last line away where it has not ended, and says of when it is: what
/// follows reads it whole.
pub(super) fn take_open(lines: &mut Vec<LogLine>, text: &str) -> Option<Timestamp> {
    let is_open = !text.is_empty() && !text.ends_with('\n');
    let open = is_open.then(|| lines.pop()).flatten()?;
    Some(open.at)
}

/// A long line is kept in pieces. Before Kubernetes 1.26 each of them has an
/// instant of its own in front of it
/// (<https://github.com/kubernetes/kubernetes/issues/77603>).
fn joined(text: &str) -> Cow<'_, str> {
    let Some((first, mut rest)) = split_piece(text) else {
        return Cow::Borrowed(text);
    };
    let mut whole = first.to_owned();
    while let Some((piece, after)) = split_piece(rest) {
        whole.push_str(piece);
        rest = after;
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// A piece, and what comes after the instant of the next.
fn split_piece(text: &str) -> Option<(&str, &str)> {
    let ends = (PIECE_BYTES..text.len()).step_by(PIECE_BYTES);
    let mut pieces = ends.filter_map(|end| text.split_at_checked(end));
    pieces.find_map(|(piece, after)| {
        let (at, after) = after.split_once(' ')?;
        at.parse::<Timestamp>().ok()?;
        Some((piece, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_kept_in_pieces_is_whole() {
        let at = "2026-01-31T12:00:00.123456789Z";
        let piece = "y ".repeat(8 << 10);
        assert_eq!(joined(&piece), piece);
        let kept = format!("{piece}{at} {piece}{at} end");
        assert_eq!(joined(&kept), format!("{piece}{piece}end"));
        let own = format!("{at} is what it says");
        assert_eq!(joined(&own), own);
    }

    #[test]
    fn a_line_that_has_not_ended_is_left_to_what_follows() {
        let source = Source {
            instance: "api-1".parse().unwrap(),
            container: "main".parse().unwrap(),
        };
        let read = |text: &str| {
            let lines = text.lines();
            let read = lines.filter_map(|line| read_line(&source, line, &Redactor::default()));
            read.collect::<Vec<_>>()
        };
        let at = "2026-01-31T12:00:00.5Z";
        let text = format!("2026-01-31T12:00:00Z one\n{at} tw");
        let mut lines = read(&text);
        assert_eq!(take_open(&mut lines, &text), at.parse().ok());
        assert_eq!(lines, read("2026-01-31T12:00:00Z one\n"));
        assert_eq!(take_open(&mut lines, &format!("{text}o\n")), None);
        // A run that wrote nothing takes no line of the one before.
        assert_eq!(take_open(&mut lines, ""), None);
        assert_eq!(lines.len(), 1);
    }
}
