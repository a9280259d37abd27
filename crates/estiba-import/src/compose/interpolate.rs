//! `${VARIABLE}` in Compose files
//! (<https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md>).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use estiba_model::{Place, message};

use crate::files::{Files, beside};
use crate::report::{Report, start_of};
use crate::source::{Source, is_environment};
use crate::text::{Piece, Setting, Text};

/// Deeper defaults of defaults are taken as they are written.
const MOST_DEPTH: usize = 8;

/// The values that `.env` files give to variables of Compose files.
#[derive(Debug, Default)]
pub(super) struct Variables {
    common: BTreeMap<String, (String, Place)>,
    own: BTreeMap<String, BTreeMap<String, (String, Place)>>,
    named: BTreeMap<String, Setting>,
}

impl Variables {
    /// From `.env` and `.env.{environment}` beside the Compose files.
    pub fn read(files: &dyn Files, sources: &[Source]) -> Self {
        let mut variables = Self::default();
        let folders: BTreeSet<&Path> = sources.iter().filter_map(|s| s.path.parent()).collect();
        for folder in folders {
            let common = beside(&folder.join("_"), ".env");
            if let Some(text) = files.text(&common) {
                variables.common.extend(parse(&common, &text));
            }
            for path in files.below(folder) {
                let Some(environment) = own_environment(folder, &path) else {
                    continue;
                };
                if let Some(text) = files.text(&path) {
                    let values = variables.own.entry(environment).or_default();
                    values.extend(parse(&path, &text));
                }
            }
        }
        variables
    }

    /// The environments that have a file of their own.
    pub fn environments(&self) -> Vec<String> {
        self.own.keys().cloned().collect()
    }

    /// The values that texts refer to.
    pub fn into_named(self) -> BTreeMap<String, Setting> {
        self.named
    }

    /// `text` with its variables as values of the environment.
    pub fn text(&mut self, text: &str, place: &Place) -> Text {
        self.expand(text, place, 0)
    }

    /// `text` where Score takes no placeholders: variables have the value that
    /// they have everywhere, or in the first environment.
    pub fn plain(&mut self, text: &str, place: &Place, report: &mut Report) -> String {
        let expanded = self.text(text, place);
        let mut plain = String::new();
        for piece in &expanded.0 {
            match piece {
                Piece::Plain(text) => plain.push_str(text),
                Piece::Named(name) => plain.push_str(&self.first_value(name, place, report)),
                Piece::Output { .. } => {}
            }
        }
        plain
    }

    fn first_value(&self, name: &str, place: &Place, report: &mut Report) -> String {
        let setting = self.named.get(name);
        let first = setting.and_then(|setting| setting.texts().next());
        let fixed = first.and_then(Text::as_plain).map(str::to_owned);
        let (message, hint) = match &fixed {
            Some(_) => (
                message!(
                    "${{{name}}} stands where Score takes no placeholders: its value of now was written instead",
                    "${{{name}}} está donde Score no admite marcadores: se escribió en su lugar el valor de ahora"
                ),
                message!(
                    "edit the Score file when it changes",
                    "edite el archivo Score cuando cambie"
                ),
            ),
            None => (
                message!(
                    "${{{name}}} has no value in .env, and stands where Score takes no placeholders",
                    "${{{name}}} no tiene valor en .env, y está donde Score no admite marcadores"
                ),
                message!(
                    "set it in .env and import again, or edit the Score file",
                    "defínalo en .env e importe otra vez, o edite el archivo Score"
                ),
            ),
        };
        report.warn("fixed-value", place.clone(), message, hint);
        fixed.unwrap_or_default()
    }

