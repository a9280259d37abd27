//! The parser's events to a value and its spans.

mod mapping;

use std::borrow::Cow;
use std::collections::HashMap;

use estiba_model::{Diagnostic, Message, message};
use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Number, Value};

use super::{Inner, MOST_DEPTH, MOST_FINDINGS, MOST_NODES, Source, Span, Spans, syntax};

type Parsed<'t> = (Event<'t>, saphyr_parser::Span);

/// The value and spans of a text, and what is wrong with it.
pub(super) fn build(source: &Source) -> (Option<(Value, Spans)>, Vec<Diagnostic>) {
    let mut builder = Builder::new(source, Dialect::Strict);
    let built = match builder.document() {
        Ok(built) => Some((built.value, built.spans)),
        Err(fatal) => {
            builder.findings.push(*fatal);
            None
        }
    };
    (built, builder.findings)
}

/// The values and spans of every document of a text that other tools read, and
/// what is wrong with it. What follows a mistake of syntax is not read.
pub(super) fn build_all(source: &Source) -> (Vec<(Value, Spans)>, Vec<Diagnostic>) {
    let mut builder = Builder::new(source, Dialect::Common);
    let mut documents = Vec::new();
    loop {
        match builder.next_document() {
            Ok(Some(built)) => documents.push((built.value, built.spans)),
            Ok(None) => break,
            Err(fatal) => {
                builder.findings.push(*fatal);
                break;
            }
        }
    }
    (documents, builder.findings)
}

/// How much of YAML is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// YAML 1.2.
    Strict,
    /// YAML 1.2 and the merge keys of 1.1, which the files of other tools have.
    Common,
}

/// What makes it impossible to read on.
type Fatal = Box<Diagnostic>;

#[derive(Clone)]
struct Built {
    value: Value,
    spans: Spans,
    /// Nodes in it, itself counted.
    nodes: usize,
}

struct Builder<'t> {
    source: &'t Source,
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Built>,
    /// Anchors of the collections that are being read.
    open_anchors: Vec<usize>,
    nodes: usize,
    depth: usize,
    findings: Vec<Diagnostic>,
    dialect: Dialect,
}

impl<'t> Builder<'t> {
    fn new(source: &'t Source, dialect: Dialect) -> Self {
        Self {
            source,
            parser: Parser::new_from_str(&source.text),
            anchors: HashMap::new(),
            open_anchors: Vec::new(),
            nodes: 0,
            depth: 0,
            findings: Vec::new(),
            dialect,
        }
    }

    /// The next document that has anything in it.
    fn next_document(&mut self) -> Result<Option<Built>, Fatal> {
        loop {
            match self.next()?.0 {
                Event::DocumentStart(_) => {
                    let start = self.next()?;
                    let built = self.node(start)?;
                    self.anchors.clear();
                    if !built.value.is_null() {
                        return Ok(Some(built));
                    }
                }
                Event::StreamEnd => return Ok(None),
                _ => {}
            }
        }
    }

