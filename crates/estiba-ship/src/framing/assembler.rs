//! Lines of a window of a source, joined to events.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Cursor, Event, Format, Piece, Stream, piece};
use crate::multiline::{Multiline, Trace};

/// What an event may be at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Its bytes; what is more is left out, and the event is marked.
    pub bytes: usize,
    /// Its lines; a further one begins another event.
    pub lines: usize,
}

/// What the end of a window means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may come, also of the last event.
    Open,
    /// The last line that has an end is the last of its event.
    Lines,
    /// The same, and the last piece of a line is its end: no window is larger.
    Full,
    /// Everything is whole, also a line without an end.
    All,
}

/// What came of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Something at the end waits for more.
    pub waits: bool,
    /// Whoever takes the events has enough of them for now.
    pub stopped: bool,
}

/// Takes events out of windows of a source.
#[derive(Debug)]
pub struct Assembler {
    format: Format,
    multiline: Option<Multiline>,
    limits: Limits,
    /// Of each stream, what is not known to be whole. Empty between windows.
    held: [Held; 2],
}

/// Lines of one event.
#[derive(Debug, Default)]
struct Held {
    open: bool,
    text: Vec<u8>,
    /// Where its first line begins.
    start: u64,
    time: Option<String>,
    stream: Option<Stream>,
    lines: usize,
    cut: bool,
    /// Its last line goes on with the next piece.
    in_line: bool,
    trace: Trace,
}

impl Assembler {
    /// For windows of one format; [`Format::Auto`] is taken as raw.
    #[must_use]
    pub fn new(format: Format, multiline: Option<Multiline>, limits: Limits) -> Self {
        Self {
            format,
            multiline,
            limits,
            held: [Held::default(), Held::default()],
        }
    }

    /// Gives the events in `window`, which begins at the cursor's
    /// [`Cursor::start`], and moves the cursor behind those that `each` took.
    pub fn take(
        &mut self,
        window: &[u8],
        end: End,
        cursor: &mut Cursor,
        mut each: impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Taken {
        let start = cursor.start();
        for held in &mut self.held {
            held.open = false;
        }
        let mut done = 0;
        let mut stopped = false;
        while !stopped {
            let rest = &window[done..];
            if cursor.skipping {
                let Some(at) = memchr::memchr(b'\n', rest) else {
                    done = window.len();
                    cursor.skipping = end != End::All;
                    break;
                };
                done += at + 1;
                cursor.skipping = false;
                continue;
            }
            let (line, next) = match memchr::memchr(b'\n', rest) {
                Some(at) => (&rest[..at], done + at + 1),
                None if rest.len() > self.longest_line() => {
                    cursor.skipping = true;
                    (rest, window.len())
                }
                None if end == End::All && !rest.is_empty() => (rest, window.len()),
                None => break,
            };
            let here = start + done as u64;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let piece = piece(self.format, line);
            let index = piece.stream.map_or(0, Stream::index);
            let was_taken_before = here < cursor.at[index];
            done = next;
            if was_taken_before {
                continue;
            }
            let after = start + next as u64;
            stopped = match self.line(&piece, here, after, cursor, &mut each) {
                Ok(flow) => flow.is_break(),
                Err(NotTaken) => {
                    // The event before it was the last: the line is read again.
                    done = usize::try_from(here - start).unwrap_or(done);
                    cursor.skipping = false;
                    true
                }
            };
        }
        if end != End::Open && !stopped {
            for held in &mut self.held {
                if held.open && !(held.in_line && end == End::Lines) {
                    held.open = false;
                    // Both are given also where one is enough, so that the window ends.
                    stopped |= each(held.event()).is_break();
                }
            }
        }
        for (index, held) in self.held.iter().enumerate() {
            let reached = start + done as u64;
            cursor.at[index] = if held.open {
                held.start
            } else {
                reached.max(cursor.at[index])
            };
        }
        Taken {
            waits: done < window.len() || self.held.iter().any(|held| held.open),
            stopped,
        }
    }

    /// A longer line is cut; what a format puts around it is not counted.
    fn longest_line(&self) -> usize {
        match self.format {
            Format::Auto | Format::Raw => self.limits.bytes,
            // Runtimes split lines at 16 KiB.
            _ => self.limits.bytes + 4096,
        }
    }

    fn line(
        &mut self,
        piece: &Piece<'_>,
        here: u64,
        after: u64,
        cursor: &mut Cursor,
        each: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, NotTaken> {
        let index = piece.stream.map_or(0, Stream::index);
        let held = &mut self.held[index];
        if self.multiline.is_none() && piece.ends && !held.open {
            let text = piece.text.as_ref();
            let cut = text.len() > self.limits.bytes;
            cursor.at[index] = after;
            return Ok(each(Event {
                text: &text[..text.len().min(self.limits.bytes)],
                time: piece.time.as_deref(),
                stream: piece.stream,
                cut,
            }));
        }
        let mut flow = ControlFlow::Continue(());
        if held.open && !held.in_line {
            let continues = held.lines < self.limits.lines
                && self.multiline.as_ref().is_some_and(|multiline| {
                    multiline.continues(&mut held.trace, &held.text, &piece.text)
                });
            if !continues {
                held.open = false;
                cursor.at[index] = here;
                flow = each(held.event());
                if flow.is_break() {
                    return Err(NotTaken);
                }
            }
        }
        let held = &mut self.held[index];
        held.add(piece, here, self.limits.bytes, self.multiline.as_ref());
        if self.multiline.is_none() && piece.ends {
            held.open = false;
            cursor.at[index] = after;
            flow = each(held.event());
        }
        Ok(flow)
    }
}

/// The batch was full before the line.
struct NotTaken;

impl Held {
    fn add(&mut self, piece: &Piece<'_>, here: u64, most: usize, multiline: Option<&Multiline>) {
        if !self.open {
            self.open = true;
            self.text.clear();
            self.start = here;
            self.time = piece
                .time
                .as_ref()
                .map(|time| Cow::clone(time).into_owned());
            self.stream = piece.stream;
            self.lines = 0;
            self.cut = false;
            self.in_line = false;
            self.trace = multiline
                .map(|multiline| multiline.begin(&piece.text))
                .unwrap_or_default();
        }
        if !self.in_line {
            self.lines += 1;
            if self.lines > 1 && self.text.len() < most {
                self.text.push(b'\n');
            }
        }
        let room = most - self.text.len();
        self.cut |= piece.text.len() > room;
        self.text
            .extend_from_slice(&piece.text[..piece.text.len().min(room)]);
        self.in_line = !piece.ends;
    }

    fn event(&self) -> Event<'_> {
        Event {
            text: &self.text,
            time: self.time.as_deref(),
            stream: self.stream,
            cut: self.cut,
        }
    }
}
