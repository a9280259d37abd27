//! The probe as a program of its own, in a container of the environment.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use estiba_model::SecretString;
use estiba_target::Redactor;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Asked, Found, probe};

/// The first argument of whoever plays this role.
pub const ROLE: &str = "preflight-probe";

/// Where the container has what is asked.
pub const INPUT_FILE: &str = "/estiba/preflight.json";

/// Keys whose texts are words of this program, which no secret can be in.
const OWN_WORDS: [&str; 3] = ["fault", "stage", "passed"];

/// A line of the probe.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    preflight: usize,
    found: Found,
}

/// Plays the probe's role, if the program's arguments (without its own name) ask
/// for it.
#[must_use]
pub fn role(args: &[OsString]) -> Option<ExitCode> {
    let [name, file] = args else { return None };
    (name == ROLE).then(|| match tell_all(file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Its words are about the file, and not from it.
            let _ = writeln!(io::stderr(), "{}: {error}", file.display());
            ExitCode::FAILURE
        }
    })
}

fn tell_all(file: &OsString) -> io::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let asked: Asked = serde_json::from_str(&text)
        .map_err(|error| io::Error::other(format!("line {}", error.line())))?;
    let redactor = Redactor::new(&asked.secrets());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut failed = None;
    runtime.block_on(probe::run(&asked, |number, found| {
        let told = line(number, found, &redactor);
        let told = told.and_then(|line| writeln!(io::stdout(), "{line}"));
        failed = failed.take().or(told.err());
    }));
    // A name that nobody answers about keeps a thread busy.
    runtime.shutdown_background();
    failed.map_or(Ok(()), Err)
}

fn line(number: usize, found: Found, redactor: &Redactor) -> io::Result<String> {
    let line = Line {
        preflight: number,
        found,
    };
    let mut line = serde_json::to_value(line)?;
    redact(&mut line, redactor);
    Ok(line.to_string())
}

/// Hides secrets in texts; whoever reads the line knows its keys and own words.
fn redact(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.redact(text).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(map) => map
            .iter_mut()
            .filter(|(key, _)| !OWN_WORDS.contains(&key.as_str()))
            .for_each(|(_, value)| redact(value, redactor)),
        _ => {}
    }
}

impl Found {
    /// What a line of the probe tells, and of which service; `None` where it is
    /// another line.
    #[must_use]
    pub fn from_line(line: &str) -> Option<(usize, Self)> {
        let line: Line = serde_json::from_str(line).ok()?;
        Some((line.preflight, line.found))
    }

    /// The same without secrets.
    #[must_use]
    pub fn redacted(self, secrets: &[SecretString]) -> Self {
        let redactor = Redactor::new(secrets);
        let clean = line(0, self.clone(), &redactor).ok();
        clean
            .and_then(|line| Self::from_line(&line))
            .map_or(self, |(_, found)| found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Stage};

    #[test]
    fn a_line_tells_no_secret_and_can_still_be_read() {
        let mut found = Found::at("db.example.edu", 5432);
        found.passed = vec![Stage::Dns, Stage::Login];
        found.faults.push(Fault::Database {
            why: "no role of wrong-password".to_owned(),
        });
        found.faults.push(Fault::WrongPassword {
            user: "app".to_owned(),
        });
        // A secret that is one of the words of a line.
        let secrets = ["wrong-password", "preflight", "database"].map(SecretString::new);
        let line = line(3, found.clone(), &Redactor::new(&secrets)).unwrap();
        let (number, read) = Found::from_line(&line).unwrap();
        assert_eq!(number, 3);
        assert_eq!(read.passed, found.passed);
        assert_eq!(read.faults[1], found.faults[1]);
        assert_eq!(
            read.faults[0],
            Fault::Database {
                why: "no role of •••".to_owned()
            }
        );
    }
}
