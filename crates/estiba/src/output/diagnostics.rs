//! Findings with the lines that they are about.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Lang, Message, Severity};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// Prints findings to standard error, those of one place together.
pub fn print(findings: &[Diagnostic], lang: Lang) {
    let handler = handler();
    let mut sources = Sources::default();
    for finding in findings {
        let shown = Shown {
            finding,
            lang,
            source: sources.of(finding.place.as_ref().map(|place| place.file.as_path())),
        };
        let mut text = String::new();
        if handler.render_report(&mut text, &shown).is_ok() {
            eprint!("{text}");
        }
    }
}

/// Prints what is wrong with a query to standard error, under the place where it is.
pub fn print_query(text: &str, span: &Range<usize>, message: &Message, lang: Lang) {
    let shown = BadQuery {
        // What lacks at the end is shown under a place of its own.
        text: NamedSource::new("query", format!("{text} ")),
        span: (span.start, span.len().max(1)),
        message: message.text(lang).to_owned(),
    };
    let mut report = String::new();
    if handler().render_report(&mut report, &shown).is_ok() {
        eprint!("{report}");
    }
}

fn handler() -> GraphicalReportHandler {
    GraphicalReportHandler::new_themed(if console_is_fancy() {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    })
}

fn console_is_fancy() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Each file is read once, however much is wrong with it.
#[derive(Default)]
struct Sources {
    last: Option<(PathBuf, Option<String>)>,
}

impl Sources {
    fn of(&mut self, file: Option<&Path>) -> Option<NamedSource<String>> {
        let file = file?;
        if self.last.as_ref().is_none_or(|(path, _)| path != file) {
            self.last = Some((file.to_owned(), std::fs::read_to_string(file).ok()));
        }
        let (path, text) = self.last.as_ref()?;
        let name = path.display().to_string();
        Some(NamedSource::new(name, text.clone()?))
    }
}

#[derive(Debug)]
struct Shown<'a> {
    finding: &'a Diagnostic,
    lang: Lang,
    source: Option<NamedSource<String>>,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.finding.message.text(self.lang))?;
        // Without its text, the place is all that can be shown.
        match (&self.source, &self.finding.place) {
            (None, Some(place)) => {
                let file = place.file.display();
                write!(f, " ({file}:{}:{})", place.line, place.column)
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.finding.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.finding.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let hint = self.finding.hint.as_ref()?;
        Some(Box::new(hint.text(self.lang)))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let place = self.finding.place.as_ref()?;
        self.source.as_ref()?;
        let span = (place.offset_bytes, place.length_bytes);
        let label = LabeledSpan::new_primary_with_span(None, span);
        Some(Box::new(std::iter::once(label)))
    }
}

#[derive(Debug)]
struct BadQuery {
    text: NamedSource<String>,
    span: (usize, usize),
    message: String,
}

impl fmt::Display for BadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadQuery {}

impl miette::Diagnostic for BadQuery {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_primary_with_span(None, self.span);
        Some(Box::new(std::iter::once(label)))
    }
}
