//! A query as a text that reads back as the same query.

use std::fmt::{self, Write};

use super::{Bound, Field, Glob, Node, Piece, Value};

pub(super) fn node(node: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match node {
        Node::All => f.write_str("*"),
        Node::And(parts) => joined(parts, " AND ", f),
        Node::Or(parts) => joined(parts, " OR ", f),
        Node::Not(part) => {
            f.write_str("NOT ")?;
            operand(part, f)
        }
        Node::Is { field: of, value } => {
            if of.as_str() != Field::MESSAGE {
                field(of, f)?;
            }
            match value {
                Value::Word(glob) => word(glob, f),
                Value::Phrase(text) => phrase(text, f),
            }
        }
        Node::Between {
            field: of,
            low,
            high,
        } => {
            field(of, f)?;
            f.write_char(if matches!(low, Bound::Excluding(_)) {
                '{'
            } else {
                '['
            })?;
            bound(low, f)?;
            f.write_str(" TO ")?;
            bound(high, f)?;
            f.write_char(if matches!(high, Bound::Excluding(_)) {
                '}'
            } else {
                ']'
            })
        }
        Node::Exists { field: of } => {
            field(of, f)?;
            f.write_char('*')
        }
    }
}

fn joined(parts: &[Node], between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        operand(part, f)?;
    }
    Ok(())
}

fn operand(part: &Node, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if matches!(part, Node::And(_) | Node::Or(_)) {
        f.write_char('(')?;
        node(part, f)?;
        f.write_char(')')
    } else {
        node(part, f)
    }
}

fn field(field: &Field, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (index, letter) in field.as_str().chars().enumerate() {
        let plain = letter.is_alphanumeric() || matches!(letter, '_' | '.' | '@' | '-');
        let first = index == 0 && !(letter.is_alphabetic() || matches!(letter, '_' | '@'));
        if !plain || first {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char(':')
}

fn word(glob: &Glob, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for piece in glob.pieces() {
        match piece {
            Piece::Any => f.write_char('*')?,
            Piece::One => f.write_char('?')?,
            Piece::Text(text) => escaped(text, f)?,
        }
    }
    Ok(())
}

/// Escapes more than has to be: what is special depends on the place.
fn escaped(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // After a field's colon, two slashes would make a URL of both.
    if matches!(text, "AND" | "OR" | "NOT" | "TO") || text.starts_with("//") {
        f.write_char('\\')?;
    }
    for letter in text.chars() {
        if letter.is_whitespace() || r#"\()":*?[]{}<>=+-!&|~^"#.contains(letter) {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    Ok(())
}

fn phrase(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(letter)?;
    }
    f.write_char('"')
}

fn bound(bound: &Bound, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match bound {
        Bound::Open => f.write_char('*'),
        Bound::Including(text) | Bound::Excluding(text) => phrase(text, f),
    }
}
