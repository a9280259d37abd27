//! From a text to a query.
//!
//! Written by hand: tantivy-query-grammar, the kept crate for this syntax, gives
//! places for a few mistakes only, in English only, and none in what it read.

use std::ops::Range;

use estiba_model::{Message, message};

use super::{Bound, Field, Glob, Node, Piece, Query, QueryError, Value};

/// How deep parentheses and negations may be in one another.
const DEEPEST: usize = 64;

/// Reads a text; what is next to one another without an operator is joined by `beside`.
pub(super) fn parse(text: &str, beside: fn(Vec<Node>) -> Node) -> Result<Node, QueryError> {
    if text.len() > Query::LONGEST_BYTES {
        let mut end = Query::LONGEST_BYTES;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        return Err(QueryError {
            span: end..text.len(),
            message: message!(
                "the query is longer than {} bytes: leave a part out",
                "la consulta tiene más de {} bytes: quita una parte",
                Query::LONGEST_BYTES
            ),
        });
    }
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        beside,
    };
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(Node::All);
    }
    let node = parser.alternatives(None)?;
    if parser.rest().is_empty() {
        return Ok(node);
    }
    Err(parser.error_at_next(message!(
        "this parenthesis was never opened: remove it, or write \\) for the character itself",
        "este paréntesis nunca se abrió: quítalo, o escribe \\) para el carácter mismo"
    )))
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    beside: fn(Vec<Node>) -> Node,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// An operator written as a word: something else has to follow.
    fn at_operator(&self, operator: &str) -> bool {
        self.rest().strip_prefix(operator).is_some_and(|after| {
            after
                .chars()
                .next()
                .is_none_or(|next| next.is_whitespace() || matches!(next, '(' | ')' | '"'))
        })
    }

    fn eat_operator(&mut self, word: &str, symbol: &str) -> bool {
        if self.at_operator(word) {
            self.at += word.len();
            return true;
        }
        self.eat(symbol)
    }

    fn error(&self, span: Range<usize>, message: Message) -> QueryError {
        debug_assert!(self.text.get(span.clone()).is_some());
        QueryError { span, message }
    }

    fn error_at_next(&self, message: Message) -> QueryError {
        let length = self.next().map_or(0, char::len_utf8);
        self.error(self.at..self.at + length, message)
    }

    fn alternatives(&mut self, of: Option<&Field>) -> Result<Node, QueryError> {
        let mut parts = vec![self.all_of(of)?];
        while self.eat_operator("OR", "||") {
            self.skip_space();
            parts.push(self.all_of(of)?);
        }
        Ok(one_or(parts, Node::Or))
    }

    /// What is joined by `AND`, and what is only next to one another.
    fn all_of(&mut self, of: Option<&Field>) -> Result<Node, QueryError> {
        let mut groups = vec![vec![self.operand(of)?]];
        loop {
            self.skip_space();
            if self.eat_operator("AND", "&&") {
                self.skip_space();
                let operand = self.operand(of)?;
                if let Some(group) = groups.last_mut() {
                    group.push(operand);
                }
            } else if self.rest().is_empty()
                || self.next() == Some(')')
                || self.at_operator("OR")
                || self.rest().starts_with("||")
            {
                break;
            } else {
                groups.push(vec![self.operand(of)?]);
            }
        }
        let many_are_all = matches!((self.beside)(Vec::new()), Node::And(_));
        if many_are_all {
            return Ok(one_or(groups.into_iter().flatten().collect(), Node::And));
        }
        let groups = groups.into_iter().map(|group| one_or(group, Node::And));
        Ok(one_or(groups.collect(), self.beside))
    }

    fn operand(&mut self, of: Option<&Field>) -> Result<Node, QueryError> {
        if self.depth == DEEPEST {
            return Err(self.error_at_next(message!(
                "parentheses and negations are nested more than {DEEPEST} deep: write it flatter",
                "hay más de {DEEPEST} paréntesis y negaciones anidados: escríbelo más plano"
            )));
        }
        self.depth += 1;
        let node = self.negated_or_plain(of);
        self.depth -= 1;
        node
    }

    fn negated_or_plain(&mut self, of: Option<&Field>) -> Result<Node, QueryError> {
        if self.eat_operator("NOT", "!") || self.eat("-") {
            self.skip_space();
            return Ok(Node::Not(Box::new(self.operand(of)?)));
        }
        self.eat("+");
        let start = self.at;
        if self.eat("(") {
            return self.until_closed(start, of);
        }
        match self.next() {
            None => Err(self.error_at_next(message!(
                "something to look for is missing at the end",
                "falta qué buscar al final"
            ))),
            Some(')') => Err(self.error_at_next(message!(
                "something to look for is missing before this parenthesis",
                "falta qué buscar antes de este paréntesis"
            ))),
            _ if self.at_operator("AND") || self.at_operator("OR") => {
                let length = if self.at_operator("AND") { 3 } else { 2 };
                Err(self.error(
                    start..start + length,
                    message!(
                        "something to look for is missing before this operator; between quotes it is a word",
                        "falta qué buscar antes de este operador; entre comillas es una palabra"
                    ),
                ))
            }
            _ => match of {
                Some(field) => self.value(field),
                None => self.field_or_text(),
            },
        }
    }

    fn until_closed(&mut self, opened: usize, of: Option<&Field>) -> Result<Node, QueryError> {
        self.skip_space();
        let node = self.alternatives(of)?;
        if self.eat(")") {
            return Ok(node);
        }
        Err(self.error(
            opened..opened + 1,
            message!(
                "this parenthesis is never closed: add ), or write \\( for the character itself",
                "este paréntesis nunca se cierra: agrega ), o escribe \\( para el carácter mismo"
            ),
        ))
    }

    fn field_or_text(&mut self) -> Result<Node, QueryError> {
        if let Some(name) = self.field_name()? {
            let field = Field::new(&name);
            return self.value(&field);
        }
        self.value_of(&Field::message(), false)
    }

    /// The name before a colon, where this is one. `12:30` and `http://…` are words.
    fn field_name(&mut self) -> Result<Option<String>, QueryError> {
        let mut name = String::new();
        let mut letters = self.rest().char_indices();
        let mut wildcard = None;
        while let Some((offset, letter)) = letters.next() {
            match letter {
                '\\' => match letters.next() {
                    Some((_, escaped)) => name.push(escaped),
                    None => return Ok(None),
                },
                ':' if name.is_empty() || letters.as_str().starts_with("//") => return Ok(None),
                ':' => {
                    if let Some(at) = wildcard.filter(|_| name != "*") {
                        return Err(self.error(
                            at..at + 1,
                            message!(
                                "the name of a field can't have wildcards: write it out, or \\* for the character itself",
                                "el nombre de un campo no puede tener comodines: escríbelo entero, o \\* para el carácter mismo"
                            ),
                        ));
                    }
                    self.at += offset + 1;
                    return Ok(Some(name));
                }
                '*' | '?' => {
                    wildcard = wildcard.or(Some(self.at + offset));
                    name.push(letter);
                }
                _ if name.is_empty()
                    && !(letter.is_alphabetic() || matches!(letter, '_' | '@')) =>
                {
                    return Ok(None);
                }
                _ if letter.is_alphanumeric() || matches!(letter, '_' | '.' | '@' | '-' | '/') => {
                    name.push(letter);
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn value(&mut self, field: &Field) -> Result<Node, QueryError> {
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

    fn value_of(&mut self, field: &Field, named: bool) -> Result<Node, QueryError> {
        let field = field.clone();
        if self.next() == Some('"') {
            let value = Value::Phrase(self.phrase()?);
            return Ok(Node::Is { field, value });
        }
        let glob = Glob::new(self.word()?);
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
        Ok(pieces)
    }

    fn comparison(&mut self, field: &Field) -> Result<Node, QueryError> {
        let greater = self.eat(">");
        if !greater {
            self.eat("<");
        }
        let including = self.eat("=");
        let end = self.end(field, &[])?;
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
        Ok(Node::Between {
            field: field.clone(),
            low,
            high,
        })
    }

    fn range(&mut self, field: &Field) -> Result<Node, QueryError> {
        let opened = self.at;
        let low_included = self.eat("[");
        if !low_included {
            self.eat("{");
        }
        self.skip_space();
        let low = self.end(field, &[']', '}'])?;
        self.skip_space();
        if !self.at_operator("TO") {
            return Err(self.error_at_next(message!(
                "TO is missing: a range is [1 TO 5], or {{1 TO 5}} without the ends",
                "falta TO: un intervalo es [1 TO 5], o {{1 TO 5}} sin los extremos"
            )));
        }
        self.at += 2;
        self.skip_space();
        let high = self.end(field, &[']', '}'])?;
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
        Ok(Node::Between {
            field: field.clone(),
            low: bound(low, low_included),
            high: bound(high, high_included),
        })
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

fn bound(text: Option<String>, included: bool) -> Bound {
    match text {
        None => Bound::Open,
        Some(text) if included => Bound::Including(text),
        Some(text) => Bound::Excluding(text),
    }
}

fn one_or(mut parts: Vec<Node>, many: impl Fn(Vec<Node>) -> Node) -> Node {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}
