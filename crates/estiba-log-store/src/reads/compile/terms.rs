//! Queries about the terms of one field.

use std::fmt::Write;

use estiba_logs::{Glob, Piece, Value, whole};
use tantivy::Term;
use tantivy::query::{EmptyQuery, Query, RegexQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::Compiled;

pub(super) fn term(field: Field, text: &str) -> Box<dyn Query> {
    by_term(Term::from_field_text(field, text))
}

pub(super) fn by_term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

pub(super) fn keyword(field: Field, value: &Value) -> Compiled {
    match (value.as_literal(), value) {
        (Some(text), _) => Ok(term(field, &whole(text))),
        (None, Value::Word(glob)) => like(field, "", &glob.lower()),
        (None, Value::Phrase(_)) => Ok(Box::new(EmptyQuery)),
    }
}

pub(super) fn alike(name: &str, value: &Value) -> bool {
    match (value.as_literal(), value) {
        (Some(text), _) => whole(text) == whole(name),
        (None, Value::Word(glob)) => glob.lower().matches_lower(&whole(name)),
        (None, Value::Phrase(_)) => false,
    }
}

/// Terms that begin with `prefix` and go on like the glob.
pub(super) fn like(field: Field, prefix: &str, glob: &Glob) -> Compiled {
    let mut pattern = String::new();
    escape(prefix, &mut pattern);
    for piece in glob.pieces() {
        match piece {
            Piece::Text(text) => escape(text, &mut pattern),
            Piece::Any => pattern.push_str("(?s:.)*"),
            Piece::One => pattern.push_str("(?s:.)"),
        }
    }
    Ok(Box::new(RegexQuery::from_pattern(&pattern, field)?))
}

fn escape(text: &str, pattern: &mut String) {
    for letter in text.chars() {
        if letter.is_alphanumeric() {
            pattern.push(letter);
        } else {
            let _ = write!(pattern, "\\x{{{:x}}}", u32::from(letter));
        }
    }
}
