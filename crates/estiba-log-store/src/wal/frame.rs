//! What a segment of the write-ahead log consists of.
//!
//! A frame is: the length of its body (4 bytes), a CRC-32 of all that follows and of
//! the length (4), the number of its first line (8), and the body. The body is: when
//! it came in microseconds (8), the three names of the environment, and the lines;
//! names and lines each with their length (4) before them. Integers are little-endian.

use crate::Environment;

/// A longer body is no frame.
pub(super) const LONGEST_BODY: usize = 256 << 20;
const HEAD: usize = 16;

/// Lines of one environment that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The number of the first line.
    pub(crate) first_sequence: u64,
    /// When they came, in microseconds since 1970.
    pub(crate) arrived_us: i64,
    /// Whose they are.
    pub(crate) environment: Environment,
    bytes: Vec<u8>,
    lines_from: usize,
    lines: usize,
}

impl Frame {
    /// A frame without lines and number.
    pub(crate) fn new(environment: Environment, arrived_us: i64) -> Self {
        let mut bytes = vec![0; HEAD];
        bytes.extend_from_slice(&arrived_us.to_le_bytes());
        for name in [
            &environment.team,
            &environment.project,
            &environment.environment,
        ] {
            push(&mut bytes, |bytes| bytes.extend_from_slice(name.as_bytes()));
        }
        Self {
            first_sequence: 0,
            arrived_us,
            environment,
            lines_from: bytes.len(),
            bytes,
            lines: 0,
        }
    }

    /// Appends a line that `write` writes.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        push(&mut self.bytes, write);
        self.lines += 1;
    }

    /// How many lines it has.
    pub(crate) fn len(&self) -> usize {
        self.lines
    }

    /// The number of the last line.
    pub(crate) fn last_sequence(&self) -> u64 {
        (self.first_sequence + self.lines as u64).saturating_sub(1)
    }

    /// How much memory and room on disk it takes.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Each line with its number.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut rest = &self.bytes[self.lines_from..];
        let lines = std::iter::from_fn(move || take(&mut rest));
        (self.first_sequence..).zip(lines)
    }

    /// Gives it its number; what [`Self::bytes`] answers is whole then.
    pub(crate) fn number(&mut self, first_sequence: u64) {
        self.first_sequence = first_sequence;
        let length = u32::try_from(self.bytes.len() - HEAD).unwrap_or(u32::MAX);
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes[8..HEAD].copy_from_slice(&first_sequence.to_le_bytes());
        let sum = checksum(&self.bytes);
        self.bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    }

    /// As it stands on disk.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the frame at the start of `bytes`; `None` where there is no whole one.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let length = length_at(bytes)?;
        let bytes = bytes.get(..length)?;
        if bytes[4..8] != checksum(bytes).to_le_bytes() {
            return None;
        }
        let first_sequence = u64::from_le_bytes(bytes[8..HEAD].try_into().ok()?);
        let mut rest = &bytes[HEAD..];
        let (arrived, after) = rest.split_first_chunk::<8>()?;
        rest = after;
        let mut name = || Some(String::from_utf8_lossy(take(&mut rest)?).into_owned());
        let environment = Environment::new(name()?, name()?, name()?);
        let lines_from = bytes.len() - rest.len();
        let lines = std::iter::from_fn(|| take(&mut rest)).count();
        Some(Self {
            first_sequence,
            arrived_us: i64::from_le_bytes(*arrived),
            environment,
            bytes: bytes.to_owned(),
            lines_from,
            lines,
        })
    }
}

/// How long the frame at the start of `bytes` says it is, with its head.
pub(super) fn length_at(bytes: &[u8]) -> Option<usize> {
    let (length, _) = bytes.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    (length <= LONGEST_BODY).then_some(HEAD + length)
}

fn checksum(frame: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&frame[..4]);
    hasher.update(&frame[8..]);
    hasher.finalize()
}

fn push(bytes: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = bytes.len();
    bytes.extend_from_slice(&[0; 4]);
    write(bytes);
    let length = u32::try_from(bytes.len() - at - 4).unwrap_or(u32::MAX);
    bytes[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (taken, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        let mut frame = Frame::new(Environment::new("moria", "tp2", "prod"), 42);
        frame.push(|bytes| bytes.extend_from_slice(b"one"));
        frame.push(|_| {});
        frame.number(7);
        frame
    }

    #[test]
    fn a_frame_reads_back() {
        let frame = frame();
        let mut bytes = frame.bytes().to_owned();
        bytes.extend_from_slice(b"more");
        let read = Frame::read(&bytes).unwrap();
        assert_eq!(read, frame);
        assert_eq!(
            read.lines().collect::<Vec<_>>(),
            [(7, b"one".as_slice()), (8, b"".as_slice())]
        );
        assert_eq!(read.last_sequence(), 8);
    }

    #[test]
    fn no_damage_goes_unnoticed() {
        let whole = frame().bytes().to_owned();
        for at in 0..whole.len() {
            assert_eq!(Frame::read(&whole[..at]), None, "cut at {at}");
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert_eq!(Frame::read(&damaged), None, "changed at {at}");
        }
    }
}
