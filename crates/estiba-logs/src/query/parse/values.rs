//! What a field is compared with: words, phrases and ranges.

use estiba_model::{Message, message};

use super::Parser;
use crate::query::{Bound, Field, Glob, Node, Piece, QueryError, Value};
use crate::{Level, parse_time, parse_time_up};

impl Parser<'_> {
    pub(super) fn value(&mut self, field: &Field) -> Result<Node, QueryError> {
        if field.as_str() == "*" {
            return self.anything();
        }
        let start = self.at;
        match self.next() {
            None => Err(self.missing_value(field)),
            Some(letter) if letter.is_whitespace() || letter == ')' => {
                Err(self.missing_value(field))
            }
            Some('(') => {
                self.at += 1;
                self.depth += 1;
                let node = self.until_closed(start, Some(field));
                self.depth -= 1;
                node
            }
            Some('[' | '{') => self.range(field),
            Some('<' | '>') => self.comparison(field),
            _ => self.value_of(field, true),
        }
    }

    /// `*:*`, Lucene's way to say everything.
    fn anything(&mut self) -> Result<Node, QueryError> {
        if self.eat("*") {
            return Ok(Node::All);
        }
        Err(self.error_at_next(message!(
            "only *:* is known: to look in the message, leave *: out",
            "solo se conoce *:*: para buscar en el mensaje, quita *:"
        )))
    }

    fn missing_value(&self, field: &Field) -> QueryError {
        let name = field.as_str();
        self.error_at_next(message!(
            "a value is missing after {name}: — write one without a space, or * for any",
            "falta un valor después de {name}: — escríbelo sin espacio, o * para cualquiera"
        ))
    }

    pub(super) fn value_of(&mut self, field: &Field, named: bool) -> Result<Node, QueryError> {
        let field = field.clone();
        if self.next() == Some('"') {
            let text = self.phrase()?;
            return Ok(at(&field, &text).unwrap_or(Node::Is {
                field,
                value: Value::Phrase(text),
            }));
        }
        let glob = Glob::new(self.word()?);
        if let Some(node) = glob.as_literal().and_then(|text| at(&field, text)) {
            return Ok(node);
        }
        Ok(match (glob.is_any(), named) {
            (true, true) => Node::Exists { field },
            (true, false) => Node::All,
            _ => Node::Is {
                field,
                value: Value::Word(glob),
            },
        })
    }

    fn phrase(&mut self) -> Result<String, QueryError> {
        let opened = self.at;
        let mut phrase = String::new();
        let mut letters = self.text[opened + 1..].char_indices();
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at = opened + 1 + offset + 1;
                    return self.ends_here().map(|()| phrase);
                }
                '\\' => phrase.extend(letters.next().map(|(_, escaped)| escaped)),
                _ => phrase.push(letter),
            }
        }
        Err(self.error(
            opened..opened + 1,
            message!(
                "these quotes are never closed: add \", or write \\\" for the character itself",
                "estas comillas nunca se cierran: agrega \", o escribe \\\" para el carácter mismo"
            ),
        ))
    }

    fn ends_here(&self) -> Result<(), QueryError> {
        match self.next() {
            Some(letter) if !letter.is_whitespace() && !matches!(letter, ')' | ']' | '}') => {
                Err(self.error_at_next(message!(
                    "a space is missing after the quotes; nearness (~) and weight (^) are not known here",
                    "falta un espacio después de las comillas; la cercanía (~) y el peso (^) no se conocen aquí"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The pieces of a word, at least one.
    fn word(&mut self) -> Result<Vec<Piece>, QueryError> {
        let mut pieces = Vec::new();
        let start = self.at;
        while let Some(letter) = self.next() {
            let at = self.at;
            match letter {
                _ if letter.is_whitespace() || matches!(letter, '(' | ')' | '"') => break,
                '*' => pieces.push(Piece::Any),
                '?' => pieces.push(Piece::One),
                '\\' => {
                    self.at += 1;
                    let Some(escaped) = self.next() else {
                        return Err(self.error(
                            at..at + 1,
                            message!(
                                "a character is missing after \\: write \\\\ for the character itself",
                                "falta un carácter después de \\: escribe \\\\ para el carácter mismo"
                            ),
                        ));
                    };
                    pieces.push(Piece::Text(escaped.into()));
                }
                _ => pieces.push(Piece::Text(letter.into())),
            }
            self.at += self.next().map_or(0, char::len_utf8);
        }
        if let Some('(' | '"') = self.next()
            && self.at > start
        {
            return Err(self.error_at_next(message!(
                "a space is missing before this, or \\ if it belongs to the word",
                "falta un espacio antes de esto, o \\ si es parte de la palabra"
            )));
        }
        if pieces.is_empty() {
            return Err(self.error_at_next(message!(
                "something to look for is missing here",
                "falta qué buscar aquí"
            )));
        }
        self.only_known(start)?;
        Ok(pieces)
    }

    /// Refuses what means more than its characters elsewhere: `a~1`, `a^2`, `/a[bc]/`.
    fn only_known(&self, start: usize) -> Result<(), QueryError> {
        let word = &self.text[start..self.at];
        let before = word.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        let marked = before.strip_suffix(['~', '^']);
        if marked.is_some_and(|marked| !marked.is_empty() && !marked.ends_with('\\')) {
            let at = start + before.len() - 1;
            return Err(self.error(
                at..at + 1,
                message!(
                    "nearness (~) and weight (^) are not known here: remove it, or write \\ before it for the character itself",
                    "la cercanía (~) y el peso (^) no se conocen aquí: quítalo, o escribe \\ antes para el carácter mismo"
                ),
            ));
        }
        let inner = word
            .strip_prefix('/')
            .and_then(|word| word.strip_suffix('/'));
        if inner.is_some_and(|inner| inner.contains(['[', ']', '{', '}', '+', '^', '$', '|'])) {
            return Err(self.error(
                start..self.at,
                message!(
                    "regular expressions are not known here: use * and ?, or quotes for the text as it stands",
                    "las expresiones regulares no se conocen aquí: usa * y ?, o comillas para el texto tal cual"
                ),
            ));
        }
        Ok(())
    }

    /// `_exists_:name`, Lucene's way to say `name:*`.
    pub(super) fn exists(&mut self) -> Result<Node, QueryError> {
        let start = self.at;
        let name = Glob::new(self.word()?);
        match name.as_literal() {
            Some(name) => Ok(Node::Exists {
                field: Field::new(name),
            }),
            None => Err(self.error(start..self.at, plain_name())),
        }
    }

    fn comparison(&mut self, field: &Field) -> Result<Node, QueryError> {
        let greater = self.eat(">");
        if !greater {
            self.eat("<");
        }
        let including = self.eat("=");
        let end = self.comparable_end(field, &[])?;
        let end = match (end, including) {
            (None, _) => return Err(self.missing_value(field)),
            (Some(text), true) => Bound::Including(text),
            (Some(text), false) => Bound::Excluding(text),
        };
        let (low, high) = if greater {
            (end, Bound::Open)
        } else {
            (Bound::Open, end)
        };
        Ok(between(field, low, high))
    }

    fn range(&mut self, field: &Field) -> Result<Node, QueryError> {
        let opened = self.at;
        let low_included = self.eat("[");
        if !low_included {
            self.eat("{");
        }
        self.skip_space();
        let low = self.comparable_end(field, &[']', '}'])?;
        self.skip_space();
        if !self.at_operator("TO") {
            return Err(self.error_at_next(message!(
                "TO is missing: a range is [1 TO 5], or {{1 TO 5}} without the ends",
                "falta TO: un intervalo es [1 TO 5], o {{1 TO 5}} sin los extremos"
            )));
        }
        self.at += 2;
        self.skip_space();
        let high = self.comparable_end(field, &[']', '}'])?;
        self.skip_space();
        let high_included = match self.next() {
            Some(']') => true,
            Some('}') => false,
            _ => {
                return Err(self.error(
                    opened..opened + 1,
                    message!(
                        "this range is never closed: add ] or }}",
                        "este intervalo nunca se cierra: agrega ] o }}"
                    ),
                ));
            }
        };
        self.at += 1;
        let (low, high) = (bound(low, low_included), bound(high, high_included));
        Ok(between(field, low, high))
    }

    /// An end that the values of the field can be compared with.
    fn comparable_end(
        &mut self,
        field: &Field,
        closing: &[char],
    ) -> Result<Option<String>, QueryError> {
        let start = self.at;
        let end = self.end(field, closing)?;
        let Some(text) = &end else { return Ok(end) };
        let message = match field.as_str() {
            Field::LEVEL if Level::from_name(text).is_none() => message!(
                "{text} is no level: use trace, debug, info, warn, error or fatal",
                "{text} no es un nivel: usa trace, debug, info, warn, error o fatal"
            ),
            Field::AT if parse_time(&text.as_str().into()).is_none() => message!(
                "{text} is no moment: write 2026-05-01T12:00:00Z or milliseconds since 1970",
                "{text} no es un momento: escribe 2026-05-01T12:00:00Z o milisegundos desde 1970"
            ),
            _ => return Ok(end),
        };
        Err(self.error(start..self.at, message))
    }

    /// An end of a range; `None` for `*`.
    fn end(&mut self, field: &Field, closing: &[char]) -> Result<Option<String>, QueryError> {
        if self.next() == Some('"') {
            return self.phrase().map(Some);
        }
        let mut text = String::new();
        let start = self.at;
        while let Some(letter) = self.next() {
            if letter.is_whitespace()
                || matches!(letter, '(' | ')' | '"')
                || closing.contains(&letter)
            {
                break;
            }
            self.at += letter.len_utf8();
            if letter != '\\' {
                text.push(letter);
            } else if let Some(escaped) = self.next() {
                text.push(escaped);
                self.at += escaped.len_utf8();
            }
        }
        match &self.text[start..self.at] {
            "" => Err(self.missing_value(field)),
            "*" => Ok(None),
            _ => Ok(Some(text)),
        }
    }
}

/// A moment that is more than one: a day, a second.
fn at(field: &Field, text: &str) -> Option<Node> {
    let value = text.into();
    let is_one = parse_time(&value) == parse_time_up(&value);
    (field.as_str() == Field::AT && !is_one).then(|| {
        let [low, high] = [(); 2].map(|()| Bound::Including(text.to_owned()));
        between(field, low, high)
    })
}

/// What lies between two ends. A moment that is not said to the last digit is all that it
/// may be: what comes until such a day comes until its end.
fn between(field: &Field, low: Bound, high: Bound) -> Node {
    let up = |text: String| match field.as_str() {
        Field::AT => parse_time_up(&text.as_str().into()).map_or(text, |at| format!("{at:.6}")),
        _ => text,
    };
    let low = match low {
        Bound::Excluding(text) => Bound::Excluding(up(text)),
        other => other,
    };
    let high = match high {
        Bound::Including(text) => Bound::Including(up(text)),
        other => other,
    };
    Node::Between {
        field: field.clone(),
        low,
        high,
    }
}

/// Why a name with wildcards is none.
pub(super) fn plain_name() -> Message {
    message!(
        "the name of a field can't have wildcards: write it out, or \\* for the character itself",
        "el nombre de un campo no puede tener comodines: escríbelo entero, o \\* para el carácter mismo"
    )
}

fn bound(text: Option<String>, included: bool) -> Bound {
    match text {
        None => Bound::Open,
        Some(text) if included => Bound::Including(text),
        Some(text) => Bound::Excluding(text),
    }
}
