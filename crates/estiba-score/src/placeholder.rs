//! Score's placeholders, `${metadata.KEY}` and `${resources.NAME.KEY}`.
//!
//! A text is read once, left to right, as if by the expression
//! `\$((?:\$?{([^}]*)})|\$)` of the reference implementation
//! (<https://github.com/score-spec/score-go/blob/main/framework/substitution.go>):
//! `$$` stands for `$`, `$${x}` for `${x}`, and a dollar before anything else,
//! even before a brace that nothing closes, is a dollar. In a reference, `\.`
//! is a dot that separates nothing.

use std::fmt;

use estiba_model::{Message, message};
use serde_json::{Map, Value};

/// A text with its placeholders found.
///
/// ```
/// use estiba_score::placeholder::Template;
///
/// let template = Template::parse("$$1 at ${resources.db.host}").unwrap();
/// let text = template.expand::<()>(&|reference| Ok(reference.path.join("/")));
/// assert_eq!(text.unwrap(), "$1 at db/host");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Reference(Reference),
}

/// What a placeholder stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Where to look.
    pub root: Root,
    /// The keys after the root: one at least. Of a resource, the first is its
    /// name.
    pub path: Vec<String>,
}

/// As it is written, without `${` and `}`.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())?;
        self.path
            .iter()
            .try_for_each(|key| write!(f, ".{}", key.replace('.', "\\.")))
    }
}

/// Where a reference begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The workload's own `metadata`.
    Metadata,
    /// Outputs of the workload's resources.
    Resources,
}

impl Root {
    /// The word in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Resources => "resources",
        }
    }
}

/// A placeholder that can't stand for anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct PlaceholderError {
    /// The byte in the text where the placeholder begins.
    pub offset: usize,
    /// What is between the braces.
    pub reference: String,
    /// What is wrong with it.
    pub kind: PlaceholderErrorKind,
}

/// Ways in which a placeholder can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceholderErrorKind {
    /// It begins with neither `metadata` nor `resources`.
    UnknownRoot,
    /// It has a root and no key.
    NoKey,
    /// Two dots with nothing between, or a dot at the end.
    EmptyKey,
}

impl PlaceholderError {
    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> Message {
        let reference = &self.reference;
        match self.kind {
            PlaceholderErrorKind::UnknownRoot => message!(
                "${{{reference}}} refers to nothing: a placeholder begins with `metadata.` or `resources.`",
                "${{{reference}}} no se refiere a nada: un marcador empieza con `metadata.` o `resources.`"
            ),
            PlaceholderErrorKind::NoKey => message!(
                "${{{reference}}} does not say which: a name is missing after it",
                "${{{reference}}} no dice cuál: falta un nombre después"
            ),
            PlaceholderErrorKind::EmptyKey => message!(
                "${{{reference}}} has an empty name between its dots",
                "${{{reference}}} tiene un nombre vacío entre sus puntos"
            ),
        }
    }
}

impl Template {
    /// Finds the placeholders of `text`.
    ///
    /// # Errors
    /// The first placeholder that can't stand for anything; [`errors`] finds
    /// all.
    pub fn parse(text: &str) -> Result<Self, PlaceholderError> {
        let mut pieces = Vec::new();
        for token in tokens(text) {
            match token {
                Token::Text(text) => push_text(&mut pieces, text),
                Token::Reference { offset, inner } => {
                    pieces.push(Piece::Reference(reference(offset, inner)?));
                }
            }
        }
        Ok(Self(pieces))
    }

    /// What the placeholders refer to, in the text's order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Text(_) => None,
        })
    }

    /// The text with what `resolve` gives in place of each placeholder. What
    /// it gives is not looked into again.
    ///
    /// # Errors
    /// The first error of `resolve`.
    pub fn expand<E>(
        &self,
        resolve: &dyn Fn(&Reference) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Reference(reference) => text.push_str(&resolve(reference)?),
            }
        }
        Ok(text)
    }
}

/// Every placeholder of `text` that can't stand for anything.
#[must_use]
pub fn errors(text: &str) -> Vec<PlaceholderError> {
    let wrong = tokens(text).filter_map(|token| match token {
        Token::Text(_) => None,
        Token::Reference { offset, inner } => reference(offset, inner).err(),
    });
    wrong.collect()
}

