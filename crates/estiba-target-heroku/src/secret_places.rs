//! Where in the config vars of an app the secrets are, so that whoever shows its log
//! knows them without their being kept a second time.

use std::collections::BTreeMap;

use estiba_model::SecretString;

use crate::marks::Vars;

/// The secrets in each config var: at which byte each begins, and its length.
pub(crate) type Places = BTreeMap<String, Vec<(usize, usize)>>;

/// Finds `secrets` in `vars`.
pub(crate) fn find(vars: &Vars, secrets: &[SecretString]) -> Places {
    let mut places = Places::new();
    for (name, value) in vars {
        let value = value.expose();
        let mut found: Vec<(usize, usize)> = secrets
            .iter()
            .map(SecretString::expose)
            .filter(|secret| !secret.is_empty())
            .flat_map(|secret| {
                let at = value.match_indices(secret);
                at.map(|(at, part)| (at, part.len()))
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        if !found.is_empty() {
            places.insert(name.clone(), found);
        }
    }
    places
}

/// The secrets themselves. A value that somebody changed meanwhile is one as a whole.
pub(crate) fn read(vars: &Vars, places: &Places) -> Vec<SecretString> {
    let mut secrets = Vec::new();
    for (name, found) in places {
        let Some(value) = vars.get(name).map(SecretString::expose) else {
            continue;
        };
        for (at, length) in found {
            let part = value.get(*at..at.saturating_add(*length));
            secrets.push(SecretString::new(part.unwrap_or(value)));
        }
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(all: &[(&str, &str)]) -> Vars {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), SecretString::new(*value));
        all.iter().map(owned).collect()
    }

    #[test]
    fn secrets_are_found_again_where_they_are() {
        let vars_then = vars(&[
            ("URL", "postgres://u:hunter22@h/d?x=hunter22"),
            ("TOKEN", "t0ken-t0ken"),
            ("LEVEL", "debug"),
        ]);
        let secrets = [
            SecretString::new("hunter22"),
            SecretString::new("t0ken-t0ken"),
        ];
        let places = find(&vars_then, &secrets);
        assert_eq!(places.keys().collect::<Vec<_>>(), ["TOKEN", "URL"]);
        let found = read(&vars_then, &places);
        assert_eq!(
            found,
            ["t0ken-t0ken", "hunter22", "hunter22"].map(SecretString::new)
        );
        let changed = vars(&[("TOKEN", "short")]);
        assert_eq!(read(&changed, &places), [SecretString::new("short")]);
    }
}
