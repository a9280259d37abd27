//! A value of a document and where it is.

use estiba_model::Place;
use estiba_score::yaml::{Document, join};
use serde_json::Value;

/// A value and its place. Reading what is not there, or has another type, gives
/// nothing.
#[derive(Clone)]
pub(crate) struct Node<'d> {
    document: &'d Document,
    pub value: &'d Value,
    pointer: String,
}

impl<'d> Node<'d> {
    pub fn root(document: &'d Document) -> Self {
        Self {
            document,
            value: &document.value,
            pointer: String::new(),
        }
    }

    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.as_object()?.get(key)?;
        Some(self.at(value, join(&self.pointer, key)))
    }

    /// The value at the end of `path`.
    pub fn find(&self, path: &[&str]) -> Option<Self> {
        path.iter()
            .try_fold(self.clone(), |node, key| node.get(key))
    }

    fn at(&self, value: &'d Value, pointer: String) -> Self {
        Self {
            document: self.document,
            value,
            pointer,
        }
    }

    /// The text of a text, a number or a truth value, numbers as they are
    /// written: 1.10 stays 1.10.
    pub fn scalar(&self) -> Option<String> {
        match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => {
                let written = self.document.written(&self.pointer).trim();
                let same = written.parse::<f64>().is_ok();
                Some(if same {
                    written.to_owned()
                } else {
                    number.to_string()
                })
            }
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }

    /// The scalar at `key`.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key)?.scalar()
    }

    /// The whole number at `key`, also where it is written as a text.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.text(key)?.parse().ok()
    }

    /// The scalars of the list at `key`.
    pub fn texts(&self, key: &str) -> Vec<String> {
        let items = self.items(key);
        items.iter().filter_map(Self::scalar).collect()
    }

    /// The items of the list at `key`.
    pub fn items(&self, key: &str) -> Vec<Self> {
        self.get(key).map(|node| node.list()).unwrap_or_default()
    }

    /// The items of a list.
    pub fn list(&self) -> Vec<Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items
            .map(|(index, value)| self.at(value, format!("{}/{index}", self.pointer)))
            .collect()
    }

    /// The fields of the map at `key`.
    pub fn entries(&self, key: &str) -> Vec<(&'d str, Self)> {
        self.get(key).map(|node| node.fields()).unwrap_or_default()
    }

    /// The fields of a map.
    pub fn fields(&self) -> Vec<(&'d str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields
            .map(|(key, value)| (key.as_str(), self.at(value, join(&self.pointer, key))))
            .collect()
    }

    /// Where the value is.
    pub fn place(&self) -> Place {
        let place = self.document.place(&self.pointer);
        if place.length_bytes == 0 {
            self.document.key_place(&self.pointer)
        } else {
            place
        }
    }

    /// Where its key is.
    pub fn key_place(&self) -> Place {
        self.document.key_place(&self.pointer)
    }

    pub fn file(&self) -> &'d std::path::Path {
        self.document.file()
    }
}
