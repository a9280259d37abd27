//! Findings that know which value they are about; the line is looked up at the
//! end, so that a project without mistakes is read only once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, Message, Place, message};
use estiba_score::yaml::{Document, join};

/// A value of one of the user's files.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    file: PathBuf,
    /// A JSON pointer (RFC 6901).
    pointer: String,
    part: Part,
}

#[derive(Debug, Clone)]
enum Part {
    Key,
    Value,
    /// Where these words are in the value.
    Words(String),
}

impl Spot {
    /// The value at `path` in `file`.
    pub fn value(file: &Path, path: &[&str]) -> Self {
        let pointer = path
            .iter()
            .fold(String::new(), |pointer, step| join(&pointer, step));
        Self {
            file: file.to_owned(),
            pointer,
            part: Part::Value,
        }
    }

    /// Where `words` are in this value.
    pub fn words(self, words: &str) -> Self {
        Self {
            part: Part::Words(words.to_owned()),
            ..self
        }
    }

    /// The key of this value.
    pub fn of_key(self) -> Self {
        Self {
            part: Part::Key,
            ..self
        }
    }
}

/// What the rules found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<(Diagnostic, Spot)>);

impl Findings {
    pub fn error(&mut self, code: &str, spot: Spot, message: Message, hint: Message) {
        self.0
            .push((Diagnostic::error(code, message).hint(hint), spot));
    }

    pub fn warning(&mut self, code: &str, spot: Spot, message: Message, hint: Message) {
        self.0
            .push((Diagnostic::warning(code, message).hint(hint), spot));
    }

    /// Adds what other rules found.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The findings with their lines, in the order of the files. What `over` says
    /// in place of `file` is where `over` says it.
    pub fn into_diagnostics(self, file: &Path, over: Option<&Document>) -> Vec<Diagnostic> {
        let mut documents = Documents {
            read: BTreeMap::new(),
            over: over.map(|document| (file, document)),
        };
        let mut diagnostics: Vec<Diagnostic> = self
            .0
            .into_iter()
            .map(|(diagnostic, spot)| diagnostic.at(documents.place(&spot)))
            .collect();
        diagnostics.sort_by(|a, b| a.place.cmp(&b.place));
        // One word can break the same rule for each workload or environment.
        diagnostics.dedup();
        diagnostics
    }
}

struct Documents<'d> {
    read: BTreeMap<PathBuf, Option<Document>>,
    over: Option<(&'d Path, &'d Document)>,
}

impl Documents<'_> {
    fn place(&mut self, spot: &Spot) -> Place {
        if let Some((file, over)) = self.over
            && file == spot.file
            && says(over, &spot.pointer)
        {
            return locate(over, spot);
        }
        let document = match self.read.entry(spot.file.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(open(&spot.file)),
        };
        document
            .as_ref()
            .map_or_else(|| start_of(&spot.file), |document| locate(document, spot))
    }
}

/// Whether a document says what is at `pointer`: also where it has another form
/// there (`on: laptop` for a map), which takes the place of all below it.
fn says(document: &Document, pointer: &str) -> bool {
    let mut at = pointer;
    loop {
        match document.value.pointer(at) {
            Some(value) => return at == pointer || !value.is_object(),
            None => at = at.rsplit_once('/').map_or("", |(parent, _)| parent),
        }
    }
}

fn open(file: &Path) -> Option<Document> {
    let text = std::fs::read_to_string(file).ok()?;
    Document::parse(file, &text).ok()
}

/// A value that has another form in the file (`on: laptop` for a map, the older
/// lists of files and volumes) is where the nearest thing around it is.
fn locate(document: &Document, spot: &Spot) -> Place {
    let mut pointer = spot.pointer.as_str();
    while document.value.pointer(pointer).is_none() {
        pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    match &spot.part {
        Part::Key => document.key_place(pointer),
        Part::Value => document.place(pointer),
        Part::Words(words) => document.place_within(pointer, words),
    }
}

/// The first character of a file.
pub(crate) fn start_of(file: &Path) -> Place {
    Place {
        file: file.to_owned(),
        line: 1,
        column: 1,
        offset_bytes: 0,
        length_bytes: 0,
    }
}

/// The candidate that `word` is most likely a slip of.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let most = word.chars().count().div_ceil(3);
    let near = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most);
    near.min().map(|(_, candidate)| candidate)
}

/// What to write instead of `word`: the candidate most like it, or all.
pub(crate) fn instead<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Message {
    const SHOWN: usize = 12;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(nearest) = nearest(word, candidates.iter().copied()) {
        return message!("did you mean \"{nearest}\"?", "¿quiso decir «{nearest}»?");
    }
    if candidates.is_empty() {
        return message!("there is none yet", "todavía no hay ninguno");
    }
    let list = candidates[..candidates.len().min(SHOWN)].join(", ");
    let more = if candidates.len() > SHOWN { "…" } else { "" };
    message!("it can be: {list}{more}", "puede ser: {list}{more}")
}
