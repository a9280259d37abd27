//! From a container's pipe to its log.

use std::cell::RefCell;
use std::rc::Rc;

use estiba_target::Stream;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use super::LogWriter;

/// A longer line is split here, in bytes.
const LONGEST_LINE: usize = 64 << 10;
const CHUNK: usize = 16 << 10;

/// Writes every line that comes until the pipe's other end is closed; also the
/// last one, if it has no end.
pub(crate) async fn capture(mut pipe: Receiver, stream: Stream, log: Rc<RefCell<LogWriter>>) {
    let mut held = Vec::new();
    loop {
        held.reserve(CHUNK);
        match pipe.read_buf(&mut held).await {
            Ok(0) | Err(_) => break,
            Ok(_) => write_whole_lines(&mut held, stream, &log),
        }
        if held.is_empty() && held.capacity() > CHUNK {
            held = Vec::new();
        }
    }
    if !held.is_empty() {
        write(&[&held], stream, &log);
    }
}

fn write_whole_lines(held: &mut Vec<u8>, stream: Stream, log: &RefCell<LogWriter>) {
    let mut lines = Vec::new();
    let mut rest = held.as_slice();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n');
        match end {
            Some(end) if end <= LONGEST_LINE => {
                lines.push(&rest[..end]);
                rest = &rest[end + 1..];
            }
            None if rest.len() <= LONGEST_LINE => break,
            _ => {
                let (line, more) = rest.split_at(split_point(rest));
                lines.push(line);
                rest = more;
            }
        }
    }
    if !lines.is_empty() {
        write(&lines, stream, log);
    }
    let left = rest.len();
    held.drain(..held.len() - left);
}

/// Where to split a line that is too long: not inside a character.
fn split_point(line: &[u8]) -> usize {
    let is_continuation = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    (LONGEST_LINE - 3..=LONGEST_LINE)
        .rev()
        .find(|at| !is_continuation(line[*at]))
        .unwrap_or(LONGEST_LINE)
}

fn write(lines: &[&[u8]], stream: Stream, log: &RefCell<LogWriter>) {
    let texts: Vec<_> = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)))
        .collect();
    log.borrow_mut()
        .write(stream, texts.iter().map(AsRef::as_ref));
}
