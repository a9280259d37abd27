//! Things that lead back to themselves.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::Place;

/// What each name leads to, and where that is said.
pub(super) type Ways<'p> = BTreeMap<&'p str, Vec<(&'p str, Place)>>;

/// A way that ends where it began.
pub(super) struct Circle {
    /// The names on it, with arrows between them.
    pub shown: String,
    /// Where it is closed.
    pub at: Place,
}

/// The circles of some ways, each once. Without recursion: files may have more names
/// than a stack has room for.
pub(super) fn circles(ways: &Ways<'_>) -> Vec<Circle> {
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for start in ways.keys() {
        if done.contains(start) {
            continue;
        }
        // Each name on the way, and how many of those after it were tried.
        let mut way = vec![(*start, 0)];
        while let Some((name, tried)) = way.last_mut() {
            let name = *name;
            let Some((next, at)) = ways.get(name).and_then(|all| all.get(*tried)) else {
                done.insert(name);
                way.pop();
                continue;
            };
            *tried += 1;
            if let Some(back) = way.iter().position(|(name, _)| name == next) {
                let names = way[back..].iter().map(|(name, _)| *name);
                let names: Vec<&str> = names.chain([*next]).collect();
                found.push(Circle {
                    shown: names.join(" → "),
                    at: at.clone(),
                });
            } else if !done.contains(next) {
                way.push((*next, 0));
            }
        }
    }
    found
}