    fn expand(&mut self, text: &str, place: &Place, depth: usize) -> Text {
        let mut expanded = Text::default();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            expanded.push(Piece::Plain(rest[..at].to_owned()));
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                expanded.push(Piece::Plain("$".to_owned()));
                rest = after;
            } else if let Some((inner, after)) = braced(rest).filter(|_| depth < MOST_DEPTH) {
                self.braced(inner, place, depth)
                    .0
                    .into_iter()
                    .for_each(|piece| expanded.push(piece));
                rest = after;
            } else {
                let length = name_length(rest);
                if length == 0 {
                    expanded.push(Piece::Plain("$".to_owned()));
                } else {
                    let name = rest[..length].to_owned();
                    self.name(&name, None, place);
                    expanded.push(Piece::Named(name));
                    rest = &rest[length..];
                }
            }
        }
        expanded.push(Piece::Plain(rest.to_owned()));
        expanded
    }

    /// What is between braces: a name, and what stands for it where it is unset.
    fn braced(&mut self, inner: &str, place: &Place, depth: usize) -> Text {
        let length = name_length(inner);
        let (name, rest) = inner.split_at(length);
        if name.is_empty() {
            return Text::plain(format!("${{{inner}}}"));
        }
        let operator = rest.trim_start_matches(':');
        let (operator, argument) = match operator.chars().next() {
            Some(first @ ('-' | '?' | '+')) => (Some(first), &operator[1..]),
            _ => (None, ""),
        };
        let otherwise = match operator {
            Some('-') => Some(self.expand(argument, place, depth + 1)),
            Some('+') => {
                // Set or not is known here only by the files.
                let set = self.common.contains_key(name);
                let argument = self.expand(argument, place, depth + 1);
                return if set { argument } else { Text::default() };
            }
            _ => None,
        };
        self.name(name, otherwise, place);
        Text::named(name)
    }

    fn name(&mut self, name: &str, otherwise: Option<Text>, place: &Place) {
        let Self { common, own, named } = self;
        let setting = named.entry(name.to_owned()).or_insert_with(|| {
            let mut setting = Setting::new(place.clone());
            if let Some((value, place)) = common.get(name) {
                setting.set(None, Text::plain(value));
                setting.place = place.clone();
            }
            for (environment, values) in own.iter() {
                if let Some((value, place)) = values.get(name) {
                    if setting.common.is_none() && setting.own.is_empty() {
                        setting.place = place.clone();
                    }
                    setting.set(Some(environment), Text::plain(value));
                }
            }
            setting
        });
        if setting.common.is_none() {
            setting.common = otherwise;
        }
    }
}

fn own_environment(folder: &Path, path: &Path) -> Option<String> {
    let name = path.strip_prefix(folder).ok()?.to_str()?;
    let word = name.strip_prefix(".env.").or(name.strip_suffix(".env"))?;
    is_environment(word).then(|| word.to_owned())
}

fn name_length(text: &str) -> usize {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !text.starts_with(first) {
        return 0;
    }
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len())
}

/// What is between the braces that `text` begins with, and what follows.
fn braced(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{')?;
    let mut depth = 0usize;
    for (at, character) in inner.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&inner[..at], &inner[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The lines `NAME=VALUE` of an env file, with their places
/// (<https://github.com/compose-spec/compose-spec/blob/main/05-services.md#env_file-format>).
pub(super) fn parse(file: &Path, text: &str) -> Vec<(String, (String, Place))> {
    let mut values = Vec::new();
    let mut offset = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let place = Place {
            line: index + 1,
            offset_bytes: offset,
            ..start_of(file)
        };
        offset += whole.len();
        let line = whole.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            values.push((name.trim().to_owned(), (unquoted(value.trim()), place)));
        }
    }
    values
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote)
            && let Some((inner, _)) = rest.split_once(quote)
        {
            return inner.to_owned();
        }
    }
    // A comment begins after a space.
    value
        .split_once(" #")
        .map_or(value, |(value, _)| value.trim_end())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found() {
        let place = start_of(Path::new("c.yml"));
        let mut variables = Variables::default();
        let cases = [
            ("$$HOME", "$HOME"),
            ("${A}/x", "${resources.env.A}/x"),
            ("$B-1", "${resources.env.B}-1"),
            ("${C:-5}", "${resources.env.C}"),
            ("${D:+x}", ""),
            ("${", "$${"),
            ("$1", "$1"),
        ];
        for (text, expected) in cases {
            assert_eq!(
                variables.text(text, &place).score("env"),
                expected,
                "{text}"
            );
        }
        let named = variables.into_named();
        assert_eq!(named["C"].common, Some(Text::plain("5")));
        assert_eq!(named["A"].common, None);
    }

    #[test]
    fn env_files_are_read() {
        let text = "# no\nA=1\nexport B=\"two words\" # x\nC=x #y\n\nD\n";
        let values: Vec<_> = parse(Path::new(".env"), text)
            .into_iter()
            .map(|(name, (value, place))| (name, value, place.line))
            .collect();
        let expected = [("A", "1", 2), ("B", "two words", 3), ("C", "x", 4)];
        let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c));
        assert_eq!(values, expected);
    }
}
