//! What someone who mistyped a word may have meant.

use estiba_model::{Message, message};

/// Enough for any file that people write; a hostile one costs no more.
const MOST_COMPARED: usize = 200;

/// The candidate that `word` is most likely a slip of.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let most = word.chars().count().div_ceil(3);
    let lower = word.to_lowercase();
    let near = candidates
        .iter()
        .take(MOST_COMPARED)
        .map(|candidate| {
            (
                strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= most);
    near.min().map(|(_, candidate)| candidate)
}

/// What to write instead of `word`: the candidate most like it, or all.
pub fn instead<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Message {
    const SHOWN: usize = 12;
    let candidates: Vec<&str> = candidates.into_iter().collect();
    // The distance takes time in the square of the length, and nobody mistypes that.
    let found = (word.len() <= 128)
        .then(|| nearest(word, &candidates))
        .flatten();
    if let Some(found) = found {
        return message!("did you mean \"{found}\"?", "¿quiso decir «{found}»?");
    }
    if candidates.is_empty() {
        return message!("there is none: remove it", "no hay ninguno: quítelo");
    }
    let list = candidates[..candidates.len().min(SHOWN)].join(", ");
    let more = if candidates.len() > SHOWN { "…" } else { "" };
    message!("there is: {list}{more}", "hay: {list}{more}")
}
