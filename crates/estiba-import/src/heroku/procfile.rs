//! `Procfile` (<https://devcenter.heroku.com/articles/procfile>).

use estiba_model::Place;

use crate::report::start_of;
use crate::source::Source;

/// A line of a Procfile.
pub(super) struct Process {
    /// `web`, `worker`, `release`…
    pub kind: String,
    pub command: String,
    pub place: Place,
}

/// The processes, in the order of the file.
pub(super) fn read(source: &Source) -> Vec<Process> {
    let mut processes = Vec::new();
    let mut offset = 0;
    for (index, whole) in source.text.split_inclusive('\n').enumerate() {
        let place = Place {
            line: index + 1,
            offset_bytes: offset,
            ..start_of(&source.path)
        };
        offset += whole.len();
        let Some((kind, command)) = whole.split_once(':') else {
            continue;
        };
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let (kind, command) = (kind.trim(), command.trim());
        if !kind.is_empty() && kind.chars().all(word) && !command.is_empty() {
            processes.push(Process {
                kind: kind.to_owned(),
                command: command.to_owned(),
                place,
            });
        }
    }
    processes
}

/// Heroku runs a line in a shell; what needs none runs without.
pub(super) fn command(line: &str) -> Vec<String> {
    let plain = !line.contains(['$', '&', '|', ';', '<', '>', '`', '*', '(', '=']);
    match plain.then(|| shlex::split(line)).flatten() {
        Some(words) => words,
        None => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()],
    }
}