    fn document(&mut self) -> Result<Built, Fatal> {
        loop {
            match self.next()?.0 {
                Event::DocumentStart(_) => break,
                Event::StreamEnd => return Err(Box::new(self.empty())),
                _ => {}
            }
        }
        let start = self.next()?;
        let built = self.node(start)?;
        if built.value.is_null() {
            return Err(Box::new(self.empty()));
        }
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(built),
                (Event::DocumentStart(_), span) => {
                    self.error(
                        "several-documents",
                        span_of(span),
                        message!(
                            "a second document begins here, and only one is allowed",
                            "aquí empieza un segundo documento, y solo se permite uno"
                        ),
                        message!(
                            "put each document in a file of its own, and remove the line `---`",
                            "ponga cada documento en un archivo propio y quite la línea `---`"
                        ),
                    );
                    return Ok(built);
                }
                _ => {}
            }
        }
    }

    fn empty(&self) -> Diagnostic {
        Diagnostic::error(
            "empty-file",
            message!("the file is empty", "el archivo está vacío"),
        )
        .hint(message!(
            "begin with the keys that it needs",
            "empiece con las claves que necesita"
        ))
        .at(self.source.place(Span::default()))
    }

    fn next(&mut self) -> Result<Parsed<'t>, Fatal> {
        match self.parser.next_event() {
            Some(Ok(parsed)) => Ok(parsed),
            Some(Err(error)) => {
                let at = error.marker();
                let span = Span {
                    line: at.line().max(1),
                    column: at.col() + 1,
                    start: at.index(),
                    end: at.index(),
                };
                Err(Box::new(
                    syntax::explain(error.info()).at(self.source.place(span)),
                ))
            }
            None => Ok((Event::StreamEnd, saphyr_parser::Span::default())),
        }
    }

    fn node(&mut self, (event, span): Parsed<'t>) -> Result<Built, Fatal> {
        self.count(1, span)?;
        match event {
            Event::Alias(anchor) => self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(text, style, tag.as_ref(), span);
                let spans = Spans {
                    key: None,
                    value: span_of(span),
                    inner: Inner::None,
                };
                Ok(self.finish(
                    anchor,
                    Built {
                        value,
                        spans,
                        nodes: 1,
                    },
                ))
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection(anchor, tag.as_ref(), span, Self::sequence)
            }
            Event::MappingStart(anchor, tag) => {
                self.collection(anchor, tag.as_ref(), span, Self::mapping)
            }
            _ => Err(self.fatal(
                span,
                "yaml-syntax",
                message!("a value is missing here", "aquí falta un valor"),
                message!("write one", "escriba uno"),
            )),
        }
    }

    fn count(&mut self, nodes: usize, span: saphyr_parser::Span) -> Result<(), Fatal> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= MOST_NODES {
            return Ok(());
        }
        Err(self.fatal(
            span,
            "too-large",
            message!(
                "the file has more than {MOST_NODES} values, counting each use of an alias",
                "el archivo tiene más de {MOST_NODES} valores, contando cada uso de un alias"
            ),
            message!(
                "use fewer aliases, or split the file",
                "use menos alias, o divida el archivo"
            ),
        ))
    }

    fn alias(&mut self, anchor: usize, span: saphyr_parser::Span) -> Result<Built, Fatal> {
        if let Some(built) = self.anchors.get(&anchor) {
            let built = built.clone();
            self.count(built.nodes, span)?;
            return Ok(built);
        }
        let message = if self.open_anchors.contains(&anchor) {
            message!(
                "an alias refers to a value that it is part of",
                "un alias se refiere a un valor del que forma parte"
            )
        } else {
            message!(
                "an alias refers to no anchor",
                "un alias no se refiere a ningún ancla"
            )
        };
        let hint = message!("write the value out", "escriba el valor completo");
        Err(self.fatal(span, "bad-alias", message, hint))
    }

    fn finish(&mut self, anchor: usize, built: Built) -> Built {
        if anchor > 0 {
            self.anchors.insert(anchor, built.clone());
        }
        built
    }

    fn collection(
        &mut self,
        anchor: usize,
        tag: Option<&Cow<'t, Tag>>,
        span: saphyr_parser::Span,
        read: fn(&mut Self, Span) -> Result<Built, Fatal>,
    ) -> Result<Built, Fatal> {
        self.refuse_tag(tag, span);
        if self.depth == MOST_DEPTH {
            return Err(self.fatal(
                span,
                "too-deep",
                message!(
                    "values are nested more than {MOST_DEPTH} deep",
                    "hay valores anidados a más de {MOST_DEPTH} niveles"
                ),
                message!(
                    "close brackets and braces sooner",
                    "cierre antes los corchetes y las llaves"
                ),
            ));
        }
        self.depth += 1;
        self.open_anchors.push(anchor);
        let built = read(self, span_of(span))?;
        self.open_anchors.pop();
        self.depth -= 1;
        Ok(self.finish(anchor, built))
    }

    fn sequence(&mut self, mut span: Span) -> Result<Built, Fatal> {
        let (mut values, mut items, mut nodes) = (Vec::new(), Vec::new(), 1);
        loop {
            let next = self.next()?;
            if next.0 == Event::SequenceEnd {
                self.close(&mut span, next.1);
                let spans = Spans {
                    key: None,
                    value: span,
                    inner: Inner::Items(items),
                };
                return Ok(Built {
                    value: Value::Array(values),
                    spans,
                    nodes,
                });
            }
            let item = self.node(next)?;
            nodes += item.nodes;
            values.push(item.value);
            items.push(item.spans);
        }
    }

    /// A flow collection on one line has a length; any other begins where it
    /// begins.
    fn close(&self, span: &mut Span, end: saphyr_parser::Span) {
        let closed = Span {
            end: end.end.index(),
            ..*span
        };
        let flow = span.end > span.start;
        *span = if flow && end.end.line() == span.line {
            closed
        } else {
            Span {
                end: span.start,
                ..*span
            }
        };
    }

    /// What is refused reads as a text, so that nothing more is said of it.
    fn scalar(
        &mut self,
        text: Cow<'t, str>,
        style: ScalarStyle,
        tag: Option<&Cow<'t, Tag>>,
        span: saphyr_parser::Span,
    ) -> Value {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.refuse_tag(tag, span);
        }
        let shown = text.clone();
        match Scalar::parse_from_cow_and_metadata(text, style, tag) {
            Some(Scalar::Null) => Value::Null,
            Some(Scalar::Boolean(truth)) => Value::Bool(truth),
            Some(Scalar::Integer(number)) => number.into(),
            Some(Scalar::String(text)) => Value::String(text.into_owned()),
            Some(Scalar::FloatingPoint(number)) => match Number::from_f64(*number) {
                Some(number) => Value::Number(number),
                None => {
                    self.error(
                        "bad-number",
                        span_of(span),
                        message!(
                            "{shown} is not a finite number",
                            "{shown} no es un número finito"
                        ),
                        message!(
                            "write \"{shown}\", in quotes, if it is a text",
                            "escriba \"{shown}\", entre comillas, si es un texto"
                        ),
                    );
                    Value::String(shown.into_owned())
                }
            },
            None => {
                let tag = tag.map(ToString::to_string).unwrap_or_default();
                self.error(
                    "bad-tag",
                    span_of(span),
                    message!("\"{shown}\" is no {tag}", "«{shown}» no es {tag}"),
                    message!("remove the tag", "quite la etiqueta"),
                );
                Value::String(shown.into_owned())
            }
        }
    }

    /// The core schema's tags say of collections what their form says already.
    fn refuse_tag(&mut self, tag: Option<&Cow<'t, Tag>>, span: saphyr_parser::Span) {
        let Some(tag) = tag.filter(|tag| !tag.is_yaml_core_schema()) else {
            return;
        };
        self.error(
            "bad-tag",
            span_of(span),
            message!(
                "the tag {tag} means nothing here",
                "la etiqueta {tag} no significa nada aquí"
            ),
            message!(
                "remove the tag; put quotes around a text that begins with `!`",
                "quite la etiqueta; ponga entre comillas un texto que empieza con `!`"
            ),
        );
    }

    fn error(&mut self, code: &str, span: Span, message: Message, hint: Message) {
        if self.findings.len() < MOST_FINDINGS {
            let place = self.source.place(span);
            self.findings
                .push(Diagnostic::error(code, message).hint(hint).at(place));
        }
    }

    fn fatal(
        &self,
        span: saphyr_parser::Span,
        code: &str,
        message: Message,
        hint: Message,
    ) -> Fatal {
        let place = self.source.place(span_of(span));
        Box::new(Diagnostic::error(code, message).hint(hint).at(place))
    }
}

fn span_of(span: saphyr_parser::Span) -> Span {
    Span {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
        start: span.start.index(),
        end: span.end.index(),
    }
}
