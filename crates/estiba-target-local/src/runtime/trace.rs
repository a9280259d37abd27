//! Why libcontainer failed. Its errors lose their causes on the way from one of
//! its processes to another; its log, which all of them write, has them.

use std::fmt::{self, Write};
use std::os::unix::net::UnixStream;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::control::{Report, tell};

/// Tells what libcontainer logs as an error, and nothing else: that alone
/// costs nothing while all goes well.
struct ErrorsOnly(UnixStream);

/// From here on errors in the log of this process, and of those it makes, are
/// told over `control`.
pub(super) fn errors_to(control: UnixStream) {
    // Fails only when there is a log already, which then has the errors.
    let _ = tracing::subscriber::set_global_default(ErrorsOnly(control));
}

impl Subscriber for ErrorsOnly {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        tell(&self.0, &Report::Detail(text.0));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// All fields of an event in one line.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let separator = if self.0.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{separator}{value:?}"),
            name => write!(self.0, "{separator}{name}={value:?}"),
        };
    }
}
