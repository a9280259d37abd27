//! RFC 5424's head, as Heroku's logplex writes it: without structured data,
//! which is optional here (<https://devcenter.heroku.com/articles/log-drains#https-drains>).

use estiba_logs::Level;

/// A message taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syslog<'a> {
    /// From the severity.
    pub level: Level,
    /// As it is written; nothing for `-`.
    pub time: Option<&'a str>,
    /// The program: `app`, `heroku`; nothing for `-`.
    pub program: Option<&'a str>,
    /// Its process, a dyno on Heroku: `web.1`, `router`; nothing for `-`.
    pub process: Option<&'a str>,
    /// The text, without the end of its line.
    pub text: &'a [u8],
}

/// Reads `<PRI>VERSION TIME HOST PROGRAM PROCESS ID [DATA] TEXT`; nothing where
/// it is none.
#[must_use]
pub fn parse(message: &[u8]) -> Option<Syslog<'_>> {
    let rest = message.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let priority: u16 = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    let mut words = rest[end + 1..].splitn(7, |byte| *byte == b' ');
    words.next().filter(|version| *version == b"1")?;
    let mut field = || words.next().and_then(|word| std::str::from_utf8(word).ok());
    let time = field()?;
    let _host = field()?;
    let program = field()?;
    let process = field()?;
    let _id = field()?;
    let rest = words.next().unwrap_or_default();
    let given = |word| Some(word).filter(|word| *word != "-");
    Some(Syslog {
        level: Level::from_syslog(u64::from(priority % 8)),
        time: given(time),
        program: given(program),
        process: given(process),
        text: without_end(after_data(rest)),
    })
}

/// Behind structured data: `-`, or `[id key="value"]` any number of times.
fn after_data(rest: &[u8]) -> &[u8] {
    if let Some(rest) = rest.strip_prefix(b"- ") {
        return rest;
    }
    if rest == b"-" {
        return b"";
    }
    let mut at = 0;
    while rest.get(at) == Some(&b'[') {
        let Some(end) = element_end(&rest[at..]) else {
            return rest;
        };
        at += end;
    }
    match (at, rest.get(at)) {
        (0, _) => rest,
        (_, None) => b"",
        (_, Some(b' ')) => &rest[at + 1..],
        // A text in brackets, not data.
        _ => rest,
    }
}

fn element_end(element: &[u8]) -> Option<usize> {
    // Data have a key; a text in brackets has none.
    let (mut quoted, mut escaped, mut has_value) = (false, false, false);
    for (at, byte) in element.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => {
                quoted = !quoted;
                has_value |= at > 1 && element[at - 1] == b'=';
            }
            b']' if !quoted => return has_value.then_some(at + 1),
            _ => {}
        }
    }
    None
}

fn without_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_logplex() {
        let message =
            b"<40>1 2012-11-30T06:45:29+00:00 host app web.3 - State changed from starting to up\n";
        let read = parse(message).unwrap();
        assert_eq!(read.text, b"State changed from starting to up");
        assert_eq!((read.program, read.process), (Some("app"), Some("web.3")));
        assert_eq!(read.time, Some("2012-11-30T06:45:29+00:00"));
        assert_eq!(read.level, Level::Fatal);
        let info = parse(b"<190>1 - host - - - - x").unwrap();
        assert_eq!(
            (info.level, info.time, info.program),
            (Level::Info, None, None)
        );
    }

    #[test]
    fn structured_data_are_not_the_text() {
        for (rest, text) in [
            ("- x", "x"),
            ("-", ""),
            ("[a@1 b=\"c\"] x", "x"),
            ("[a b=\"]\\\"\"][c d=\"e\"] x", "x"),
            ("[a b=\"c\"]", ""),
            ("[error] x", "[error] x"),
            ("[open", "[open"),
            ("", ""),
        ] {
            let message = format!("<14>1 - h p q - {rest}");
            assert_eq!(
                parse(message.as_bytes()).unwrap().text,
                text.as_bytes(),
                "{rest}"
            );
        }
    }

    #[test]
    fn what_is_no_message() {
        for text in [
            "",
            "<",
            "<14>",
            "<14>2 a b c d e f",
            "<999999>1 a b c d e f",
            "14>1 a b c d e",
            "<14>1 a b",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
