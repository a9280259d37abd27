//! Names that Score takes, each given once.

use std::collections::BTreeSet;

use estiba_model::Name;
use estiba_project::name_of;

/// Leaves room for a number after it.
const LONGEST: usize = 50;

/// Names that are taken already.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<Name>);

impl Names {
    /// A name like `text` that nothing has yet; with `otherwise` before it where
    /// `text` leaves too little.
    pub fn give(&mut self, text: &str, otherwise: &str) -> Name {
        let base = valid(text).or_else(|| valid(&format!("{otherwise}-{text}")));
        let base = base.or_else(|| valid(otherwise));
        let mut number = 1u32;
        loop {
            let candidate = match (&base, number) {
                (Some(base), 1) => base.clone(),
                (Some(base), number) => format!("{base}-{number}"),
                (None, number) => format!("x{number}"),
            };
            number += 1;
            if let Ok(name) = candidate.parse::<Name>()
                && self.0.insert(name.clone())
            {
                return name;
            }
        }
    }
}

fn valid(text: &str) -> Option<String> {
    let name = name_of(text)?;
    let name = name.get(..LONGEST).unwrap_or(&name).trim_end_matches('-');
    name.parse::<Name>().is_ok().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_gets_a_name_of_its_own() {
        let mut names = Names::default();
        let mut give = |text| names.give(text, "service").to_string();
        assert_eq!(give("my_api"), "my-api");
        assert_eq!(give("my-api"), "my-api-2");
        assert_eq!(give("a"), "service-a");
        assert_eq!(give("!"), "service");
        assert_eq!(give(""), "service-2");
    }
}
