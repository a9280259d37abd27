//! Standard input as a source.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::framing::{Cursor, End};
use crate::inbox::{Chunk, Inbox, Intake};
use crate::metrics::Metrics;

/// Read at once.
const READ: usize = 64 << 10;

/// Sends all lines until the input ends or `stop` says so.
pub(crate) async fn pump(
    mut intake: Intake,
    inbox: Inbox,
    event_patience: Duration,
    largest_window: usize,
    metrics: Arc<Metrics>,
    mut stop: watch::Receiver<bool>,
) {
    let mut input = reader();
    let fields = intake.fields().clone();
    let (mut window, mut cursor) = (Vec::new(), Cursor::default());
    let mut is_waiting = false;
    loop {
        let read = tokio::select! {
            read = input.recv() => read.map(Some),
            _ = stop.wait_for(|stop| *stop) => None,
            () = tokio::time::sleep(event_patience), if is_waiting => Some(None),
        };
        let end = match read {
            Some(Some(read)) => {
                window.extend_from_slice(&read);
                if window.len() >= largest_window {
                    End::Full
                } else {
                    End::Open
                }
            }
            Some(None) => End::Lines,
            None => End::All,
        };
        let (mut documents, start) = (Vec::new(), cursor.start());
        intake.lines(&window, end, &mut cursor, &fields, &mut documents, &metrics);
        let taken = usize::try_from(cursor.start() - start).unwrap_or(window.len());
        window.drain(..taken.min(window.len()));
        is_waiting = end == End::Open && !window.is_empty();
        let chunk = Chunk {
            documents,
            reply: None,
        };
        metrics.entrusted.add(chunk.at_stake());
        if !chunk.documents.is_empty() && inbox.send(chunk).await.is_err() {
            return;
        }
        if end == End::All {
            return;
        }
    }
}

/// What is read, from a thread of its own: a read can't be called off, and the
/// program may end while one waits.
fn reader() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let mut room = vec![0; READ];
            match input.read(&mut room) {
                Ok(0) => break,
                Ok(length) => {
                    room.truncate(length);
                    if sender.blocking_send(room).is_err() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::error!("cannot read standard input: {error}");
                    break;
                }
            }
        }
    });
    receiver
}
