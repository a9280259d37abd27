//! A mail, sent as programs send theirs.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::variable;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Sends a mail by the server that the variables name, and gives its last answer. With
/// `anonymous`, without a login.
pub fn send(subject: &str, anonymous: bool) -> io::Result<String> {
    let (host, port) = (variable("SMTP_HOST"), variable("SMTP_PORT"));
    let (user, password) = (variable("SMTP_USERNAME"), variable("SMTP_PASSWORD"));
    let from = variable("SMTP_FROM");
    let stream = TcpStream::connect(format!("{host}:{port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut answers = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    answer(&mut answers)?;
    let login = base64(format!("\0{user}\0{password}").as_bytes());
    let mut lines = vec!["EHLO api".to_owned(), format!("AUTH PLAIN {login}")];
    lines.truncate(if anonymous { 1 } else { 2 });
    lines.extend([
        format!("MAIL FROM:<{from}>"),
        "RCPT TO:<ana@example.edu>".to_owned(),
        "DATA".to_owned(),
        format!(
            "From: {from}\r\nTo: ana@example.edu\r\nSubject: {subject}\r\n\r\nHello Ana,\r\n..\r\n."
        ),
    ]);
    let mut last = String::new();
    for line in lines {
        write!(stream, "{line}\r\n")?;
        last = answer(&mut answers)?;
        if !last.starts_with(['2', '3']) {
            break;
        }
    }
    Ok(last)
}

/// The last line of an answer.
fn answer(from: &mut impl BufRead) -> io::Result<String> {
    loop {
        let mut line = String::new();
        if from.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.as_bytes().get(3) != Some(&b'-') {
            return Ok(line.trim_end().to_owned());
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0_u32, |n, byte| (n << 8) | u32::from(*byte));
        let number = number << (8 * (3 - part.len()));
        for place in 0..4 {
            let at = (number >> (18 - 6 * place)) & 63;
            text.push(match place <= part.len() {
                true => char::from(ALPHABET[at as usize]),
                false => '=',
            });
        }
    }
    text
}
