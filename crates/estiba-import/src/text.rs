//! Values on their way: what is written, and what stands for something else.

use std::collections::BTreeMap;

use estiba_model::Place;

/// A text with references found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text(pub Vec<Piece>);

/// A part of a [`Text`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it is.
    Plain(String),
    /// A value of the environment, by its name.
    Named(String),
    /// An output of a resource of the workload.
    Output { resource: String, key: &'static str },
}

impl Text {
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Piece::Plain(text.into())])
    }

    pub fn named(name: impl Into<String>) -> Self {
        Self(vec![Piece::Named(name.into())])
    }

    /// The text, where nothing in it stands for something else.
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// What is plain in it.
    pub fn plain_parts(&self) -> String {
        let plain = self.0.iter().filter_map(|piece| match piece {
            Piece::Plain(text) => Some(text.as_str()),
            _ => None,
        });
        plain.collect()
    }

    pub fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (_, Piece::Plain(text)) if text.is_empty() => {}
            (Some(Piece::Plain(last)), Piece::Plain(text)) => last.push_str(&text),
            (_, piece) => self.0.push(piece),
        }
    }

    /// The text in Score's syntax; `environment` is the name of the workload's
    /// resource of `type: environment`.
    pub fn score(&self, environment: &str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Plain(text) => escape(text),
            Piece::Named(name) => format!("${{resources.{environment}.{name}}}"),
            Piece::Output { resource, key } => format!("${{resources.{resource}.{key}}}"),
        });
        pieces.collect()
    }
}

/// A dollar that Score would take for the beginning of something is doubled.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        escaped.push_str(&rest[..=at]);
        rest = &rest[at + 1..];
        if rest.is_empty() || rest.starts_with(['{', '$']) {
            escaped.push('$');
        }
    }
    escaped.push_str(rest);
    escaped
}

/// A value that may differ between environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// What every environment has that has none of its own.
    pub common: Option<Text>,
    /// What an environment has.
    pub own: BTreeMap<String, Text>,
    /// The source says that it is a secret.
    pub secret: bool,
    /// Where it is written first.
    pub place: Place,
}

impl Setting {
    pub fn new(place: Place) -> Self {
        Self {
            common: None,
            own: BTreeMap::new(),
            secret: false,
            place,
        }
    }

    /// The same in every environment.
    pub fn same(text: Text, place: Place) -> Self {
        Self {
            common: Some(text),
            ..Self::new(place)
        }
    }

    /// Sets what an environment has; all of them for `None`.
    pub fn set(&mut self, environment: Option<&str>, text: Text) {
        match environment {
            None => self.common = Some(text),
            Some(environment) => {
                self.own.insert(environment.to_owned(), text);
            }
        }
    }

    pub fn of(&self, environment: &str) -> Option<&Text> {
        self.own.get(environment).or(self.common.as_ref())
    }

    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        self.common.iter().chain(self.own.values())
    }

    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        self.common.iter_mut().chain(self.own.values_mut())
    }

    /// The text that all of `environments` have.
    pub fn shared(&self, environments: &[String]) -> Option<&Text> {
        let mut all = environments.iter().map(|environment| self.of(environment));
        let first = all.next()??;
        all.all(|text| text == Some(first)).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_kept() {
        for (text, escaped) in [
            ("$HOME", "$HOME"),
            ("${HOME}", "$${HOME}"),
            ("a$", "a$$"),
            ("$$5", "$$$5"),
        ] {
            assert_eq!(escape(text), escaped, "{text}");
            let template = estiba_score::placeholder::Template::parse(&escape(text)).unwrap();
            assert_eq!(template.expand::<()>(&|_| Err(())).unwrap(), text);
        }
    }
}
