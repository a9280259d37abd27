//! The way in for sources that can't be read again.

use std::ops::ControlFlow;

use estiba_logs::Level;
use tokio::sync::{mpsc, oneshot};

use crate::document::{Encoder, Known};
use crate::fields::Fields;
use crate::framing::{Assembler, Cursor, End, Event};
use crate::metrics::Metrics;

/// So many chunks wait, at most; whoever has another one waits to give it.
pub(crate) const PLACES: usize = 4;

/// Documents that go into the disk buffer, or into a batch, as a whole.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// One a line.
    pub(crate) documents: Vec<u8>,
    /// Answered when they are on the disk, or acknowledged by the sink; dropped
    /// where they are not.
    pub(crate) reply: Option<oneshot::Sender<()>>,
}

impl Chunk {
    /// How many of its documents are lost where they are not on the disk or
    /// acknowledged in the end: whoever waits for an answer sends them again.
    pub(crate) fn at_stake(&self) -> u64 {
        match &self.reply {
            Some(_) => 0,
            None => memchr::memchr_iter(b'\n', &self.documents).count() as u64,
        }
    }
}

/// The end that is given chunks.
pub(crate) type Inbox = mpsc::Sender<Chunk>;

/// Makes documents of lines that came in.
#[derive(Debug)]
pub(crate) struct Intake {
    assembler: Assembler,
    encoder: Encoder,
    fields: Fields,
}

impl Intake {
    pub(crate) fn new(assembler: Assembler, encoder: Encoder, fields: Fields) -> Self {
        Self {
            assembler,
            encoder,
            fields,
        }
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Documents of the lines in `window`, which begins where `cursor` says.
    pub(crate) fn lines(
        &mut self,
        window: &[u8],
        end: End,
        cursor: &mut Cursor,
        fields: &Fields,
        out: &mut Vec<u8>,
        metrics: &Metrics,
    ) {
        let read_at = jiff::Timestamp::now().to_string();
        let known = Known {
            fields,
            read_at: &read_at,
            level: None,
        };
        let start = cursor.start();
        self.assembler.take(window, end, cursor, |event| {
            encode(&mut self.encoder, &event, &known, out, metrics);
            ControlFlow::Continue(())
        });
        metrics.read_bytes.add(cursor.start() - start);
    }

    /// The document of one event that came as such.
    pub(crate) fn event(
        &mut self,
        event: &Event<'_>,
        level: Option<Level>,
        fields: &Fields,
        out: &mut Vec<u8>,
        metrics: &Metrics,
    ) {
        let read_at = jiff::Timestamp::now().to_string();
        let known = Known {
            fields,
            read_at: &read_at,
            level,
        };
        encode(&mut self.encoder, event, &known, out, metrics);
        metrics.read_bytes.add(event.text.len() as u64);
    }
}

fn encode(
    encoder: &mut Encoder,
    event: &Event<'_>,
    known: &Known<'_>,
    out: &mut Vec<u8>,
    metrics: &Metrics,
) {
    metrics.read.add(1);
    if !encoder.encode(event, known, out) {
        metrics.left_out.add(1);
    }
}