/// A text that expands to `text`, whatever is in it.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, dollar) = rest.split_at(at);
        // What is in the braces of `$${x}` stays as it is, dollars and all.
        let kept = 1 + braced(&dollar[1..]).map_or(0, |inner| inner.len() + 2);
        escaped.extend([before, "$", &dollar[..kept]]);
        rest = &dollar[kept..];
    }
    escaped + rest
}

/// A value as part of a text: a string as it is, all else as JSON.
#[must_use]
pub fn value_to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A mistake met while expanding a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpandError<E> {
    /// A placeholder can't stand for anything.
    Placeholder(PlaceholderError),
    /// A reference has no value.
    Resolve(E),
}

/// `value` with the placeholders of all texts in it expanded. Keys stay.
///
/// # Errors
/// The first bad placeholder, or the first error of `resolve`.
pub fn expand_value<E>(
    value: &Value,
    resolve: &dyn Fn(&Reference) -> Result<String, E>,
) -> Result<Value, ExpandError<E>> {
    Ok(match value {
        Value::String(text) => {
            let template = Template::parse(text).map_err(ExpandError::Placeholder)?;
            Value::String(template.expand(resolve).map_err(ExpandError::Resolve)?)
        }
        Value::Array(items) => items
            .iter()
            .map(|item| expand_value(item, resolve))
            .collect::<Result<_, _>>()?,
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| Ok((key.clone(), expand_value(item, resolve)?)))
            .collect::<Result<Map<_, _>, _>>()?
            .into(),
        other => other.clone(),
    })
}

enum Token<'t> {
    Text(&'t str),
    Reference { offset: usize, inner: &'t str },
}

fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let (token, length) = token(rest, at)?;
        at += length;
        Some(token)
    })
}

/// The token that `rest` begins with, and its length in bytes.
fn token(rest: &str, offset: usize) -> Option<(Token<'_>, usize)> {
    if rest.is_empty() {
        return None;
    }
    let Some(after) = rest.strip_prefix('$') else {
        let length = rest.find('$').unwrap_or(rest.len());
        return Some((Token::Text(&rest[..length]), length));
    };
    if let Some(inner) = braced(after) {
        return Some((Token::Reference { offset, inner }, 1 + inner.len() + 2));
    }
    if let Some(escaped) = after.strip_prefix('$') {
        let kept = braced(escaped).map_or(1, |inner| 1 + inner.len() + 2);
        return Some((Token::Text(&after[..kept]), 1 + kept));
    }
    Some((Token::Text("$"), 1))
}

/// What is in the braces that `text` begins with.
fn braced(text: &str) -> Option<&str> {
    let text = text.strip_prefix('{')?;
    text.find('}').map(|end| &text[..end])
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn reference(offset: usize, inner: &str) -> Result<Reference, PlaceholderError> {
    let error = |kind| PlaceholderError {
        offset,
        reference: inner.to_owned(),
        kind,
    };
    let mut keys = split(inner).into_iter();
    let root = match keys.next().as_deref() {
        Some("metadata") => Root::Metadata,
        Some("resources") => Root::Resources,
        _ => return Err(error(PlaceholderErrorKind::UnknownRoot)),
    };
    let path: Vec<String> = keys.collect();
    if path.is_empty() {
        return Err(error(PlaceholderErrorKind::NoKey));
    }
    if path.iter().any(String::is_empty) {
        return Err(error(PlaceholderErrorKind::EmptyKey));
    }
    Ok(Reference { root, path })
}

/// The keys between dots, where `\.` is a dot within a key.
fn split(reference: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut joins = false;
    for part in reference.split('.') {
        let (part, continues) = match part.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (part, false),
        };
        match keys.last_mut() {
            Some(last) if joins => {
                last.push('.');
                last.push_str(part);
            }
            _ => keys.push(part.to_owned()),
        }
        joins = continues;
    }
    // A backslash that no dot follows is a backslash.
    if joins && let Some(last) = keys.last_mut() {
        last.push('\\');
    }
    keys
}
