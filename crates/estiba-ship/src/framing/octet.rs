//! Messages with their length before them (RFC 6587, section 3.4.1), as
//! Heroku's logplex sends them.

/// Why a body is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A length is missing, or is not one.
    #[error("no length where a message begins")]
    NoLength,
    /// The body ends before the message does.
    #[error("a message is shorter than its length says")]
    Short,
}

/// The messages of a body. After the first mistake there are no more.
pub fn frames(body: &[u8]) -> impl Iterator<Item = Result<&[u8], FrameError>> {
    let mut rest = body;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let read = frame(rest);
        rest = read.map_or(&[], |(_, rest)| rest);
        Some(read.map(|(frame, _)| frame))
    })
}

/// A longer length is none that anyone means.
const MOST_DIGITS: usize = 10;

fn frame(body: &[u8]) -> Result<(&[u8], &[u8]), FrameError> {
    let digits = body
        .iter()
        .take(MOST_DIGITS + 1)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if digits == 0 || digits > MOST_DIGITS || body.get(digits) != Some(&b' ') {
        return Err(FrameError::NoLength);
    }
    let length = body[..digits]
        .iter()
        .fold(0_u64, |length, digit| length * 10 + u64::from(digit - b'0'));
    let rest = &body[digits + 1..];
    let length = usize::try_from(length).map_err(|_| FrameError::Short)?;
    rest.split_at_checked(length).ok_or(FrameError::Short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mistakes_end_the_body() {
        let read = |body: &'static str| frames(body.as_bytes()).collect::<Vec<_>>();
        assert_eq!(read("3 abc2 de"), [Ok(&b"abc"[..]), Ok(b"de")]);
        assert_eq!(read("0 1 a"), [Ok(&b""[..]), Ok(b"a")]);
        assert_eq!(read("4 abc"), [Err(FrameError::Short)]);
        assert_eq!(read("1 ax"), [Ok(&b"a"[..]), Err(FrameError::NoLength)]);
        assert_eq!(read("99999999999 a"), [Err(FrameError::NoLength)]);
        assert_eq!(read("9999999999 a"), [Err(FrameError::Short)]);
    }

    proptest! {
        #[test]
        fn what_was_framed_is_read(messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10)) {
            let mut body = Vec::new();
            for message in &messages {
                body.extend(format!("{} ", message.len()).bytes());
                body.extend(message);
            }
            let read: Vec<_> = frames(&body).map(|frame| frame.map(<[u8]>::to_vec)).collect();
            prop_assert_eq!(read, messages.into_iter().map(Ok).collect::<Vec<_>>());
        }
    }
}
