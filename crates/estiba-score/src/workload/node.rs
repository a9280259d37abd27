//! A value of the document on its way to a type.

use estiba_model::{Diagnostic, Message, Place};
use serde_json::{Map, Value};

use crate::yaml::{Document, MOST_FINDINGS, join};

/// A value and where it is. Values of a wrong type read as absent: the schema
/// has told already.
#[derive(Clone)]
pub(super) struct Node<'d> {
    pub value: &'d Value,
    pub pointer: String,
}

impl<'d> Node<'d> {
    pub fn root(document: &'d Document) -> Self {
        Self {
            value: &document.value,
            pointer: String::new(),
        }
    }

    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(key)?;
        Some(Self {
            value,
            pointer: join(&self.pointer, key),
        })
    }

    pub fn text(&self, key: &str) -> Option<&'d str> {
        self.value.as_object()?.get(key)?.as_str()
    }

    pub fn flag(&self, key: &str) -> bool {
        self.value
            .get(key)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    pub fn map(&self, key: &str) -> Map<String, Value> {
        self.value
            .get(key)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let items = self
            .value
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        items
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    }

    /// The entries of the map at `key`.
    pub fn entries(&self, key: &str) -> impl Iterator<Item = (&'d str, Self)> {
        self.get(key)
            .into_iter()
            .flat_map(|node| node.fields().collect::<Vec<_>>())
    }

    /// The entries of a map.
    pub fn fields(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.map(|(key, value)| {
            (
                key.as_str(),
                Self {
                    value,
                    pointer: join(&self.pointer, key),
                },
            )
        })
    }

    /// The items of a list.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| Self {
            value,
            pointer: format!("{}/{index}", self.pointer),
        })
    }
}

/// What the rules found.
pub(super) struct Findings<'d> {
    pub document: &'d Document,
    pub list: Vec<Diagnostic>,
}

impl Findings<'_> {
    /// Whether more findings would only be left out.
    pub fn full(&self) -> bool {
        self.list.len() >= MOST_FINDINGS
    }

    pub fn value(&self, node: &Node<'_>) -> Place {
        let place = self.document.place(&node.pointer);
        if place.length_bytes == 0 {
            self.key(node)
        } else {
            place
        }
    }

    pub fn key(&self, node: &Node<'_>) -> Place {
        self.document.key_place(&node.pointer)
    }

    pub fn error(&mut self, code: &str, place: Place, message: Message, hint: Message) {
        if !self.full() {
            self.list
                .push(Diagnostic::error(code, message).hint(hint).at(place));
        }
    }

    pub fn warning(&mut self, code: &str, place: Place, message: Message, hint: Message) {
        if !self.full() {
            self.list
                .push(Diagnostic::warning(code, message).hint(hint).at(place));
        }
    }
}
