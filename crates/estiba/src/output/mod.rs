//! How results are shown: for people, in their language; for programs, as JSON.

mod diagnostics;
mod paint;
mod progress;
mod steps;
mod table;

use std::io::{IsTerminal, Write};

use estiba_api::Position;
use estiba_model::{Diagnostic, Lang, Message, message};
use serde::Serialize;

use crate::failure::Failure;

pub use paint::Paint;
pub use progress::ShownProgress;
pub use steps::plan_text;
pub use table::Table;

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// The language of people.
    pub lang: Lang,
    /// Programs read it.
    pub json: bool,
}

impl Output {
    /// Output in a language, or as JSON.
    pub fn new(lang: Lang, json: bool) -> Self {
        Self { lang, json }
    }

    /// A message in the language of this output.
    pub fn say(&self, message: &Message) -> String {
        message.text(self.lang).to_owned()
    }

    /// A result for people; programs get none of it.
    pub fn line(&self, message: &Message) {
        if !self.json {
            print_line(message.text(self.lang));
        }
    }

    /// Text for people as it is; programs get none of it.
    pub fn text(&self, text: &str) {
        if !self.json {
            print_line(text);
        }
    }

    /// A value for programs; people get none of it.
    pub fn json<T: Serialize>(&self, value: &T) {
        if self.json {
            print_json(value);
        }
    }

    /// A remark beside the result, on standard error.
    pub fn remark(&self, message: &Message) {
        if !self.json {
            eprintln!("{}", message.text(self.lang));
        }
    }

    /// Findings about the user's files, on standard error.
    pub fn diagnostics(&self, findings: &[Diagnostic]) {
        if !self.json {
            diagnostics::print(findings, self.lang);
        }
    }

    /// Whether a person is there to be asked.
    pub fn can_ask(&self) -> bool {
        !self.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks a person to agree.
    ///
    /// # Errors
    /// When nobody is there to be asked.
    pub fn agree(&self, question: &Message) -> Result<bool, Failure> {
        if !self.can_ask() {
            let Message { en, es } = question;
            return Err(Failure::Usage(Message {
                en: format!("nobody is here to answer \"{en}\"; to agree, say --yes"),
                es: format!("no hay quién responda «{es}»; para aceptar, diga --yes"),
            }));
        }
        let choice = message!("[y/N]", "[s/N]");
        eprint!("{} {} ", self.say(question), self.say(&choice));
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .map_err(|error| Failure::file(std::path::Path::new("stdin"), &error))?;
        let answer = answer.trim().to_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes" | "s" | "si" | "sí"))
    }

    /// How a command ended badly.
    pub fn failure(&self, failure: &Failure) {
        if self.json && !matches!(failure, Failure::Quiet(_)) {
            return print_json(&failure_document(failure));
        }
        self.failure_text(failure);
    }

    /// The same for people alone.
    pub fn failure_text(&self, failure: &Failure) {
        if self.json {
            return;
        }
        match failure {
            Failure::Findings(findings) => self.diagnostics(findings),
            Failure::Usage(message) => self.complain(message),
            Failure::Failed { messages, log } => {
                for line in log {
                    eprintln!("  │ {line}");
                }
                messages.iter().for_each(|message| self.complain(message));
            }
            Failure::Query {
                text,
                span,
                message,
            } => diagnostics::print_query(text, span, message, self.lang),
            Failure::Quiet(_) => {}
        }
    }

    fn complain(&self, message: &Message) {
        let error = message!("error", "error");
        eprintln!("{}: {}", self.say(&error), self.say(message));
    }
}

fn failure_document(failure: &Failure) -> serde_json::Value {
    match failure {
        Failure::Findings(findings) => serde_json::json!({ "findings": findings }),
        Failure::Usage(message) => serde_json::json!({ "errors": [message] }),
        Failure::Query {
            text,
            span,
            message,
        } => {
            let position = Position::of_bytes(text, span);
            serde_json::json!({ "errors": [message], "position": position })
        }
        Failure::Failed { messages, log } => serde_json::json!({ "errors": messages, "log": log }),
        Failure::Quiet(_) => serde_json::Value::Null,
    }
}

fn print_json<T: Serialize>(value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        print_line(&text);
    }
}

/// A reader that is gone (`estiba logs … | head`) ends the program quietly.
fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}
