//! From pieces of output to lines.

use futures::StreamExt;

use crate::engine::Pieces;

/// What is longer is cut into lines of this many bytes, as Heroku's logs are.
const LONGEST: usize = 10_000;

/// Gives every line, the last one too if it does not end.
pub(super) async fn each(mut pieces: Pieces, mut tell: impl FnMut(&str)) {
    let mut line = Vec::new();
    // Output that can't be read any more has ended.
    while let Some(Ok(piece)) = pieces.next().await {
        for byte in piece.into_bytes() {
            if byte == b'\n' || line.len() == LONGEST {
                tell_line(&mut line, &mut tell);
            }
            if byte != b'\n' {
                line.push(byte);
            }
        }
    }
    if !line.is_empty() {
        tell_line(&mut line, &mut tell);
    }
}

fn tell_line(line: &mut Vec<u8>, tell: &mut impl FnMut(&str)) {
    let text = String::from_utf8_lossy(line);
    tell(text.trim_end_matches('\r'));
    line.clear();
}
