//! YAML text to JSON values that know where they were written, and back.
//!
//! The subset is what configuration files need: one document, no merge keys, no
//! own tags, and bounds on depth and size, so that a hostile file costs no more
//! than a long one. Files of other tools may have several documents and merge
//! keys: [`Document::all`] reads them.

mod build;
mod emit;
mod syntax;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use estiba_model::{Diagnostic, Place, has_errors};
use serde_json::Value;

pub use emit::{emit, scalar};

/// Deeper nesting than this is refused: no one means it, and it would make
/// every walk over the value a danger to the stack.
pub const MOST_DEPTH: usize = 64;

/// More nodes than this, aliases written out, are refused: a few lines of
/// nested aliases can stand for billions.
pub const MOST_NODES: usize = 100_000;

/// Findings after these are left out: someone who has that many fixes the first
/// ones first.
pub const MOST_FINDINGS: usize = 100;

/// A YAML document with the place of every key and value.
#[derive(Debug, Clone)]
pub struct Document {
    /// The content.
    pub value: Value,
    spans: Spans,
    source: Arc<Source>,
}

/// What came of reading a document.
#[derive(Debug)]
pub struct Recovered {
    /// The document, where the text has the form of one. Keys that are there
    /// twice have their first value.
    pub document: Option<Document>,
    /// Every mistake of form.
    pub diagnostics: Vec<Diagnostic>,
}

impl Document {
    /// Reads `text`; `file` is its name in findings.
    ///
    /// # Errors
    /// All mistakes of form: bad syntax, keys that are there twice, no or
    /// several documents, or more than the bounds of this module.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let Recovered {
            document,
            diagnostics,
        } = Self::recover(file, text);
        match document {
            Some(document) if !has_errors(&diagnostics) => Ok(document),
            _ => Err(diagnostics),
        }
    }

    /// Reads `text`, and gives the document even where it has mistakes that
    /// leave its meaning clear, so that its other mistakes can be found too.
    #[must_use]
    pub fn recover(file: &Path, text: &str) -> Recovered {
        let source = Source::new(file, text);
        let (built, mut diagnostics) = build::build(&source);
        diagnostics.truncate(MOST_FINDINGS);
        let document = built.map(|(value, spans)| Self {
            value,
            spans,
            source: Arc::new(source),
        });
        Recovered {
            document,
            diagnostics,
        }
    }

    /// Reads the documents of a text that was written for other tools: there
    /// may be several, and their maps may take in others by `<<`. Documents with
    /// nothing in them are left out, and so is what follows a mistake of syntax.
    #[must_use]
    pub fn all(file: &Path, text: &str) -> (Vec<Self>, Vec<Diagnostic>) {
        let source = Arc::new(Source::new(file, text));
        let (built, mut diagnostics) = build::build_all(&source);
        diagnostics.truncate(MOST_FINDINGS);
        let documents = built.into_iter().map(|(value, spans)| Self {
            value,
            spans,
            source: Arc::clone(&source),
        });
        (documents.collect(), diagnostics)
    }

    /// The file's name in findings.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.source.file
    }

    /// Where the value at a JSON pointer (RFC 6901) is; the file's beginning
    /// where there is no such value. Collections over several lines have the
    /// place of their start and length 0.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        match self.spans.at(pointer) {
            Some(spans) => self.source.place(spans.value),
            None => self.source.place(Span::default()),
        }
    }

    /// Where the key of the value at a JSON pointer is; the place of the value
    /// for what has no key.
    #[must_use]
    pub fn key_place(&self, pointer: &str) -> Place {
        match self.spans.at(pointer).and_then(|spans| spans.key) {
            Some(key) => self.source.place(key),
            None => self.place(pointer),
        }
    }

    /// Where `part` is first written in the text at a JSON pointer; the place
    /// of the whole text where it is not written literally.
    #[must_use]
    pub fn place_within(&self, pointer: &str, part: &str) -> Place {
        let Some(spans) = self.spans.at(pointer) else {
            return self.place(pointer);
        };
        self.source.place_within(spans.value, part)
    }

    /// The value at a JSON pointer as it is written, quotes and all.
    #[must_use]
    pub fn written(&self, pointer: &str) -> &str {
        self.spans
            .at(pointer)
            .map_or("", |spans| self.source.slice(spans.value))
    }
}

/// A JSON pointer (RFC 6901) one step longer.
#[must_use]
pub fn join(pointer: &str, key: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + key.len());
    joined.extend([pointer, "/"]);
    for character in key.chars() {
        match character {
            '~' => joined.push_str("~0"),
            '/' => joined.push_str("~1"),
            other => joined.push(other),
        }
    }
    joined
}

/// Stretches of a value, its key, and all that is in it.
#[derive(Debug, Clone)]
struct Spans {
    key: Option<Span>,
    value: Span,
    inner: Inner,
}

#[derive(Debug, Clone)]
enum Inner {
    None,
    Items(Vec<Spans>),
    Fields(HashMap<String, Spans>),
}

impl Spans {
    fn at(&self, pointer: &str) -> Option<&Self> {
        pointer
            .split('/')
            .skip(1)
            .try_fold(self, |spans, step| match &spans.inner {
                Inner::None => None,
                Inner::Items(items) => items.get(step.parse::<usize>().ok()?),
                Inner::Fields(fields) => fields.get(&step.replace("~1", "/").replace("~0", "~")),
            })
    }
}

/// A stretch of the text. Offsets are in characters, as the YAML parser counts.
#[derive(Debug, Clone, Copy)]
struct Span {
    line: usize,
    column: usize,
    start: usize,
    end: usize,
}

impl Default for Span {
    fn default() -> Self {
        Self {
            line: 1,
            column: 1,
            start: 0,
            end: 0,
        }
    }
}

#[derive(Debug, Clone)]
struct Source {
    file: PathBuf,
    text: String,
    /// The byte where each character begins; none where all have one byte.
    bytes: Option<Vec<usize>>,
}

impl Source {
    fn new(file: &Path, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            bytes,
        }
    }

    fn byte(&self, character: usize) -> usize {
        let byte = match &self.bytes {
            None => character,
            Some(bytes) => bytes.get(character).copied().unwrap_or(self.text.len()),
        };
        byte.min(self.text.len())
    }

    fn slice(&self, span: Span) -> &str {
        self.text
            .get(self.byte(span.start)..self.byte(span.end))
            .unwrap_or_default()
    }

    fn place(&self, span: Span) -> Place {
        let offset_bytes = self.byte(span.start);
        // The parser counts the space after a value to the value.
        let length_bytes = self.slice(span).trim_end().len();
        Place {
            file: self.file.clone(),
            line: span.line,
            column: span.column,
            offset_bytes,
            length_bytes,
        }
    }

    fn place_within(&self, span: Span, part: &str) -> Place {
        let whole = self.slice(span);
        let Some(at) = whole.find(part) else {
            return self.place(span);
        };
        let before = &whole[..at];
        let characters = before.chars().count();
        let (line, column) = match before.rsplit_once('\n') {
            None => (span.line, span.column + characters),
            Some((lines, rest)) => (
                span.line + lines.matches('\n').count() + 1,
                rest.chars().count() + 1,
            ),
        };
        let start = span.start + characters;
        self.place(Span {
            line,
            column,
            start,
            end: start + part.chars().count(),
        })
    }
}
