//! From a text to a query: what joins its parts.
//!
//! Written by hand: tantivy-query-grammar, the kept crate for this syntax, gives
//! places for a few mistakes only, in English only, and none in what it read.

mod values;

use std::ops::Range;

use estiba_model::{Message, message};

use super::{Field, Node, Query, QueryError};

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
            if name == "_exists_" {
                return self.exists();
            }
            return self.value(&Field::new(&name));
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
                        return Err(self.error(at..at + 1, values::plain_name()));
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
}

fn one_or(mut parts: Vec<Node>, many: impl Fn(Vec<Node>) -> Node) -> Node {
    if parts.len() == 1 {
        parts.remove(0)
    } else {
        many(parts)
    }
}
